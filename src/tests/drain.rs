//! The server's orderly shutdown: no new work, the open replies as far as they get, every viewer told, in time.

use super::app::{App, Sse, problem, said};
use super::upstream::script::Script;
use reqwest::StatusCode;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn ten_open_replies_and_their_viewers_do_not_hold_up_the_end() {
    let app = App::start().await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &Script { silence_after: Some(5), ..Script::default() }).await;
        let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
        events.until("token").await;
        open.push((sent, events));
    }
    let idle = app.conversation().await;
    let mut bystander = app.follow(&idle, None).await;
    assert_eq!(bystander.next().await.unwrap().event, "snapshot");
    let began = Instant::now();
    app.stop.cancel();
    assert_eq!(bystander.next().await, None, "sent away at once");
    assert!((500..5_000).contains(&bystander.retry.unwrap()), "told when to come back");
    for (sent, events) in &mut open {
        let frames = events.until_end(&sent.reply).await;
        assert_eq!(frames.last().unwrap().event, "interrupted");
        assert_eq!(events.next().await, None);
        assert!(events.retry.is_some());
    }
    app.served.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_can_end_in_time_does() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 50, gap_ms: 20, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    events.until("token").await;
    app.stop.cancel();
    let frames = events.until_end(&sent.reply).await;
    assert_eq!(frames.last().unwrap().event, "done");
    app.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_server_is_not_ready_and_takes_nothing_new_but_shows_what_it_has() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(1), ..Script::default() }).await;
    assert_eq!(app.get("/readyz").await.status(), StatusCode::OK);
    app.stop.cancel();
    app.state.drain.begun().await;
    let ready = app.get("/readyz").await;
    assert!(ready.headers().contains_key("retry-after"));
    problem(ready, 503).await;
    assert_eq!(app.get("/healthz").await.status(), StatusCode::OK);
    let path = format!("/api/v1/conversations/{conversation}/messages");
    problem(app.post(&path, json!({ "content": "Hello" })).await, 503).await;
    assert_eq!(app.snapshot(&conversation).await["draft"]["reply"], sent.reply);
    app.served.await.unwrap();
}

async fn ask(app: &App, script: Script) -> Sse {
    app.upstream.script(script);
    let body = json!({ "messages": [{ "role": "user", "content": "Hello" }] });
    let mut events = Sse::new(app.post("/chat/stream", body).await);
    events.until("token").await;
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateless_answer_that_can_end_in_time_does() {
    let app = App::start().await;
    let script = Script { pieces: 50, gap_ms: 20, ..Script::default() };
    let mut events = ask(&app, script.clone()).await;
    app.stop.cancel();
    app.state.drain.begun().await;
    let body = json!({ "messages": [{ "role": "user", "content": "Hello" }] });
    problem(app.post("/chat/stream", body).await, 503).await;
    let frames = events.until("done").await;
    assert!(script.full_text().ends_with(&said(&frames)), "what followed the first piece");
    app.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stateless_answer_that_cannot_end_in_time_says_so() {
    let app = App::start().await;
    let mut events = ask(&app, Script { silence_after: Some(3), ..Script::default() }).await;
    let began = Instant::now();
    app.stop.cancel();
    let end = events.until("error").await.pop().unwrap();
    assert_eq!(end.data["kind"], "interrupted");
    assert_eq!(end.data["retryable"], true);
    assert_eq!(events.next().await, None);
    app.upstream.closed(1).await.unwrap();
    app.served.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// The drain time is four seconds, of which one is for the last writes. A client that reads nothing takes none of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stateless_answer_that_nobody_reads_does_not_hold_up_the_end() {
    let app = App::start().await;
    let events = ask(&app, Script { pieces: 1_000_000, ..Script::default() }).await;
    let began = Instant::now();
    app.stop.cancel();
    app.served.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(events);
}
