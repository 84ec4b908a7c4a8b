//! A fake that is wrong makes every test that trusts it worthless, so it has tests of its own, with a client that
//! shares no code with it nor with the provider.

mod client;

use std::io;

use serde_json::{Value, json};

use client::{Answer, Client};

use super::{
    Upstream,
    script::{LineEnd, Script},
    state::Ended,
    wire::INPUT_TOKENS,
};

const ALL: [&str; 6] = [
    "/v1/messages",
    "/v1/chat/completions",
    "/mistral/v1/chat/completions",
    "/v1/responses",
    "/v1beta/models/scripted:streamGenerateContent?alt=sse",
    "/api/chat",
];

/// A streaming request in the format of the path.
fn request_to(path: &str, text: &str) -> Value {
    let said = json!([{ "role": "user", "content": text }]);
    match path {
        _ if path.starts_with("/mistral") => json!({ "model": "scripted", "stream": true, "messages": said }),
        _ if path.contains("responses") => json!({ "model": "scripted", "stream": true, "input": said }),
        _ if path.contains("v1beta") => json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] }),
        _ if path.contains("api/chat") => json!({ "model": "scripted", "messages": said }),
        _ => request(text),
    }
}

fn request(text: &str) -> Value {
    json!({
        "model": "scripted",
        "max_tokens": 100,
        "stream": true,
        "stream_options": { "include_usage": true },
        "messages": [{ "role": "user", "content": text }],
    })
}

async fn ask(upstream: &Upstream, path: &str, text: &str) -> Answer {
    let mut client = Client::connect(upstream).await;
    client.send(&format!("POST {path}"), &request_to(path, text)).await;
    client.answer().await
}

/// Every way to write the same text.
fn framings() -> Vec<Script> {
    let plain = Script { pieces: 7, multibyte: true, thinking: 2, ..Script::default() };
    let mut framings = vec![
        Script { bom: true, comments: true, ..plain.clone() },
        Script { no_space: true, empty_choices: true, ..plain.clone() },
        Script { gap_ms: 1, split: Some(11), line_end: LineEnd::Mixed, ..plain.clone() },
    ];
    for line_end in [LineEnd::Lf, LineEnd::Cr, LineEnd::Crlf, LineEnd::Mixed] {
        for split in [None, Some(1), Some(2), Some(3), Some(1000)] {
            framings.push(Script { line_end, split, comments: true, ..plain.clone() });
        }
    }
    framings
}

#[tokio::test]
async fn the_text_is_the_same_however_it_is_framed() {
    let upstream = Upstream::start().await;
    let expected = "é0 漢1 🙂2 e\u{301}3 🇫🇷4 👩\u{200d}👩\u{200d}👧5 é6";
    for script in framings() {
        for path in ALL {
            upstream.script(script.clone());
            let answer = ask(&upstream, path, "Hello").await;
            assert_eq!(answer.text(), expected, "{path} {script:?}");
            assert!(answer.whole);
            let slice = script.split.unwrap_or(usize::MAX);
            assert!(answer.chunks.iter().all(|chunk| chunk.len() <= slice));
            let seen = upstream.seen().pop().unwrap();
            assert_eq!((seen.text.as_str(), seen.pieces, seen.thinking), (expected, 7, 2));
            assert_eq!(script.full_text(), expected);
        }
    }
    upstream.ended(ALL.len() * framings().len()).await.unwrap();
    assert!(upstream.seen().iter().all(|seen| seen.ended == Some(Ended::Completed)));
}

#[tokio::test]
async fn given_text_arrives_unchanged() {
    let upstream = Upstream::start().await;
    let odd = Script {
        pieces: 3,
        long_line: Some(100_000),
        invalid_utf8: true,
        lone_surrogate: true,
        nul: true,
        ..Script::default()
    };
    let text = Some("Ein „Zitat“\n\tund 👩\u{200d}👧 \"mehr\" \\ \u{1}".to_owned());
    let scripts = [
        Script { markdown: true, ..Script::default() },
        Script { text: Some(String::new()), ..Script::default() },
        Script { text, piece_chars: 1, ..Script::default() },
        Script { split: Some(1), long_line: None, ..odd.clone() },
        odd,
    ];
    for script in scripts {
        for path in ALL {
            upstream.script(script.clone());
            let answer = ask(&upstream, path, "Hello").await;
            assert_eq!(answer.text(), script.full_text());
        }
    }
}

#[tokio::test]
async fn events_come_in_the_providers_order() {
    let upstream = Upstream::start().await;
    upstream.script(Script { pieces: 1, thinking: 1, ..Script::default() });
    let events = ask(&upstream, ALL[0], "Hello").await.events();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let block = ["content_block_start", "content_block_delta"];
    let expected = [
        &["message_start"][..],
        &block,
        &["content_block_delta", "content_block_stop"],
        &block,
        &["content_block_stop", "message_delta", "message_stop"],
    ];
    assert_eq!(kinds, expected.concat());
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], INPUT_TOKENS);
    assert_eq!(events[8]["usage"]["output_tokens"], 2);

    let events = ask(&upstream, ALL[1], "Hello").await.events();
    assert_eq!(events[1]["choices"][0]["delta"]["reasoning_content"], "thought0");
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[4]["usage"]["completion_tokens"], 2);
    assert_eq!(events[5], "[DONE]");
    assert_eq!(events.len(), 6);

    let events = ask(&upstream, ALL[3], "Hello").await.events();
    let last = &events.last().unwrap();
    assert_eq!((&events[0]["type"], &last["type"]), (&json!("response.created"), &json!("response.completed")));
    assert_eq!(last["response"]["usage"]["output_tokens"], 2);
    let events = ask(&upstream, ALL[4], "Hello").await.events();
    assert_eq!(events[1]["candidates"][0]["content"]["parts"][0]["thought"], true);
    assert_eq!(events[3]["candidates"][0]["finishReason"], "STOP");
    assert_eq!(events[3]["usageMetadata"]["thoughtsTokenCount"], 1);
    let events = ask(&upstream, ALL[5], "Hello").await.events();
    assert_eq!((&events[0]["message"]["thinking"], &events[2]["done"]), (&json!("thought0"), &json!(true)));
    assert_eq!(events[2]["eval_count"], 2);
}

#[tokio::test]
async fn faults_in_the_middle_leave_the_pieces_before_them() {
    let upstream = Upstream::start().await;
    let plain = Script { pieces: 5, ..Script::default() };
    let faults = [
        (Script { cut_after: Some(2), ..plain.clone() }, Ended::Cut, true),
        (Script { close_after: Some(2), ..plain.clone() }, Ended::Reset, false),
        (Script { reset_after: Some(2), split: Some(7), ..plain.clone() }, Ended::Reset, false),
        (Script { error_after: Some(2), ..plain.clone() }, Ended::Failed, true),
    ];
    for (script, ended, whole) in faults {
        for path in ALL {
            upstream.reset();
            upstream.script(script.clone());
            let answer = ask(&upstream, path, "Hello").await;
            assert_eq!((answer.text().as_str(), answer.whole), ("t0 t1", whole), "{path} {script:?}");
            upstream.ended(1).await.unwrap();
            let seen = upstream.seen().pop().unwrap();
            assert_eq!((seen.ended, seen.pieces), (Some(ended), 2));
            let told = answer.events().iter().any(|event| !event["error"].is_null() || event["type"] == "error");
            assert_eq!(told, ended == Ended::Failed);
        }
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_not() {
    let upstream = Upstream::start().await;
    for (reset_after, close_after) in [(Some(1), None), (None, Some(1))] {
        upstream.script(Script { reset_after, close_after, ..Script::default() });
        let mut client = Client::connect(&upstream).await;
        client.send("POST /v1/messages", &request("Hello")).await;
        let error = loop {
            if let Err(error) = client.more().await {
                break error.kind();
            }
        };
        let reset = error == io::ErrorKind::ConnectionReset;
        assert_eq!(reset, reset_after.is_some());
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_at_once() {
    let upstream = Upstream::start().await;
    let forever = 3_600_000;
    let silences = [
        Script { headers_ms: forever, ..Script::default() },
        Script { first_ms: forever, ..Script::default() },
        Script { silence_after: Some(3), ..Script::default() },
        Script { gap_ms: forever, ..Script::default() },
        Script { split: Some(1), drip_ms: forever, ..Script::default() },
        Script { pieces: usize::MAX, ..Script::default() },
    ];
    for (before, script) in silences.into_iter().enumerate() {
        upstream.push(script);
        let mut client = Client::connect(&upstream).await;
        client.send("POST /v1/messages", &request("Hello")).await;
        upstream.arrived(before + 1).await.unwrap();
        assert_eq!(upstream.seen()[before].ended, None);
        drop(client);
        upstream.closed(before + 1).await.unwrap();
    }
}

#[tokio::test]
async fn silence_comes_after_the_piece_it_is_told() {
    let upstream = Upstream::start().await;
    upstream.script(Script { silence_after: Some(3), split: Some(64), ..Script::default() });
    let mut client = Client::connect(&upstream).await;
    client.send("POST /v1/chat/completions", &request("Hello")).await;
    upstream.until(1, |seen| seen.pieces == 3).await.unwrap();
    while !String::from_utf8_lossy(&client.read).contains("null}") || !client.read.ends_with(b"\n\n\r\n") {
        client.more().await.unwrap();
    }
    assert_eq!(upstream.seen()[0].ended, None);
}

#[tokio::test]
async fn an_answer_holds_until_it_is_told_to_go() {
    let upstream = Upstream::start().await;
    upstream.script(Script { hold_after: vec![3, 20], ..Script::default() });
    let mut client = Client::connect(&upstream).await;
    client.send("POST /v1/messages", &request("Hello")).await;
    for pieces in [3, 20] {
        upstream.until(1, |seen| seen.pieces == pieces).await.unwrap();
        assert_eq!(upstream.seen()[0].ended, None);
        upstream.go();
    }
    assert_eq!(client.answer().await.text(), Script::default().full_text());
}

#[tokio::test]
async fn a_status_is_answered_as_often_as_told_and_then_no_more() {
    let upstream = Upstream::start().await;
    let busy = Script { status: Some(529), times: Some(2), retry_after: Some("2".into()), ..Script::default() };
    upstream.push(busy);
    let mut client = Client::connect(&upstream).await;
    for _ in 0..2 {
        client.send("POST /v1/messages", &request("Hello")).await;
        let answer = client.answer().await;
        assert!(answer.head.starts_with("HTTP/1.1 529") && answer.head.contains("retry-after: 2\n"));
        assert_eq!(answer.json()["error"]["type"], "overloaded_error");
    }
    client.send("POST /v1/messages", &request("Hello")).await;
    assert_eq!(client.answer().await.text(), Script::default().full_text());
}

#[tokio::test]
async fn a_message_can_carry_its_script() {
    let upstream = Upstream::start().await;
    upstream.script(Script { status: Some(500), ..Script::default() });
    let text = "Please\n@upstream {\"pieces\": 2, \"status\": 429, \"times\": 1}\nthanks";
    assert_eq!(ask(&upstream, ALL[1], text).await.json()["error"]["type"], "rate_limit_error");
    assert_eq!(ask(&upstream, ALL[1], text).await.text(), "t0 t1");
    let wrong = ask(&upstream, ALL[1], "@upstream {\"peaces\": 2}").await;
    assert!(wrong.json()["error"]["message"].as_str().unwrap().contains("peaces"));
}

#[tokio::test]
async fn a_plain_answer_is_whatever_was_asked_for() {
    let upstream = Upstream::start().await;
    let page = "<html>Bad gateway</html>".to_owned();
    let content_type = Some("text/html".to_owned());
    upstream.push(Script { status: Some(502), body: Some(page.clone()), content_type, ..Script::default() });
    let answer = ask(&upstream, ALL[0], "Hello").await;
    assert!(answer.head.contains("content-type: text/html\n"));
    assert_eq!(answer.chunks.concat(), page.as_bytes());
    for (path, pointer) in ALL.into_iter().zip(["/content/0/text", "/choices/0/message/content"]) {
        let mut client = Client::connect(&upstream).await;
        let mut body = request("Hello");
        body["stream"] = false.into();
        client.send(&format!("POST {path}"), &body).await;
        let text = client.answer().await.json().pointer(pointer).cloned();
        assert_eq!(text, Some(Script::default().full_text().into()));
    }
}

#[tokio::test]
async fn scripts_and_sightings_travel_over_http() {
    let upstream = Upstream::start().await;
    let mut client = Client::connect(&upstream).await;
    for (line, body, status) in [
        ("PUT /script", json!({ "pieces": 1 }), "200"),
        ("POST /scripts", json!({ "pieces": 2 }), "200"),
        ("POST /scripts", json!({ "pieces": "two" }), "400"),
        ("GET /nothing", json!(null), "404"),
    ] {
        client.send(line, &body).await;
        assert!(client.reply().await.0.contains(status));
    }
    assert_eq!(ask(&upstream, ALL[0], "Hello").await.text(), "t0 t1");
    assert_eq!(ask(&upstream, ALL[0], "Hello").await.text(), "t0");
    client.send("GET /ended/2", &Value::Null).await;
    let seen: Value = serde_json::from_str(&client.reply().await.1).unwrap();
    assert_eq!((&seen[1]["text"], &seen[1]["ended"]), (&json!("t0"), &json!("completed")));
    client.send("DELETE /seen", &Value::Null).await;
    client.reply().await;
    assert!(upstream.seen().is_empty());
    assert_eq!(ask(&upstream, ALL[0], "Hello").await.text(), Script::default().full_text());
}
