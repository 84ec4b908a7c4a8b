//! What is logged: enough to find one request and its reply, and nothing of what people wrote.

use super::app::{App, directive};
use super::upstream::script::Script;
use crate::server::logging;
use crate::server::settings::LogFormat;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// What was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps what this thread logs for as long as the guard lives.
    pub(crate) fn capture() -> (Self, ::tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("rivulet=trace,tower_http=trace"))
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, ::tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// On one thread, so that the subscriber of this test is the one of all its tasks.
#[tokio::test]
async fn a54_a_line_names_its_request_and_its_reply_and_no_line_a_prompt() {
    let (log, _guard) = Log::capture();
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { error_after: Some(2), ..Script::default() };
    let content = format!("A secret of mine.\n{}", directive(&script));
    let answer =
        app.post(&format!("/api/v1/conversations/{conversation}/messages"), json!({ "content": content })).await;
    let request = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let sent = super::app::Sent::of(&answer.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    app.stranger(reqwest::Method::GET, "/?text=A+secret+of+mine.").send().await.unwrap();

    let log = log.text();
    let failed = log.lines().find(|line| line.contains("A reply failed at the provider")).unwrap();
    for id in [request, sent.reply] {
        assert!(failed.contains(&id), "{id} is not in: {failed}");
    }
    assert!(log.contains("A reply has ended"), "{log}");
    assert!(!log.contains("secret"), "{log}");
    assert!(!log.contains("t0"), "nor what a model said");
}

// A stream's body is carried past the layer that enters the request's span.
#[tokio::test]
async fn what_a_stateless_stream_logs_names_its_request() {
    let (log, _guard) = Log::capture();
    let app = App::start().await;
    app.upstream.script(Script { error_after: Some(2), ..Script::default() });
    let asked = json!({ "messages": [{ "role": "user", "content": "Hello" }] });
    let answer = app.post("/chat/stream", asked).await;
    let request = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(answer.text().await.unwrap().contains("event: error"));
    let log = log.text();
    let failed = log.lines().find(|line| line.contains("A reply failed at the provider")).unwrap();
    assert!(failed.contains(&request), "{request} is not in: {failed}");
}

/// What the log as JSON writes here.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// On one thread, so that the subscriber of this test is the one of all its tasks.
#[tokio::test]
async fn as_json_an_event_is_one_line_with_its_ids_also_where_a_provider_breaks_lines() {
    let layer = logging::lines(LogFormat::Json, || Kept).with_filter(EnvFilter::new("rivulet=info"));
    let _guard = ::tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let app = App::start().await;
    let conversation = app.conversation().await;
    let words = "Broken.\r\n2026-11-30T00:00:00Z ERROR forged: this is no event";
    let script = Script { error_after: Some(2), error_message: Some(words.into()), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    app.rest_of(&conversation, &sent).await;

    let text = String::from_utf8(LINES.lock().unwrap().clone()).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = events.iter().find(|event| event["message"] == "A reply failed at the provider").unwrap();
    assert!(failed["said"].as_str().unwrap().contains("Broken."), "{failed}");
    assert_eq!((&failed["level"], &failed["target"]), (&json!("WARN"), &json!("rivulet::server::provider::retrying")));
    let spans: Vec<_> = failed["spans"].as_array().unwrap().iter().map(|span| (&span["name"], &span["id"])).collect();
    assert_eq!(spans.len(), 2, "{failed}");
    assert_eq!((spans[0].0, spans[1]), (&json!("request"), (&json!("reply"), &json!(sent.reply))));
    for event in &events {
        let keys = text.lines().find(|line| serde_json::from_str::<Value>(line).unwrap() == *event).unwrap();
        assert_eq!(keys.matches("\"message\":").count(), 1, "a name stands once in {keys}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_neither_compressed_nor_given_a_length() {
    let app = App::start().await;
    let path = format!("/api/v1/conversations/{}/events", app.conversation().await);
    let asked = app.stranger(reqwest::Method::GET, &path).header("cookie", &app.cookie);
    let answer = asked.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "the layers have seen its head");
    for name in ["content-encoding", "content-length"] {
        assert_eq!(answer.headers().get(name), None, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_cannot_name_itself() {
    let app = App::start().await;
    let asked = app.stranger(reqwest::Method::GET, "/healthz").header("x-request-id", "mine").send();
    let id = asked.await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 32, "{id}");
}
