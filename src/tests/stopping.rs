//! Stopping: immediate, final, idempotent.

use super::app::{App, problem, text};
use super::upstream::script::Script;
use super::upstream::state::Ended;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_reaches_a_silent_provider_within_a_second() {
    let app = App::start().await;
    let silent = [
        Script { headers_ms: 60_000, ..Script::default() },
        Script { first_ms: 60_000, ..Script::default() },
        Script { silence_after: Some(5), ..Script::default() },
    ];
    for (index, script) in silent.iter().enumerate() {
        let conversation = app.conversation().await;
        let sent = app.send(&conversation, script).await;
        app.upstream.arrived(index + 1).await.unwrap();
        if script.silence_after.is_some() {
            app.upstream.until(1, |seen| seen.pieces == 5).await.unwrap();
            app.follow(&conversation, Some(&sent.cursor)).await.until("token").await;
        }
        let asked = Instant::now();
        let path = format!("/api/v1/replies/{}/stop", sent.reply);
        assert_eq!(app.post(&path, json!({})).await.status(), StatusCode::ACCEPTED);
        app.upstream.closed(index + 1).await.unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        app.rest_of(&conversation, &sent).await;
        let message = app.last_message(&conversation).await;
        assert_eq!(message["status"], "stopped");
        let kept = if script.silence_after.is_some() { "t0 t1 t2 t3 t4" } else { "" };
        assert_eq!(message["text"], kept);

        let again = app.post(&path, json!({})).await;
        assert_eq!(again.status(), StatusCode::OK);
        let ended: Value = again.json().await.unwrap();
        assert_eq!(text(&ended["id"]), sent.reply);
        assert_eq!(ended["status"], "stopped");
    }
    assert!(app.upstream.seen().iter().all(|seen| seen.ended == Some(Ended::ClosedByClient)));
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_stops_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let script = Script { pieces: 60, gap_ms: 10, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    events.until("token").await;
    drop(events);
    app.upstream.ended(1).await.unwrap();
    assert_eq!(app.upstream.seen()[0].ended, Some(Ended::Completed));
    app.rest_of(&conversation, &sent).await;
    assert_eq!(app.last_message(&conversation).await["text"], script.full_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_after_the_end_answers_with_the_reply() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    let answer = app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_reply_of_mine_is_not_there() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(1), ..Script::default() }).await;
    for id in [sent.message.as_str(), "nonsense", &uuid::Uuid::now_v7().to_string()] {
        problem(app.post(&format!("/api/v1/replies/{id}/stop"), json!({})).await, 404).await;
    }
    app.cookie = app.new_cookie().await;
    problem(app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await, 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_keeps_the_tokens_that_were_reported() {
    let app = App::start().await;
    // The two that report what the prompt costs before the end.
    for model in ["anthropic/mock", "gemini/mock"] {
        let conversation = app.conversation().await;
        let sent = app.send_to(&conversation, &Script { silence_after: Some(3), ..Script::default() }, model).await;
        app.follow(&conversation, Some(&sent.cursor)).await.until("token").await;
        app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
        app.rest_of(&conversation, &sent).await;
        let usage = app.last_message(&conversation).await["usage"].clone();
        assert_eq!(usage["input_tokens"], super::upstream::wire::INPUT_TOKENS, "{model}");
    }
}
