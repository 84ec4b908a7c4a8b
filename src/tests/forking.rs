//! Conversations that begin with what was said in another one.

use super::app::{App, problem, text};
use super::images::files::png;
use super::sharing::Shared;
use super::upstream::script::Script;
use crate::server::store::sql::query;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn fork(app: &App, conversation: &str, body: Value) -> reqwest::Response {
    app.post(&format!("/api/v1/conversations/{conversation}/fork"), body).await
}

fn said(snapshot: &Value) -> Vec<(String, String)> {
    let messages = snapshot["messages"].as_array().unwrap().iter();
    messages.map(|it| (text(&it["role"]), text(&it["text"]))).collect()
}

async fn ask(app: &App, conversation: &str, answer: &str) -> String {
    let sent = app.send(conversation, &Script { text: Some(answer.into()), ..Script::default() }).await;
    app.rest_of(conversation, &sent).await;
    sent.reply
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_all_up_to_the_reply_and_goes_on_by_itself() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}");
    let settings = json!({ "title": "Rivers", "system": "Be brief.", "parameters": { "temperature": 0.5 } });
    assert_eq!(app.request(Method::PATCH, &path).json(&settings).send().await.unwrap().status(), StatusCode::OK);
    let first = ask(&app, &conversation, "One.").await;
    ask(&app, &conversation, "Two.").await;
    let id = uuid::Uuid::now_v7().to_string();
    let made = fork(&app, &conversation, json!({ "id": id, "message": first })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: Value = made.json().await.unwrap();
    assert_eq!((&made["id"], &made["title"], &made["system"]), (&json!(id), &json!("Rivers"), &json!("Be brief.")));
    assert_eq!(made["parameters"]["temperature"], 0.5);
    assert_eq!(fork(&app, &conversation, json!({ "id": id })).await.status(), StatusCode::OK, "once");
    let (copy, before) = (app.snapshot(&id).await, app.snapshot(&conversation).await);
    assert_eq!(said(&copy), said(&before)[..2], "up to this reply");
    assert_ne!(copy["messages"][1]["id"], json!(first), "it is a message of its own");
    assert_eq!(copy["messages"][1]["usage"], Value::Null, "what the original has used was used once");
    // The model is told what was copied, and the original stays as it is.
    app.upstream.reset();
    ask(&app, &id, "Three.").await;
    let told = app.upstream.seen()[0].body["messages"].as_array().unwrap().len();
    assert_eq!(told, 3);
    assert_eq!(app.snapshot(&conversation).await["messages"], before["messages"]);
    let list: Value = app.get("/api/v1/conversations").await.json().await.unwrap();
    assert_eq!(list["items"][0]["id"], json!(id));
    // The whole of it, by a form.
    let whole = app.form("/forms/fork", &[("conversation", &conversation)]).send().await.unwrap();
    assert_eq!(whole.status(), StatusCode::SEE_OTHER);
    let place = whole.headers()["location"].to_str().unwrap().trim_start_matches("/c/").to_owned();
    assert_eq!(said(&app.snapshot(&place).await), said(&before));
    let page = app.get(&format!("/c/{conversation}")).await.text().await.unwrap();
    assert!(page.contains("action=\"/forms/fork\""), "each reply has the form");
    // It is gone with its own deletion alone.
    assert_eq!(app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(said(&app.snapshot(&place).await), said(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_may_copy_and_who_has_said_what_stays_known() {
    let mut shared = Shared::with("reader").await;
    shared.be_bob();
    let made = fork(&shared.app, &shared.conversation, json!({})).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let id = text(&made.json::<Value>().await.unwrap()["id"]);
    let copy = shared.app.snapshot(&id).await;
    assert_eq!((&copy["access"], &copy["messages"][0]["author"]["name"]), (&json!("owner"), &json!("Ann")));
    let list: Value = shared.app.get("/api/v1/conversations").await.json().await.unwrap();
    assert_eq!(
        (&list["items"][0]["id"], &list["items"][0]["standing"]),
        (&json!(id), &Value::Null),
        "nothing is unread"
    );
    let own = ask(&shared.app, &id, "Of Bob.").await;
    assert_eq!(shared.app.snapshot(&id).await["messages"][2]["author"]["name"], "Bob");
    // It is Bob's: Ann does not see it, and it stays when his access ends.
    shared.take_back().await;
    problem(fork(&shared.app, &id, json!({})).await, 404).await;
    shared.be_bob();
    problem(fork(&shared.app, &shared.conversation, json!({})).await, 404).await;
    problem(fork(&shared.app, &id, json!({ "message": shared.sent.reply })).await, 404).await;
    assert_eq!(fork(&shared.app, &id, json!({ "message": own })).await.status(), StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_reply_is_not_copied_and_images_are() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    problem(fork(&app, &conversation, json!({})).await, 409).await;
    let image = app.image(png(8, 8)).await;
    let body = json!({ "content": super::app::directive(&Script { text: Some("A river.".into()), ..Script::default() }), "images": [image] });
    let sent = app.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await;
    let sent = super::app::Sent::of(&sent.json().await.unwrap());
    app.rest_of(&conversation, &sent).await;
    let open = app.send(&conversation, &Script { pieces: 3, silence_after: Some(1), ..Script::default() }).await;
    let made = fork(&app, &conversation, json!({ "message": open.reply })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let id = text(&made.json::<Value>().await.unwrap()["id"]);
    let copy = app.snapshot(&id).await;
    assert_eq!(copy["messages"].as_array().unwrap().len(), 2, "neither the open reply nor what it answers");
    assert_eq!(copy["messages"][0]["images"][0]["id"], json!(image));
    let path = format!("/api/v1/conversations/{conversation}");
    assert_eq!(app.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(app.get(&format!("/api/v1/images/{image}")).await.status(), StatusCode::OK, "the copy has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_not_copied_and_changes_nothing() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let reply = ask(&app, &conversation, "Short.").await;
    let mut write = app.state.store.write().await.unwrap();
    let longer = query("update message set text = $1 where id = $2").bind("x".repeat((4 << 20) + 1)).bind(&reply);
    longer.execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let refused = problem(fork(&app, &conversation, json!({})).await, 409).await;
    assert!(text(&refused["detail"]).contains("4 MiB"), "{refused}");
    let list: Value = app.get("/api/v1/conversations").await.json().await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}
