//! The first message makes its conversation, in one transaction: both are there or neither, by every door that takes both.

use super::app::{App, Sent, directive, problem, text};
use super::upstream::script::Script;
use crate::server::bounds::Bounds;
use crate::server::journal::Topic;
use crate::server::store::sql;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// A reply that stays open.
fn silent() -> Script {
    Script { silence_after: Some(2), ..Script::default() }
}

fn new() -> String {
    Uuid::now_v7().to_string()
}

async fn start(app: &App, conversation: &str, message: &str, text: &str) -> Response {
    start_with(app, conversation, json!({ "message": message, "text": text, "start": {} })).await
}

async fn start_with(app: &App, conversation: &str, mut body: Value) -> Response {
    body["conversation"] = json!(conversation);
    app.post("/api/chat/send", body).await
}

/// The list as it is, and how much was told of it.
async fn list(app: &App) -> Value {
    app.post("/api/list", json!({ "after": null })).await.json().await.unwrap()
}

fn told(list: &Value) -> u64 {
    text(&list["cursor"]).split_once(':').unwrap().1.parse().unwrap()
}

/// Both doors refuse a first message like this, and nothing is there afterwards.
async fn assert_refused(app: &App, status: u16) {
    let (before, conversation, message) = (list(app).await, new(), new());
    problem(start(app, &conversation, &message, "Hello").await, status).await;
    let form = app.form("/forms/send", &[("message", &message), ("text", "Hello")]).send().await.unwrap();
    assert_eq!(form.status().as_u16(), status);
    assert_nothing(app, &before, [&conversation, &message]).await;
}

async fn assert_nothing(app: &App, before: &Value, ids: [&str; 2]) {
    assert_eq!(&list(app).await, before, "a list has it, or was told");
    for id in ids {
        problem(app.get(&format!("/api/v1/conversations/{id}")).await, 404).await;
    }
    let kept: i64 = sql::query_scalar("select count(*) from conversation where id in ($1, $2)")
        .bind(ids[0])
        .bind(ids[1])
        .fetch_one(app.state.store.read())
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_beyond_the_rate_leaves_nothing() {
    let app = App::with(&["--sends-per-minute=1"]).await;
    app.send(&app.conversation().await, &silent()).await;
    assert_refused(&app, 429).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_beyond_the_capacity_leaves_nothing() {
    let app = App::bounded(Bounds { open_replies: 1, ..Bounds::default() }).await;
    app.send(&app.conversation().await, &silent()).await;
    assert_refused(&app, 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_during_a_drain_leaves_nothing() {
    let app = App::start().await;
    app.send(&app.conversation().await, &silent()).await;
    app.stop.cancel();
    app.state.drain.begun().await;
    assert_refused(&app, 503).await;
    app.served.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_beyond_what_may_be_written_leaves_nothing() {
    let app = App::with(&["--writes-per-minute=1"]).await;
    app.conversation().await;
    assert_refused(&app, 429).await;
    assert_eq!(app.state.engine.open_replies(), 0);
    assert!(app.upstream.seen().is_empty(), "no model was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_that_is_wrong_leaves_nothing() {
    let app = App::start().await;
    let before = list(&app).await;
    let wrong = [
        (json!({ "text": "Hello", "images": [Uuid::now_v7()], "start": {} }), "images"),
        (json!({ "text": "Hello", "model": "nobody/model", "start": {} }), "model"),
        (json!({ "text": "Hello", "start": { "model": "nobody/model" } }), "model"),
        (json!({ "text": "Hello", "start": { "parameters": { "effort": "none at all" } } }), "parameters.effort"),
        (json!({ "text": " ", "start": {} }), "content"),
    ];
    for (mut body, field) in wrong {
        let (conversation, message) = (new(), new());
        body["message"] = json!(message);
        let refused = problem(start_with(&app, &conversation, body).await, 422).await;
        assert_eq!(refused["field"], field);
        assert_nothing(&app, &before, [&conversation, &message]).await;
    }
    let message = new();
    let form = app.form("/forms/send", &[("message", &message), ("text", "Hello"), ("model", "nobody/model")]);
    assert_eq!(form.send().await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_nothing(&app, &before, [&message, &message]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_with_the_id_of_another_leaves_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &silent()).await;
    let (before, other) = (list(&app).await, new());
    problem(start(&app, &other, &sent.message, "Hello").await, 409).await;
    assert_nothing(&app, &before, [&other, &other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_makes_the_conversation_and_lists_are_told_once() {
    let app = App::start().await;
    let (before, conversation) = (list(&app).await, new());
    let settings = json!({ "model": "openai/mock", "system": "Be brief.", "parameters": { "temperature": 0.5 } });
    let body = json!({ "message": new(), "text": directive(&silent()), "start": settings });
    let sent = start_with(&app, &conversation, body).await;
    let sent = Sent::of(&sent.json().await.unwrap());
    let after = list(&app).await;
    assert_eq!(told(&after), told(&before) + 1);
    assert_eq!(
        (&after["items"][0]["id"], &after["items"][0]["title"]),
        (&json!(conversation), &json!("Please answer."))
    );
    let snapshot = app.snapshot(&conversation).await;
    let made = &snapshot["conversation"];
    assert_eq!(made["created_at"], made["updated_at"]);
    for key in ["model", "system", "parameters"] {
        assert_eq!(made[key], settings[key], "{key}");
    }
    assert_eq!(snapshot["draft"]["reply"], sent.reply);
    assert_eq!(snapshot["messages"][0]["id"], sent.message);
    app.upstream.arrived(1).await.unwrap();
    assert!(app.upstream.seen()[0].body["messages"].to_string().contains("Be brief."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_sent_again_is_the_same_answer() {
    let app = App::start().await;
    let (before, conversation, message, words) = (list(&app).await, new(), new(), directive(&silent()));
    let once = || start(&app, &conversation, &message, &words);
    let (one, two) = tokio::join!(once(), once());
    let three = once().await;
    let mut answers = Vec::new();
    for answer in [one, two, three] {
        assert_eq!(answer.status(), StatusCode::OK);
        answers.push(answer.json::<Value>().await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let after = list(&app).await;
    assert_eq!((after["items"].as_array().unwrap().len(), told(&after)), (1, told(&before) + 1));
    assert_eq!(app.last_message(&conversation).await["status"], "streaming", "it was not stopped by itself");

    let message = new();
    let form = || app.form("/forms/send", &[("message", &message), ("text", "Hello")]).send();
    let (one, two) = tokio::join!(form(), form());
    for answer in [one, two, form().await] {
        assert_eq!(answer.unwrap().headers()["location"], format!("/c/{message}"));
    }
    assert_eq!(app.snapshot(&message).await["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_with_the_id_of_somebody_elses_conversation_touches_nothing_of_it() {
    let mut app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &silent()).await;
    app.upstream.until(1, |seen| 2 <= seen.pieces).await.unwrap();
    let mine = std::mem::take(&mut app.cookie);
    app.cookie = app.new_cookie().await;
    let before = list(&app).await;
    let journal = app.state.journals.topic(Topic::Conversation(conversation.parse().unwrap()));
    // A stranger who waited for the turn would get no answer while we hold it.
    let turn = journal.turn().await;
    problem(start(&app, &conversation, &new(), "Hello").await, 409).await;
    let form = app.form("/forms/send", &[("message", &conversation), ("text", "Hello")]).send().await.unwrap();
    assert_eq!(form.status(), StatusCode::CONFLICT);
    drop(turn);
    assert_eq!(list(&app).await, before);
    app.cookie = mine;
    let snapshot = app.snapshot(&conversation).await;
    assert_eq!(
        (&snapshot["draft"]["reply"], &snapshot["messages"][1]["status"]),
        (&json!(sent.reply), &json!("streaming"))
    );
    assert_eq!(snapshot["messages"].as_array().unwrap().len(), 2);
    let stopped = app.request(Method::POST, &format!("/api/v1/replies/{}/stop", sent.reply)).send().await.unwrap();
    assert_eq!(stopped.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_message_with_the_id_of_a_shared_or_a_deleted_conversation_is_refused() {
    let mut app = App::start().await;
    app.sign_up("Ann").await;
    let (shared, ann) = (app.conversation().await, app.cookie.clone());
    app.cookie = app.new_cookie().await;
    app.sign_up("Bob").await;
    let bob = std::mem::replace(&mut app.cookie, ann);
    app.share(&shared, "bob", "participant").await;
    let deleted = app.conversation().await;
    let gone = app.request(Method::DELETE, &format!("/api/v1/conversations/{deleted}")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    app.cookie = bob;
    for id in [shared, deleted] {
        problem(start(&app, &id, &new(), "Hello").await, 409).await;
    }
}
