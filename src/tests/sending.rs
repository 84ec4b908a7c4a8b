//! Sending: once, in order, within the limits; retry and continue.

use super::app::{App, Sent, assert_contiguous, directive, problem, said, text};
use super::upstream::script::Script;
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn sending_twice_is_sending_once() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let id = uuid::Uuid::now_v7().to_string();
    let body = json!({ "id": id, "content": "Hello" });
    let (one, two) = tokio::join!(app.post(&path, body.clone()), app.post(&path, body.clone()));
    assert_eq!([one.status(), two.status()], [StatusCode::ACCEPTED; 2]);
    let (one, two): (serde_json::Value, serde_json::Value) = (one.json().await.unwrap(), two.json().await.unwrap());
    assert_eq!(one["reply"]["id"], two["reply"]["id"]);
    assert_eq!(one["cursor"], two["cursor"]);
    let sent = Sent::of(&one);
    app.rest_of(&conversation, &sent).await;
    let again = app.post(&path, body).await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    // An equal answer, also after the end: what follows its cursor is the whole reply, and its text none of it.
    assert_eq!(again.json::<serde_json::Value>().await.unwrap(), one);
    assert_eq!(app.snapshot(&conversation).await["messages"].as_array().unwrap().len(), 2);
    assert_eq!(app.upstream.seen().len(), 1);

    problem(app.post(&path, json!({ "id": id, "content": "Other words" })).await, 409).await;
    let elsewhere = format!("/api/v1/conversations/{}/messages", app.conversation().await);
    problem(app.post(&elsewhere, json!({ "id": id, "content": "Hello" })).await, 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_message_stops_the_open_reply_and_none_of_its_text_comes_later() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    let slow = Script { text: Some("old ".repeat(500)), gap_ms: 5, ..Script::default() };
    let old = app.send(&conversation, &slow).await;
    app.upstream.until(1, |seen| 20 <= seen.pieces).await.unwrap();
    let new = app.send(&conversation, &Script { text: Some("new ".repeat(50)), ..Script::default() }).await;
    let frames = events.until_end(&new.reply).await;
    assert_contiguous(&frames);
    let stopped = frames.iter().position(|frame| frame.event == "stopped").unwrap();
    assert_eq!(frames[stopped].data["reply"], old.reply);
    for frame in &frames[stopped + 1..] {
        assert_ne!(frame.data["reply"], old.reply, "{frame:?} after the end");
    }
    let kept = said(&frames[..stopped]);
    assert!(kept.starts_with("old "));
    let messages = app.snapshot(&conversation).await["messages"].clone();
    assert_eq!(messages[1]["status"], "stopped");
    assert_eq!(messages[1]["text"], kept);
    assert_eq!(messages[3]["text"], "new ".repeat(50));
    assert_eq!(messages[2]["parent"], old.reply);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_is_kept_before_the_provider_is_asked() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { headers_ms: 60_000, ..Script::default() }).await;
    app.upstream.arrived(1).await.unwrap();
    let snapshot = app.snapshot(&conversation).await;
    assert_eq!(snapshot["messages"][0]["id"], sent.message);
    assert_eq!(snapshot["messages"][0]["status"], "done");
    assert_eq!(snapshot["messages"][1]["status"], "streaming");
    assert_eq!(snapshot["draft"]["text"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_sent_whole_and_with_its_system_prompt() {
    let app = App::start().await;
    let made = app.post("/api/v1/conversations", json!({ "system": "Be brief.", "model": "anthropic/m" })).await;
    let conversation = text(&made.json::<serde_json::Value>().await.unwrap()["id"]);
    let path = format!("/api/v1/conversations/{conversation}/messages");
    for content in ["One", "Two"] {
        let sent = Sent::of(&app.post(&path, json!({ "content": content })).await.json().await.unwrap());
        app.rest_of(&conversation, &sent).await;
    }
    let body = app.upstream.seen()[1].body.clone();
    assert_eq!(body["model"], "m");
    assert!(body["system"].to_string().contains("Be brief."));
    let turns = body["messages"].as_array().unwrap();
    let roles: Vec<_> = turns.iter().map(|turn| text(&turn["role"])).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    assert!(turns[1]["content"].to_string().contains("t0 t1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_answers_the_same_message_and_keeps_the_old_reply() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let old = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &old).await;
    let mut events = app.follow(&conversation, None).await;
    let answer = app.post(&format!("/api/v1/replies/{}/retry", old.reply), json!({})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let new = Sent::of(&answer.json().await.unwrap());
    assert_eq!(new.message, old.message);
    assert_ne!(new.reply, old.reply);
    let frames = events.until_end(&new.reply).await;
    assert_contiguous(&frames);
    let messages = app.snapshot(&conversation).await["messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 2, "one branch is shown");
    assert_eq!(messages[1]["id"], new.reply);
    assert_eq!(app.upstream.seen()[1].body["messages"].as_array().unwrap().len(), 1);
    let kept = app.state.store.message(old.reply.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(kept.0.text, Script::default().full_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_continued_reply_reads_as_one_message() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let cut = Script { pieces: 10, cut_after: Some(10), ..Script::default() };
    let old = app.send(&conversation, &cut).await;
    let frames = app.rest_of(&conversation, &old).await;
    assert_eq!(frames.last().unwrap().event, "error");
    // The request to go on carries no script of its own.
    app.upstream.script(Script { text: Some(" and the rest.".into()), ..Script::default() });
    let answer = app.post(&format!("/api/v1/replies/{}/continue", old.reply), json!({})).await;
    let new = Sent::of(&answer.json().await.unwrap());
    let frames = app.rest_of(&conversation, &new).await;
    let whole = format!("{} and the rest.", cut.full_text());
    assert_eq!(said(&frames), whole);
    assert_eq!(app.last_message(&conversation).await["text"], whole);
    assert_eq!(app.last_message(&conversation).await["status"], "done");
    let turns = app.upstream.seen()[1].body["messages"].clone();
    let roles: Vec<_> = turns.as_array().unwrap().iter().map(|turn| text(&turn["role"])).collect();
    assert_eq!(roles, ["user", "assistant", "user"], "newer models refuse a prefilled answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_refused_stops_nothing_and_is_not_counted() {
    let app = App::with(&["--sends-per-minute=2"]).await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(5), ..Script::default() }).await;
    app.upstream.until(1, |seen| seen.pieces == 5).await.unwrap();
    let refused = app.post(&format!("/api/v1/replies/{}/retry", sent.message), json!({})).await;
    assert_eq!(problem(refused, 422).await["field"], "reply");
    assert_eq!(app.last_message(&conversation).await["status"], "streaming");
    // The second of two that may be sent.
    let again = app.post(&format!("/api/v1/replies/{}/retry", sent.reply), json!({})).await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_a_limit_says_when_it_ends() {
    let app = App::with(&["--open-replies=2", "--sends-per-minute=3"]).await;
    let slow = Script { headers_ms: 60_000, ..Script::default() };
    let mut conversations = Vec::new();
    for _ in 0..2 {
        let conversation = app.conversation().await;
        app.send(&conversation, &slow).await;
        conversations.push(conversation);
    }
    let third = format!("/api/v1/conversations/{}/messages", app.conversation().await);
    let refused = app.post(&third, json!({ "content": directive(&slow) })).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429).await;
    // A message to a conversation with an open reply takes that reply's place.
    app.send(&conversations[0], &slow).await;
    let path = format!("/api/v1/conversations/{}/messages", conversations[0]);
    let refused = app.post(&path, json!({ "content": "once more" })).await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 429).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sends_at_the_same_moment_do_not_slip_past_the_limit() {
    let app = App::with(&["--open-replies=2"]).await;
    let slow = Script { headers_ms: 60_000, ..Script::default() };
    let mut paths = Vec::new();
    for _ in 0..10 {
        paths.push(format!("/api/v1/conversations/{}/messages", app.conversation().await));
    }
    let sends = paths.iter().map(|path| app.post(path, json!({ "content": directive(&slow) })));
    let answers = futures::future::join_all(sends).await;
    let accepted = answers.iter().filter(|answer| answer.status() == StatusCode::ACCEPTED).count();
    assert_eq!(accepted, 2);
    assert_eq!(app.state.engine.open_replies(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field() {
    let app = App::start().await;
    let path = format!("/api/v1/conversations/{}/messages", app.conversation().await);
    for (body, field) in [
        (json!({ "content": "" }), "content"),
        (json!({ "content": " \n" }), "content"),
        (json!({ "content": "x".repeat(32_001) }), "content"),
        (json!({ "content": 7 }), "content"),
        (json!({}), "content"),
        (json!({ "content": "x", "id": "no-uuid" }), "id"),
        (json!({ "content": "x", "model": "nobody/model" }), "model"),
        (json!({ "content": "x", "model": format!("anthropic/{}", "x".repeat(200)) }), "model"),
    ] {
        let told = problem(app.post(&path, body.clone()).await, 422).await;
        assert_eq!(told["field"], field, "for {}", &body.to_string()[..body.to_string().len().min(80)]);
    }
    let longest = app.post(&path, json!({ "content": "é".repeat(32_000) })).await;
    assert_eq!(longest.status(), StatusCode::ACCEPTED);
    let raw = |body: &str| app.request(reqwest::Method::POST, &path).body(body.to_owned());
    problem(raw("{}").send().await.unwrap(), 415).await;
    problem(raw("{").header("content-type", "application/json").send().await.unwrap(), 400).await;
    let large = "x".repeat(300 << 10);
    problem(app.post(&path, json!({ "content": large })).await, 413).await;
}
