//! A message that waits for the end of a reply: sent once, or still there, whatever happens.

use super::app::{App, directive, problem, text};
use super::sharing::Shared;
use super::upstream::script::Script;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn queue(app: &App, conversation: &str, id: &str, script: &Script) -> StatusCode {
    let body = json!({ "id": id, "content": directive(script) });
    app.post(&format!("/api/v1/conversations/{conversation}/queue"), body).await.status()
}

async fn waiting(app: &App, conversation: &str) -> Vec<String> {
    let snapshot = app.snapshot(conversation).await;
    snapshot["conversation"]["queued"]
        .as_array()
        .map_or(Vec::new(), |all| all.iter().map(|it| text(&it["id"])).collect())
}

fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn says(text: &str) -> Script {
    Script { text: Some(text.into()), ..Script::default() }
}

/// A reply that goes on until it is stopped.
fn endless() -> Script {
    Script { pieces: 3, silence_after: Some(2), ..Script::default() }
}

/// A reply that is done after a while.
fn slow() -> Script {
    Script { pieces: 10, gap_ms: 60, ..Script::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_to_all_waits_for_the_end_and_is_sent_once() {
    let mut shared = Shared::with("participant").await;
    let conversation = shared.conversation.clone();
    let mut events = shared.app.follow(&conversation, None).await;
    let sent = shared.app.send(&conversation, &slow()).await;
    shared.be_bob();
    let id = new_id();
    assert_eq!(queue(&shared.app, &conversation, &id, &says("Bob's answer.")).await, StatusCode::ACCEPTED);
    assert_eq!(
        queue(&shared.app, &conversation, &id, &says("Bob's answer.")).await,
        StatusCode::ACCEPTED,
        "idempotent"
    );
    assert_eq!(queue(&shared.app, &conversation, &new_id(), &says("x")).await, StatusCode::CONFLICT, "one of each");
    let told = events.until_that(|frame| frame.data["conversation"]["queued"].is_array()).await;
    let queued = &told.last().unwrap().data["conversation"]["queued"];
    assert_eq!((text(&queued[0]["id"]), text(&queued[0]["author"]["name"])), (id.clone(), "Bob".into()));
    events.until_end(&sent.reply).await;
    let frames = events.until_that(|frame| frame.event == "reply").await;
    let message = frames.iter().find(|frame| frame.event == "message").unwrap();
    assert_eq!(text(&message.data["message"]["id"]), id);
    assert_eq!(message.data["message"]["author"]["name"], "Bob");
    let reply = text(&frames.last().unwrap().data["reply"]);
    events.until_end(&reply).await;
    assert_eq!(waiting(&shared.app, &conversation).await, Vec::<String>::new());
    let messages = shared.app.snapshot(&conversation).await["messages"].as_array().unwrap().clone();
    assert_eq!(messages.iter().filter(|message| message["id"] == id.as_str()).count(), 1);
    assert_eq!(messages.last().unwrap()["text"], "Bob's answer.");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reply_that_was_stopped_it_waits_and_is_sent_or_taken_back() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &endless()).await;
    let id = new_id();
    assert_eq!(queue(&app, &conversation, &id, &says("Now.")).await, StatusCode::ACCEPTED);
    let mut events = app.follow(&conversation, None).await;
    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    events.until_end(&sent.reply).await;
    crate::server::queue::sweep(&app.state).await;
    assert_eq!(waiting(&app, &conversation).await, std::slice::from_ref(&id));
    let path = format!("/api/v1/conversations/{conversation}/queue/{id}");
    let answer = app.post(&format!("{path}/send"), json!({})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let reply = text(&answer.json::<Value>().await.unwrap()["reply"]["id"]);
    events.until_end(&reply).await;
    assert_eq!(waiting(&app, &conversation).await, Vec::<String>::new());

    let other = new_id();
    let sent = app.send(&conversation, &endless()).await;
    assert_eq!(queue(&app, &conversation, &other, &says("No.")).await, StatusCode::ACCEPTED);
    let path = format!("/api/v1/conversations/{conversation}/queue/{other}");
    assert_eq!(app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    problem(app.request(Method::DELETE, &path).send().await.unwrap(), 404).await;
    assert_eq!(waiting(&app, &conversation).await, Vec::<String>::new());
    app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_sent_meanwhile_goes_first_and_what_is_refused_stays_with_the_sentence() {
    let app = App::with(&["--tokens-per-day=1"]).await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &slow()).await;
    let id = new_id();
    assert_eq!(queue(&app, &conversation, &id, &says("Late.")).await, StatusCode::ACCEPTED);
    let mut events = app.follow(&conversation, None).await;
    events.until_end(&sent.reply).await;
    let told = events.until_that(|frame| frame.data["conversation"]["queued"][0]["refused"].is_string()).await;
    assert!(text(&told.last().unwrap().data["conversation"]["queued"][0]["refused"]).contains("tokens"));
    crate::server::queue::sweep(&app.state).await;
    assert_eq!(waiting(&app, &conversation).await, [id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_behind_is_sent_by_the_next_and_nothing_of_who_has_lost_access() {
    let mut shared = Shared::with("participant").await;
    let conversation = shared.conversation.clone();
    let sent = shared.app.send(&conversation, &endless()).await;
    shared.be_bob();
    let id = new_id();
    assert_eq!(queue(&shared.app, &conversation, &id, &says("Not any more.")).await, StatusCode::ACCEPTED);
    shared.take_back().await;
    assert_eq!(waiting(&shared.app, &conversation).await, Vec::<String>::new(), "gone with the access");
    let mut events = shared.app.follow(&conversation, None).await;
    // As a process that dies leaves it: the reply is done, and nobody has looked since.
    let script = says("The next one.");
    let own = new_id();
    assert_eq!(queue(&shared.app, &conversation, &own, &script).await, StatusCode::ACCEPTED);
    shared.app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await;
    events.until_end(&sent.reply).await;
    let done = crate::server::store::sql::query("update message set status = 'done' where id = $1");
    let mut write = shared.app.state.store.write().await.unwrap();
    done.bind(&sent.reply).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let frames = events.until_that(|frame| frame.event == "reply").await;
    events.until_end(&text(&frames.last().unwrap().data["reply"])).await;
    let messages = shared.app.snapshot(&conversation).await["messages"].as_array().unwrap().clone();
    assert!(messages.iter().any(|message| message["id"] == own.as_str()));
    assert!(!messages.iter().any(|message| message["id"] == id.as_str()));
}
