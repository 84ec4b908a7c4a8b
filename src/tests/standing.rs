//! How conversations stand in lists: running, unread, pinned, put away. Each account has its own, live and in its export.

use super::app::{App, problem, text};
use super::sharing::Shared;
use super::upstream::script::Script;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// The list's events as the app reads them.
struct Lines {
    response: Response,
    buffer: Vec<u8>,
}

impl Lines {
    async fn follow(app: &App) -> Self {
        let response = app.post("/api/follow", json!({ "conversation": null, "cursor": null, "list": null })).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self { response, buffer: Vec::new() }
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                match serde_json::from_slice(&line) {
                    Ok(line) => return line,
                    Err(_) => continue,
                }
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.buffer.extend_from_slice(&chunk);
        }
    }

    /// The next event that says this of the conversation's standing.
    async fn until(&mut self, conversation: &str, standing: Value) {
        loop {
            let line = self.next().await;
            if line["conversation"]["id"] == conversation && line["conversation"]["standing"] == standing {
                return;
            }
        }
    }
}

/// The titles or ids of a list, each with its standing.
async fn listed(app: &App, query: &str) -> Vec<(String, Value)> {
    let list: Value = app.get(&format!("/api/v1/conversations{query}")).await.json().await.unwrap();
    let items = list["items"].as_array().unwrap().clone();
    items.into_iter().map(|item| (text(&item["id"]), item["standing"].clone())).collect()
}

async fn place(app: &App, conversation: &str, placement: Value) -> Response {
    let path = format!("/api/v1/conversations/{conversation}/standing");
    app.request(Method::PATCH, &path).json(&placement).send().await.unwrap()
}

async fn read(app: &App, conversation: &str, reply: &str) -> StatusCode {
    let path = format!("/api/v1/conversations/{conversation}/read");
    app.request(Method::PUT, &path).json(&json!({ "reply": reply })).send().await.unwrap().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_says_what_runs_and_what_was_not_seen_also_to_those_it_is_shared_with() {
    let mut shared = Shared::with("participant").await;
    let (app, conversation) = (&shared.app, shared.conversation.clone());
    assert_eq!(listed(app, "").await, [(conversation.clone(), json!({ "unread": true }))]);
    let mut of_ann = Lines::follow(app).await;
    let sent = app.send(&conversation, &Script { pieces: 3, silence_after: Some(2), ..Script::default() }).await;
    of_ann.until(&conversation, json!({ "running": true })).await;
    assert_eq!(listed(app, "").await, [(conversation.clone(), json!({ "running": true, "unread": true }))]);
    assert_eq!(read(app, &conversation, &sent.reply).await, StatusCode::NO_CONTENT);
    assert_eq!(listed(app, "").await[0].1["unread"], true, "its end was not seen, as it has none yet");
    assert_eq!(
        app.post(&format!("/api/v1/replies/{}/stop", sent.reply), json!({})).await.status(),
        StatusCode::ACCEPTED
    );
    of_ann.until(&conversation, json!({ "running": false, "unread": true })).await;

    assert_eq!(read(app, &conversation, &sent.reply).await, StatusCode::NO_CONTENT);
    let seen = json!({ "running": false, "unread": false, "pinned": false, "archived": false });
    of_ann.until(&conversation, seen).await;
    assert_eq!(listed(app, "").await, [(conversation.clone(), Value::Null)]);
    // Only forward: an older reply changes nothing.
    assert_eq!(read(app, &conversation, &shared.sent.reply).await, StatusCode::NO_CONTENT);
    assert_eq!(listed(app, "").await, [(conversation.clone(), Value::Null)]);
    assert_eq!(read(app, &conversation, &uuid::Uuid::now_v7().to_string()).await, StatusCode::NOT_FOUND);
    shared.be_bob();
    assert_eq!(listed(&shared.app, "").await, [(conversation, json!({ "unread": true }))], "Bob has not seen it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_account_pins_or_puts_away_stays_as_it_is_in_the_lists_of_others() {
    let mut shared = Shared::with("reader").await;
    let conversation = shared.conversation.clone();
    let other = shared.app.conversation().await;
    shared.be_bob();
    let mut of_bob = Lines::follow(&shared.app).await;
    assert_eq!(place(&shared.app, &conversation, json!({ "pinned": true })).await.status(), StatusCode::OK);
    of_bob.until(&conversation, json!({ "running": false, "unread": true, "pinned": true, "archived": false })).await;
    assert_eq!(listed(&shared.app, "").await[0].1["pinned"], true);
    assert_eq!(place(&shared.app, &conversation, json!({ "archived": true })).await.status(), StatusCode::OK);
    assert_eq!(listed(&shared.app, "").await, []);
    let away = listed(&shared.app, "?archived=true").await;
    assert_eq!((away.len(), &away[0].0), (1, &conversation));
    let export: Value = shared.app.get("/api/v1/account/export").await.status().as_u16().into();
    assert_eq!(export, 200);
    let own = shared.app.state.store.about(shared.bob_id.parse().unwrap()).await.unwrap();
    assert_eq!(own["list"][0]["conversation"], conversation.as_str());
    assert!(own["list"][0]["pinned_at"].is_string() && own["list"][0]["archived_at"].is_string());

    shared.be_ann();
    let of_ann = listed(&shared.app, "").await;
    assert_eq!(of_ann.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), [&*other, &*conversation]);
    assert!(of_ann.iter().all(|(_, standing)| standing["pinned"].is_null()), "{of_ann:?}");
    // Bob's is gone with his access, and comes back with it as it was.
    shared.take_back().await;
    shared.be_bob();
    problem(place(&shared.app, &conversation, json!({ "archived": false })).await, 404).await;
    assert_eq!(listed(&shared.app, "?archived=true").await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_of_the_app_has_all_that_are_pinned_and_no_more_than_fifty_are() {
    let app = App::start().await;
    let mut first = Vec::new();
    for _ in 0..51 {
        first.push(app.conversation().await);
    }
    for conversation in &first[..50] {
        assert_eq!(place(&app, conversation, json!({ "pinned": true })).await.status(), StatusCode::OK);
    }
    problem(place(&app, &first[50], json!({ "pinned": true })).await, 409).await;
    for conversation in &first[1..50] {
        assert_eq!(place(&app, conversation, json!({ "pinned": false })).await.status(), StatusCode::OK);
    }
    let list: Value = app.post("/api/list", json!({ "after": null })).await.json().await.unwrap();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 51, "the oldest of them is on the second page, and pinned");
    assert_eq!(text(&items[50]["id"]), first[0]);
    assert_eq!(items[50]["standing"], json!({ "pinned": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_arranged_without_our_code_too() {
    let app = App::start().await;
    let conversation = app.conversation().await;
    let place = async |field: &str, word: &str| {
        let answer = app.form("/forms/place", &[("conversation", &conversation), (field, word)]).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    };
    place("pinned", "yes").await;
    let page = app.get(&format!("/c/{conversation}/manage")).await.text().await.unwrap();
    assert!(page.contains("Unpin") && page.contains("Put away"), "{page}");
    place("archived", "yes").await;
    assert_eq!(listed(&app, "").await, []);
    assert!(app.get("/archive").await.text().await.unwrap().contains(&format!("/c/{conversation}/manage")));
    place("archived", "no").await;
    assert!(app.get("/archive").await.text().await.unwrap().contains("Nothing is put away."));
}
