//! Conversations over REST: made, listed, changed, deleted, paged.

use super::app::{App, problem, text};
use super::upstream::script::Script;
use crate::event::Event;
use crate::model::AccountId;
use crate::server::journal::Topic;
use crate::server::transport::{Follower, Frame};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_lives_from_making_to_deletion() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}");
    let snapshot = app.snapshot(&conversation).await;
    assert_eq!(snapshot["messages"], json!([]));
    assert_eq!(snapshot["draft"], Value::Null);
    assert_eq!(snapshot["conversation"]["model"], "anthropic/mock");
    for key in ["id", "title", "model", "system", "created_at", "updated_at"] {
        assert!(snapshot["conversation"][key].is_string(), "{key}");
    }

    let mut events = app.follow(&conversation, None).await;
    assert_eq!(events.next().await.unwrap().event, "snapshot");
    let changes = json!({ "title": "  On   rivers ", "system": "Be brief." });
    let changed = app.request(Method::PATCH, &path).json(&changes).send().await.unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["title"], "On rivers");
    let told = events.next().await.unwrap();
    assert_eq!(told.event, "conversation");
    assert_eq!(told.data["conversation"]["system"], "Be brief.");

    let gone = app.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(events.next().await.unwrap().event, "deleted");
    assert_eq!(events.next().await, None, "its viewers are let go");
    problem(app.get(&path).await, 404).await;
    problem(app.request(Method::DELETE, &path).send().await.unwrap(), 404).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_stops_the_open_reply() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { silence_after: Some(2), ..Script::default() }).await;
    let mut events = app.follow(&conversation, Some(&sent.cursor)).await;
    events.until("token").await;
    app.request(Method::DELETE, &format!("/api/v1/conversations/{conversation}")).send().await.unwrap();
    app.upstream.closed(1).await.unwrap();
    let frames = events.until("deleted").await;
    assert!(frames.iter().any(|frame| frame.event == "stopped"));
    assert!(app.state.store.message(sent.reply.parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_gives_the_title() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let mut events = app.follow(&conversation, None).await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    app.post(&path, json!({ "content": "Why do rivers meander?\nTell me more." })).await;
    let told = events.until("conversation").await.pop().unwrap();
    assert_eq!(told.data["conversation"]["title"], "Why do rivers meander?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_the_list_is_newest_first_and_paged() {
    let app = App::start().await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(app.conversation().await);
    }
    app.send(&made[2], &Script::default()).await;
    let mut seen = Vec::new();
    let mut path = "/api/v1/conversations?limit=3".to_owned();
    loop {
        let page: Value = app.get(&path).await.json().await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| text(&item["id"])));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/conversations?limit=3&cursor={}", next.replace('+', "%2B"));
    }
    assert_eq!(seen.len(), 7);
    assert_eq!(seen[0], made[2], "the one written to last");
    assert_eq!(seen[6], made[0]);
    for bad in ["limit=0", "limit=1000", "cursor=nonsense"] {
        problem(app.get(&format!("/api/v1/conversations?{bad}")).await, 422).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a43_a_snapshot_is_the_last_fifty_messages() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    for _ in 0..26 {
        let sent = app.send(&conversation, &Script { pieces: 1, ..Script::default() }).await;
        app.rest_of(&conversation, &sent).await;
    }
    let snapshot = app.snapshot(&conversation).await;
    let messages = snapshot["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 50);
    assert_eq!(snapshot["earlier"], true);
    assert_eq!(messages[0]["role"], "user");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_the_shape_of_the_contract() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script { thinking: 3, ..Script::default() }).await;
    app.rest_of(&conversation, &sent).await;
    let message = app.last_message(&conversation).await;
    for key in ["id", "parent", "text", "model", "stop_reason", "created_at", "finished_at"] {
        assert!(message[key].is_string(), "{key} in {message}");
    }
    assert_eq!(message["role"], "assistant");
    assert_eq!(message["status"], "done");
    assert_eq!(message["usage"], json!({ "input_tokens": 11, "output_tokens": 23 }));
    assert_eq!(message["error"], Value::Null);
    assert_eq!(message["thinking"], "thought0 thought1 thought2");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_listed_with_the_default_marked() {
    let app = App::start().await;
    let models: Value = app.get("/api/v1/models").await.json().await.unwrap();
    let items = models["items"].as_array().unwrap();
    let default: Vec<_> = items.iter().filter(|model| model["default"] == true).collect();
    assert_eq!(default.len(), 1);
    assert_eq!(default[0]["id"], "anthropic/mock");
}

#[tokio::test(flavor = "multi_thread")]
async fn titles_and_instructions_have_limits() {
    let app = App::start().await;
    let path = format!("/api/v1/conversations/{}", app.conversation().await);
    for (changes, field) in [
        (json!({ "title": "x".repeat(201) }), "title"),
        (json!({ "title": " " }), "title"),
        (json!({ "system": "x".repeat(32_001) }), "system"),
        (json!({ "model": "nobody/x" }), "model"),
        (json!({ "parameters": { "temperature": 2.5 } }), "parameters.temperature"),
        (json!({ "parameters": { "max_output_tokens": 0 } }), "parameters.max_output_tokens"),
        (json!({ "parameters": { "effort": "enormous" } }), "parameters.effort"),
    ] {
        let answer = app.request(Method::PATCH, &path).json(&changes).send().await.unwrap();
        assert_eq!(problem(answer, 422).await["field"], field);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_followed_leave_the_instructions_out() {
    let app = App::start().await;
    let account: Value = app.get("/api/v1/account").await.json().await.unwrap();
    let account: AccountId = text(&account["id"]).parse().unwrap();
    let (mut follower, _) = Follower::start(&app.state, account, Topic::Account(account), None).await.unwrap();
    let new = json!({ "title": "Rivers", "system": "Be brief.", "parameters": { "effort": "low" } });
    app.post("/api/v1/conversations", new).await;
    let frames = follower.next().await.unwrap();
    let [Frame::Entry { entry, .. }] = &frames[..] else { panic!("no entry") };
    let Event::Conversation { conversation: told } = &entry.event else { panic!("another event") };
    assert_eq!((told.title.as_str(), told.system.as_str(), told.parameters.effort.as_deref()), ("Rivers", "", None));
    let (_, start) = Follower::start(&app.state, account, Topic::Account(account), None).await.unwrap();
    let Frame::Start { event: Event::List(list), .. } = start else { panic!("no list") };
    assert_eq!(list.items[0].system, "");
    assert_eq!(app.conversations().await[0]["system"], "Be brief.", "who asks for a page of them gets them whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_new_conversation_is_named() {
    let app = App::start().await;
    for (body, field) in [
        (json!({ "title": 1 }), "title"),
        (json!({ "system": [] }), "system"),
        (json!({ "parameters": { "temperature": "x" } }), "parameters.temperature"),
        (json!({ "parameters": { "max_output_tokens": -1 } }), "parameters.max_output_tokens"),
    ] {
        assert_eq!(problem(app.post("/api/v1/conversations", body).await, 422).await["field"], field);
    }
}
