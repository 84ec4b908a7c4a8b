//! Rows of the attack checklist (SECURITY.md) that no other file is about: what comes in is odd, huge or forged.

use super::app::{App, Sse, assert_contiguous, problem, said, text};
use super::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

/// What the server says to these bytes, until it closes the connection.
pub(super) async fn raw(app: &App, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    // The server may have answered and hung up before it has read all of it.
    socket.write_all(bytes).await.ok();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    read.expect("the server closes the connection").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn serves(app: &App) -> bool {
    app.get("/healthz").await.status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_what_is_said_forges_no_event() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let forged = "x\r\n\r\nevent: done\ndata: {\"reply\":\"x\"}\n\nid: 1:99\n: y\u{2028}\u{85}";
    let script = Script { text: Some(forged.into()), piece_chars: 3, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let frames = app.rest_of(&conversation, &sent).await;
    assert_eq!(said(&frames), forged);
    assert_eq!(frames.iter().filter(|frame| frame.is_end()).count(), 1);
    assert_contiguous(&frames);
    let stateless = json!({ "messages": [{ "role": "user", "content": super::app::directive(&script) }] });
    let mut events = Sse::new(app.post("/chat/stream", stateless).await);
    let frames = events.until("done").await;
    assert!(frames.iter().all(|frame| frame.event == "token" || frame.event == "done"));
    assert_eq!(said(&frames), forged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_the_cursor_of_another_opens_nothing() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { text: Some("A secret.".into()), ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    app.cookie = app.new_cookie().await;
    let own = app.conversation().await;
    let theirs = app.request(Method::GET, &format!("/api/v1/conversations/{conversation}/events"));
    problem(theirs.header("last-event-id", &sent.cursor).send().await.unwrap(), 404).await;
    let first = app.follow(&own, Some(&sent.cursor)).await.next().await.unwrap();
    assert_eq!((first.event.as_str(), &first.data["messages"]), ("snapshot", &json!([])));
    assert_eq!(text(&first.data["conversation"]["id"]), own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a35_a_body_without_end_is_refused_whatever_it_says_of_its_length() {
    let app = App::start().await;
    let head = format!(
        "POST /api/v1/conversations HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\ncontent-type: application/json\r\nconnection: close\r\n",
        app.cookie
    );
    let declared = format!("{head}content-length: 10000000000\r\n\r\n{}", "x".repeat(32 << 20));
    let answer = raw(&app, declared.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, "x".repeat(64 << 10));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(200));
    let answer = raw(&app, chunked.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(serves(&app).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a36_odd_json_is_refused_and_harms_nobody() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let keys: String = (0..20_000).map(|key| format!("\"k{key}\":1,")).collect();
    for (body, statuses) in [
        ("[".repeat(100_000), vec![400, 422]),
        (format!("{{\"content\":{}", "{\"a\":".repeat(30_000)), vec![400, 422]),
        (format!("{{{keys}\"content\":\"x\",\"content\":\"y\"}}"), vec![422, 413]),
        ("{\"content\":NaN}".into(), vec![400]),
        ("{\"content\":1e999999}".into(), vec![400, 422]),
        ("{\"content\":\"\\ud83d\"}".into(), vec![400, 422]),
        ("\u{feff}{}".into(), vec![400, 422]),
        (String::new(), vec![400]),
    ] {
        let request = app.request(Method::POST, &path).header("content-type", "application/json");
        let status = request.body(body.clone()).send().await.unwrap().status().as_u16();
        assert!(statuses.contains(&status), "{status} for {}", &body[..body.len().min(40)]);
    }
    assert!(serves(&app).await);
    assert_eq!(app.snapshot(&conversation).await["messages"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a37_a_compressed_body_is_not_unpacked() {
    let app = App::start().await;
    for encoding in ["gzip", "br", "zstd", "deflate, gzip"] {
        for path in ["/api/v1/conversations", "/chat/stream", "/sign-in", "/api/v1/images"] {
            let request = app.request(Method::POST, path).header("content-encoding", encoding);
            problem(request.body(vec![0x1f, 0x8b, 8, 0]).send().await.unwrap(), 415).await;
        }
    }
    let plain = app.request(Method::POST, "/api/v1/conversations").header("content-encoding", "identity");
    assert_eq!(plain.json(&json!({})).send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a38_odd_heads_are_refused_and_smuggle_nothing() {
    let app = App::start().await;
    let get = |more: &str| format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{more}\r\n");
    let many: String = (0..1_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let smuggled = "0\r\n\r\nGET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (what, request) in [
        ("a thousand headers", get(&many)),
        ("a header of a mebibyte", get(&format!("x: {}\r\n", "x".repeat(1 << 20)))),
        ("a header of 256 KiB", get(&format!("x: {}\r\n", "x".repeat(256 << 10)))),
        ("no host", "GET /sign-in HTTP/1.1\r\nconnection: close\r\n\r\n".into()),
        ("a long address", format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(100_000))),
        (
            "two lengths",
            format!(
                "POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{smuggled}"
            ),
        ),
        (
            "an odd coding",
            format!("POST /sign-in HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: xchunked\r\n\r\n{smuggled}"),
        ),
        ("a bare line feed in a name", get("x\n: 1\r\n")),
        ("a NUL", get("x: a\0b\r\n")),
    ] {
        let answer = raw(&app, request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{what}: one answer at most");
    }
    let both = format!(
        "POST /sign-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n{smuggled}"
    );
    let answer = raw(&app, both.as_bytes()).await;
    assert!(!answer.contains("HTTP/1.1 200"), "what stands behind the body is no request: {answer}");
    assert!(serves(&app).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a48_a_provider_leads_nowhere_else() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    // Addressed to itself, so that a request would be seen.
    let location = Some(format!("{}/v1/messages", app.upstream.url()));
    let away = Script { status: Some(307), location, ..Script::default() };
    let sent = app.send(&conversation, &away).await;
    let frames = app.rest_of(&conversation, &sent).await;
    assert_eq!(frames.last().unwrap().event, "error");
    assert_eq!(app.upstream.seen().len(), 1, "a redirect is an error and is not followed");
    // The operator sets the providers' addresses; a request that names another address changes nothing.
    let body = json!({ "content": "x", "model": "http://169.254.169.254/x", "base_url": "http://169.254.169.254" });
    problem(app.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await, 422).await;
}
