//! Concurrency: sends, stops, ends and deletions. Rows F35 to F37 of the fault matrix.

use super::app::{App, Frame, Sent, directive, problem, text};
use super::invariants::assert_sound;
use super::upstream::script::Script;
use super::upstream::state::Ended;
use crate::server::store::sql;
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn f35_twenty_sends_of_one_message_at_once_are_one() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let script = Script { pieces: 40, gap_ms: 5, ..Script::default() };
    let body = json!({ "id": uuid::Uuid::now_v7(), "content": directive(&script) });
    let mut replies = HashSet::new();
    for answer in join_all((0..20).map(|_| app.post(&path, body.clone()))).await {
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        replies.insert(Sent::of(&answer.json().await.unwrap()).reply);
    }
    let reply = replies.iter().next().unwrap();
    assert_eq!(replies.len(), 1, "all are answered with the same reply");
    let frames = events.until_end(reply).await;
    for event in ["message", "reply"] {
        assert_eq!(frames.iter().filter(|frame| frame.event == event).count(), 1, "{event}");
    }
    let stored = assert_sound(&app, reply, &[&frames[1..]], &script.full_text()).await;
    assert_eq!(stored["status"], "done");
    assert_eq!(app.snapshot(&conversation).await["messages"].as_array().unwrap().len(), 2);
    assert_eq!(app.upstream.seen().len(), 1, "the provider is asked, and paid, once");
}

async fn stop(app: &App, reply: &str) -> Response {
    app.post(&format!("/api/v1/replies/{reply}/stop"), json!({})).await
}

/// 202 while it was open, 200 with the message when it had ended.
async fn assert_stop(answer: Response) -> Option<Value> {
    match answer.status() {
        StatusCode::ACCEPTED => None,
        status => {
            assert_eq!(status, StatusCode::OK);
            Some(answer.json().await.unwrap())
        }
    }
}

/// Each stop is sent twice concurrently, when a viewer has just seen the piece of this number: 0 is before there is
/// any, and the last races with the end.
async fn stopped_at(app: &App, script: &Script, piece: usize) -> String {
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, script).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    let mut frames: Vec<Frame> = Vec::new();
    if piece > 0 {
        let mark = format!("t{}", piece - 1);
        let has = |frame: &Frame| frame.data["text"].as_str().is_some_and(|text| text.contains(&mark));
        frames = events.until_that(|frame| has(frame) || frame.is_end()).await;
    }
    let (one, two) = tokio::join!(stop(app, &sent.reply), stop(app, &sent.reply));
    let ended = [assert_stop(one).await, assert_stop(two).await];
    if !frames.last().is_some_and(Frame::is_end) {
        frames.extend(events.until_end(&sent.reply).await);
    }
    frames.retain(|frame| frame.event != "resumed");
    let stored = assert_sound(app, &sent.reply, &[&frames], &script.full_text()).await;
    let status = text(&stored["status"]);
    assert!(matches!(status.as_str(), "stopped" | "done"), "{status}");
    let later = assert_stop(stop(app, &sent.reply).await).await.expect("it has ended");
    for told in ended.into_iter().flatten().chain([later]) {
        assert_eq!(told["status"], stored["status"], "an end is for good");
        assert_eq!(told["text"], stored["text"]);
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn f36_a_stop_at_any_piece_twice_or_with_the_end_leaves_one_end() {
    let app = App::start().await;
    let slow = Script { pieces: 12, gap_ms: 22, ..Script::default() };
    let statuses = join_all((0..=slow.pieces).map(|piece| stopped_at(&app, &slow, piece))).await;
    assert_eq!(statuses[0], "stopped", "before its first piece");

    // As fast as possible: the stop meets the last pieces, the end's write and what comes after it. The last are so slow
    // that a stop comes in time also where the database is another process.
    let mut met = HashSet::new();
    for gap_ms in [0, 1, 2, 22] {
        let fast = Script { pieces: 10, gap_ms, ..Script::default() };
        let racing = (0..40).map(|number| stopped_at(&app, &fast, number % (fast.pieces + 1)));
        met.extend(join_all(racing).await);
    }
    assert!(met.contains("done") && met.contains("stopped"), "{met:?}");
    assert_eq!(app.state.engine.open_replies(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn f36_a_stop_a_retry_and_the_next_message_at_once_leave_one_end_each() {
    let app = App::start().await;
    let script = Script { pieces: 40, gap_ms: 10, ..Script::default() };
    for _ in 0..10 {
        let conversation = app.conversation().await;
        let mut events = app.follow(&conversation, None).await;
        let old = app.send(&conversation, &script).await;
        let retry = format!("/api/v1/replies/{}/retry", old.reply);
        let (stopped, retried, new) =
            tokio::join!(stop(&app, &old.reply), app.post(&retry, json!({})), app.send(&conversation, &script));
        assert_stop(stopped).await;
        assert_eq!(retried.status(), StatusCode::ACCEPTED);
        let retried = Sent::of(&retried.json().await.unwrap());
        // The reply that was opened last goes on; the other was stopped for it.
        let replies = [old.reply, retried.reply, new.reply];
        let mut frames = vec![events.next().await.unwrap()];
        while frames.iter().filter(|frame| frame.is_end()).count() < replies.len() {
            frames.push(events.next().await.unwrap());
        }
        let last = frames.iter().rfind(|frame| frame.event == "reply").unwrap().data["reply"].clone();
        for reply in &replies {
            let stored = assert_sound(&app, reply, &[&frames[1..]], &script.full_text()).await;
            if last == **reply {
                assert_eq!(stored["status"], "done", "nobody stops the last");
            }
        }
    }
    assert_eq!(app.state.engine.open_replies(), 0);
}

async fn rows(app: &App, conversation: &str) -> i64 {
    let count = "select (select count(*) from message where conversation = $1) +
                        (select count(*) from conversation where id = $1)";
    sql::query_scalar(count).bind(conversation).fetch_one(app.state.store.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_a_deletion_ends_the_reply_and_its_viewers_and_nothing_is_written_later() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 2_000, gap_ms: 5, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let mut viewers = Vec::new();
    for _ in 0..5 {
        let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
        events.until("token").await;
        viewers.push(events);
    }
    let began = Instant::now();
    let path = format!("/api/v1/conversations/{conversation}");
    let deleted = app.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    for mut events in viewers {
        let frames = events.until("deleted").await;
        assert_eq!(frames.iter().filter(|frame| frame.is_end()).count(), 1);
        assert_eq!(events.next().await, None, "it is let go");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    app.upstream.closed(1).await.unwrap();
    assert_eq!(app.upstream.seen()[0].ended, Some(Ended::ClosedByClient), "nobody pays for what nobody can read");

    for path in [path.clone(), format!("{path}/events")] {
        problem(app.get(&path).await, 404).await;
    }
    problem(stop(&app, &sent.reply).await, 404).await;
    problem(app.post(&format!("/api/v1/replies/{}/continue", sent.reply), json!({})).await, 404).await;
    problem(app.post(&format!("{path}/messages"), json!({ "content": "Hello" })).await, 404).await;
    assert_eq!(rows(&app, &conversation).await, 0);

    // Another reply lives through checkpoints and its end; they write nothing of the deleted one.
    let other = app.conversation().await;
    let long = app.send(&other, &Script { pieces: 90, gap_ms: 25, ..Script::default() }).await;
    app.rest_of(&other, &long).await;
    assert_eq!(rows(&app, &conversation).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn f37_deletions_stops_and_sends_at_once_leave_nothing_behind() {
    let app = App::start().await;
    let slow = Script { pieces: 200, gap_ms: 10, ..Script::default() };
    for _ in 0..20 {
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, &slow).await;
        let path = format!("/api/v1/conversations/{conversation}");
        let (messages, content) = (format!("{path}/messages"), json!({ "content": directive(&slow) }));
        let (stopped, more, deleted) = tokio::join!(
            stop(&app, &sent.reply),
            app.post(&messages, content),
            app.request(Method::DELETE, &path).send()
        );
        assert!(stopped.status().is_success() || stopped.status() == StatusCode::NOT_FOUND);
        assert!(more.status() == StatusCode::ACCEPTED || more.status() == StatusCode::NOT_FOUND, "{}", more.status());
        assert_eq!(deleted.unwrap().status(), StatusCode::NO_CONTENT);
        assert_eq!(rows(&app, &conversation).await, 0);
    }
    assert_eq!(app.state.engine.open_replies(), 0);
}
