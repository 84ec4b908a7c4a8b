//! The server's orderly end: nothing new, the open replies as far as they get, everybody told, in time.

use super::app::{App, problem};
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
