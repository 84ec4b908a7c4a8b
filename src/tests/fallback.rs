//! Between a question and the first piece: another attempt, another model, and what users are told of it.

use super::app::{App, Frame, said};
use super::upstream::script::Script;
use serde_json::{Value, json};

const TWO: &str = r#"
    [providers.first]
    kind = "anthropic"
    base_url = "URL"
    models = [{ id = "big", fallback = "second/small", price = { input = 1000, output = 1000 } }]
    [providers.second]
    kind = "openai"
    base_url = "URL/v1"
    models = [{ id = "small", price = { input = 1, output = 0 } }]"#;

fn failing(status: u16) -> Script {
    Script { status: Some(status), ..Script::default() }
}

/// Sends a message without a script: the upstream answers from its queue.
async fn ask(app: &App, conversation: &str) -> Vec<Frame> {
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let sent: Value = app.post(&path, json!({ "content": "Hello", "model": "first/big" })).await.json().await.unwrap();
    app.rest_of(conversation, &super::app::Sent::of(&sent)).await
}

fn waited(frames: &[Frame]) -> Vec<&Value> {
    frames.iter().filter(|frame| frame.event == "waiting").map(|frame| &frame.data).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_told_while_a_provider_is_asked_again() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { status: Some(529), times: Some(1), retry_after_ms: Some(40), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let frames = app.rest_of(&conversation, &sent).await;
    let told = waited(&frames);
    let words = "The model provider is overloaded. Asking it again in 1 second\u{2026}";
    assert_eq!((told.len(), &told[0]["message"], told[0].get("model")), (1, &json!(words), None));
    let first = frames.iter().position(|frame| frame.event == "token").unwrap();
    assert!(frames.iter().position(|frame| frame.event == "waiting").unwrap() < first);
    assert_eq!(frames.last().unwrap().event, "done");
    assert_eq!(app.last_message(&conversation).await.get("asked"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_model_answers_where_the_first_cannot_and_everybody_knows() {
    let app = App::configured(TWO).await;
    let conversation = app.conversation().await;
    app.upstream.push(failing(401));
    app.upstream.push(Script { silence_after: Some(4), ..Script::default() });
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let sent: Value = app.post(&path, json!({ "content": "Hello", "model": "first/big" })).await.json().await.unwrap();
    let sent = super::app::Sent::of(&sent);
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    let told = events.until("token").await;
    let told = waited(&told);
    assert_eq!((told.len(), &told[0]["model"]), (1, &json!("second/small")));
    assert_eq!(told[0]["message"], "The provider of big refused the key. Asking small instead\u{2026}");
    // A viewer who joins in the middle sees it as well.
    let shown = app.last_message(&conversation).await;
    assert_eq!((&shown["model"], &shown["asked"]), (&json!("second/small"), &json!("first/big")));

    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    events.until_end(&sent.reply).await;
    let shown = app.last_message(&conversation).await;
    assert_eq!((&shown["model"], &shown["asked"]), (&json!("second/small"), &json!("first/big")));
    let seen = app.upstream.seen();
    assert_eq!((seen.len(), &seen[0].body["model"], &seen[1].body["model"]), (2, &json!("big"), &json!("small")));
    let used: Value = app.get("/api/v1/usage").await.json().await.unwrap();
    assert_eq!((used["items"].as_array().unwrap().len(), &used["items"][0]["model"]), (1, &json!("second/small")));
    assert!(used["items"][0]["cost_micros"].as_u64().unwrap() < 1_000, "at the price of who answered: {used}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_other_fails_too_that_is_what_is_told() {
    let app = App::configured(TWO).await;
    let conversation = app.conversation().await;
    app.upstream.push(failing(401));
    app.upstream.push(failing(404));
    let frames = ask(&app, &conversation).await;
    assert_eq!(frames.last().unwrap().data["kind"], "model_not_found");
    assert_eq!(app.upstream.seen().len(), 2, "nobody is asked a third time");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_first_piece_and_for_a_request_that_is_wrong_nobody_else_is_asked() {
    let app = App::configured(TWO).await;
    for (script, kind, text) in [
        (Script { cut_after: Some(3), ..Script::default() }, "truncated", "t0 t1 t2"),
        (failing(400), "bad_request", ""),
    ] {
        app.upstream.reset();
        let conversation = app.conversation().await;
        app.upstream.push(script);
        let frames = ask(&app, &conversation).await;
        assert_eq!((said(&frames).as_str(), &frames.last().unwrap().data["kind"]), (text, &json!(kind)));
        assert_eq!(app.upstream.seen().len(), 1, "a second reply would be a second bill");
        assert_eq!(waited(&frames), Vec::<&Value>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_read_all_of_it_is_not_asked_instead() {
    let app = App::configured(&TWO.replace(r#"id = "small","#, r#"id = "small", context = 100,"#)).await;
    for (words, asked) in [(80, vec!["big", "small"]), (100, vec!["big"])] {
        app.upstream.reset();
        let conversation = app.conversation().await;
        app.upstream.push(failing(401));
        let path = format!("/api/v1/conversations/{conversation}/messages");
        // About a token each.
        let body = json!({ "content": "abc ".repeat(words), "model": "first/big" });
        let sent: Value = app.post(&path, body).await.json().await.unwrap();
        app.rest_of(&conversation, &super::app::Sent::of(&sent)).await;
        let seen = app.upstream.seen();
        let models: Vec<_> = seen.iter().map(|seen| seen.body["model"].as_str().unwrap()).collect();
        assert_eq!(models, asked, "{words} words");
    }
}

/// A whole answer without a word: it counts what it was asked.
fn silent() -> Script {
    Script { pieces: 0, ..Script::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn z07_where_a_model_answers_nothing_another_is_asked_and_both_are_paid() {
    let app = App::configured(TWO).await;
    let conversation = app.conversation().await;
    app.upstream.push(silent());
    app.upstream.push(Script::default());
    let frames = ask(&app, &conversation).await;
    let told = waited(&frames);
    assert_eq!((told.len(), &told[0]["model"]), (1, &json!("second/small")));
    assert_eq!(told[0]["message"], "The provider of big answered nothing. Asking small instead\u{2026}");
    assert_eq!(frames.last().unwrap().event, "done");
    let used: Value = app.get("/api/v1/usage").await.json().await.unwrap();
    let of =
        |model: &str| used["items"].as_array().unwrap().iter().find(|item| item["model"] == model).unwrap().clone();
    let (first, second) = (of("first/big"), of("second/small"));
    // The output that Anthropic counts at the beginning is on the bill as well.
    assert_eq!(
        (&first["input_tokens"], &first["replies"], &first["cost_micros"]),
        (&json!(11), &json!(0), &json!(12_000))
    );
    assert_eq!((&second["input_tokens"], &second["replies"]), (&json!(11), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn z07_where_a_model_only_thought_nobody_else_is_asked() {
    let app = App::configured(TWO).await;
    let conversation = app.conversation().await;
    app.upstream.push(Script { thinking: 2, stop_reason: Some("max_tokens".into()), ..silent() });
    let frames = ask(&app, &conversation).await;
    let end = frames.last().unwrap();
    assert_eq!((&end.data["kind"], &end.data["retryable"]), (&json!("empty"), &json!(true)), "{end:?}");
    assert!(end.data["message"].as_str().unwrap().contains("Longest reply"), "{end:?}");
    assert_eq!((app.upstream.seen().len(), waited(&frames).len()), (1, 0), "a second reply would be a second bill");
    let message = app.last_message(&conversation).await;
    assert_eq!((&message["status"], &message["thinking"]), (&json!("failed"), &json!("thought0 thought1")));
    assert_eq!((&message["usage"]["input_tokens"], &message["usage"]["cost_micros"]), (&json!(11), &json!(13_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn z07_an_answer_without_a_word_is_failed_and_paid_for_in_every_format() {
    let app = App::start().await;
    for model in ["anthropic/mock", "openai/mock", "responses/mock", "gemini/mock", "ollama/mock", "mistral/mock"] {
        let conversation = app.conversation().await;
        let sent = app.send_to(&conversation, &silent(), model).await;
        let frames = app.rest_of(&conversation, &sent).await;
        assert_eq!(frames.last().unwrap().data["kind"], "empty", "{model}");
        let message = app.last_message(&conversation).await;
        assert_eq!((&message["status"], &message["usage"]["input_tokens"]), (&json!("failed"), &json!(11)), "{model}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z08_what_was_not_counted_is_estimated_and_called_so() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let chunk = json!({ "candidates": [{ "content": { "parts": [{ "text": "12345678" }] }, "finishReason": "STOP" }],
                        "usageMetadata": { "promptTokenCount": 5, "candidatesTokenCount": -1 } });
    let script = Script { status: Some(200), body: Some(chunk.to_string()), ..Script::default() };
    let sent = app.send_to(&conversation, &script, "gemini/mock").await;
    let frames = app.rest_of(&conversation, &sent).await;
    let expected = json!({ "input_tokens": 5, "output_tokens": 2, "estimated": true });
    assert_eq!(frames.last().unwrap().data["usage"], expected);
}
