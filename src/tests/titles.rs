//! Titles by a small model: once, after the first exchange, never replacing a user's.

use super::app::{App, Frame, text};
use super::storage::{other_program, writes};
use super::upstream::script::Script;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

const NAMED: &[&str] = &["--title-model=openai/small"];

fn answer(text: &str) -> Script {
    Script { text: Some(text.into()), ..Script::default() }
}

/// Sends a message without a script: the upstream answers from its queue.
async fn say(app: &App, conversation: &str, words: &str) -> Value {
    let path = format!("/api/v1/conversations/{conversation}/messages");
    app.post(&path, json!({ "content": words })).await.json().await.unwrap()
}

async fn title(app: &App, conversation: &str) -> String {
    text(&app.snapshot(conversation).await["conversation"]["title"])
}

fn is_titled(frame: &Frame, title: &str) -> bool {
    frame.event == "conversation" && frame.data["conversation"]["title"] == title
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_model_names_the_conversation_after_its_first_exchange_and_only_then() {
    let app = App::with(NAMED).await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    app.upstream.push(answer("They follow the easier way."));
    app.upstream.push(answer("\"Why rivers meander.\"\n"));
    say(&app, &conversation, "Why do rivers meander?").await;
    let frames = events.until_that(|frame| is_titled(frame, "Why rivers meander")).await;
    let at = |wanted: fn(&Frame) -> bool| frames.iter().position(wanted).unwrap();
    let cut = at(|frame| is_titled(frame, "Why do rivers meander?"));
    assert!(cut < at(Frame::is_end), "until then it is called after its first message");
    let asked = &app.upstream.seen()[1].body;
    assert_eq!(asked["model"], "small");
    let shown = asked["messages"].to_string();
    assert!(shown.contains("six words") && shown.contains("Why do rivers meander?"), "{shown}");
    assert!(shown.contains("They follow the easier way."), "{shown}");

    let sent = say(&app, &conversation, "And lakes?").await;
    events.until_end(&text(&sent["reply"]["id"])).await;
    let sent = say(&app, &conversation, "And seas?").await;
    events.until_end(&text(&sent["reply"]["id"])).await;
    assert_eq!(app.upstream.seen().len(), 4, "one try for each conversation");
    assert_eq!(title(&app, &conversation).await, "Why rivers meander");
    let used: Value = app.get("/api/v1/usage").await.json().await.unwrap();
    let small = used["items"].as_array().unwrap().iter().find(|item| item["model"] == "openai/small");
    assert_eq!(small.unwrap()["replies"], 0, "what titles cost is counted, and they are no replies");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_a_person_sets_stays_however_late_the_model_is() {
    let app = App::with(NAMED).await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    app.upstream.push(answer("They follow the easier way."));
    app.upstream.push(Script { first_ms: 600, ..answer("Why rivers meander") });
    say(&app, &conversation, "Why do rivers meander?").await;
    app.upstream.arrived(2).await.unwrap();
    let path = format!("/api/v1/conversations/{conversation}");
    app.request(Method::PATCH, &path).json(&json!({ "title": "Mine" })).send().await.unwrap();
    events.until_that(|frame| is_titled(frame, "Mine")).await;
    app.upstream.ended(2).await.unwrap();

    // By the time another conversation has its title, this one's would have been written.
    let other = app.conversation().await;
    let mut events = app.follow(&other, None).await;
    app.upstream.push(answer("Yes."));
    app.upstream.push(answer("Another title"));
    say(&app, &other, "Another?").await;
    events.until_that(|frame| is_titled(frame, "Another title")).await;
    assert_eq!(title(&app, &conversation).await, "Mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_was_made_with_a_title_asks_nobody() {
    let app = App::with(NAMED).await;
    let made: Value = app.post("/api/v1/conversations", json!({ "title": "Mine" })).await.json().await.unwrap();
    let conversation = text(&made["id"]);
    let mut events = app.follow(&conversation, None).await;
    for words in ["One", "Two"] {
        let sent = say(&app, &conversation, words).await;
        events.until_end(&text(&sent["reply"]["id"])).await;
    }
    assert_eq!(app.upstream.seen().len(), 2);
    assert_eq!(title(&app, &conversation).await, "Mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_or_chatters_leaves_the_title_that_was_cut() {
    let app = App::with(NAMED).await;
    let chatter = "Certainly! Here are a number of titles that I would suggest for this fine conversation:";
    for bad in [Script { status: Some(401), ..Script::default() }, answer(chatter)] {
        app.upstream.reset();
        let conversation = app.conversation().await;
        let mut events = app.follow(&conversation, None).await;
        app.upstream.push(answer("They follow the easier way."));
        app.upstream.push(bad);
        let sent = say(&app, &conversation, "Why do rivers meander?").await;
        events.until_end(&text(&sent["reply"]["id"])).await;
        app.upstream.ended(2).await.unwrap();
        let sent = say(&app, &conversation, "And lakes?").await;
        let frames = events.until_end(&text(&sent["reply"]["id"])).await;
        assert!(frames.iter().all(|frame| frame.event != "error"), "nobody is shown that: {frames:?}");
        assert_eq!(app.upstream.seen().len(), 3, "and it is not tried again");
        assert_eq!(title(&app, &conversation).await, "Why do rivers meander?");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z23_the_wrapping_of_a_title_is_not_taken_for_it() {
    let app = App::with(NAMED).await;
    for case in [include_str!("cases/title-label-and-quotes.json"), include_str!("cases/title-think-before.json")] {
        let case: Value = serde_json::from_str(case).unwrap();
        let conversation = app.conversation().await;
        let mut events = app.follow(&conversation, None).await;
        app.upstream.push(answer("They follow the easier way."));
        app.upstream.push(answer(case["RIVULET_TITLE_MODEL_answers"].as_str().unwrap()));
        say(&app, &conversation, "Why do rivers meander?").await;
        events.until_that(|frame| is_titled(frame, case["right"].as_str().unwrap())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_title_has_cost_is_written_also_when_the_server_is_about_to_end() {
    let app = App::with(NAMED).await;
    let conversation = app.conversation().await;
    app.upstream.push(answer("They follow the easier way."));
    app.upstream.push(Script { first_ms: 1_000, ..answer("Why rivers meander") });
    let sent = say(&app, &conversation, "Why do rivers meander?").await;
    app.upstream.arrived(2).await.unwrap();
    let mut other = other_program(&app).await;
    writes(&app.state.store).await;
    app.state.drain.begin();
    sqlx::query("rollback").execute(&mut other).await.unwrap();
    app.state.engine.drain(Instant::now() + Duration::from_secs(20)).await;
    let account = app.state.store.message(text(&sent["reply"]["id"]).parse().unwrap()).await.unwrap().unwrap().2;
    let used = app.state.store.usage_since(account, "2000-01-01").await.unwrap();
    assert!(used.iter().any(|daily| daily.model == "openai/small" && 0 < daily.usage.output_tokens), "{used:?}");
}
