//! How much an account may write besides its messages.

use super::app::{App, problem, text};
use super::upstream::script::Script;
use crate::server::store::sql;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Instant;

/// Makes a conversation with instructions of this length.
async fn make(app: &App, bytes: usize) -> reqwest::Response {
    app.post("/api/v1/conversations", json!({ "system": "x".repeat(bytes) })).await
}

async fn count(app: &App, sql: &'static str) -> i64 {
    sql::query_scalar(sql).fetch_one(app.state.store.read()).await.unwrap()
}

/// Every route that stores something for an account, as a request.
async fn doors(app: &App, conversation: &str, message: &str, link: &str) -> Vec<(&'static str, reqwest::Response)> {
    let change = app.request(Method::PATCH, &format!("/api/v1/conversations/{conversation}"));
    let change = change.json(&json!({ "title": "Another" })).send().await.unwrap();
    let path = format!("/api/v1/conversations/{conversation}/branch");
    let branch = app.request(Method::PUT, &path).json(&json!({ "message": message })).send().await.unwrap();
    let (sharing, role) = (format!("/api/v1/conversations/{conversation}/sharing"), json!({ "role": "reader" }));
    let person = json!({ "name": "Bob", "role": "reader" });
    vec![
        ("make", make(app, 1).await),
        ("change", change),
        (
            "change, by the page",
            app.post("/api/chat/change", json!({ "conversation": conversation, "changes": { "title": "A" } })).await,
        ),
        ("branch", branch),
        ("branch, by the page", app.post("/api/chat/version", json!({ "message": message, "number": 1 })).await),
        ("share", app.post(&format!("{sharing}/people"), person).await),
        ("link", app.post(&format!("{sharing}/links"), role).await),
        ("public link", app.request(Method::PUT, &format!("{sharing}/public")).json(&json!({})).send().await.unwrap()),
        ("join", app.join(link).await),
        ("token", app.post("/api/v1/tokens", json!({ "name": "A", "scope": "read" })).await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn z36_an_account_makes_sixty_things_a_minute_and_no_more() {
    let app = App::with(&["--writes-per-minute=60"]).await;
    let (since, mut made) = (Instant::now(), 0);
    let refused = loop {
        let answer = make(&app, 1_000).await;
        if answer.status() != StatusCode::CREATED {
            break answer;
        }
        made += 1;
    };
    // One more for each second that it has taken.
    assert!((60..=61 + since.elapsed().as_secs()).contains(&made), "{made}");
    assert!(refused.headers().contains_key("retry-after"));
    let told = problem(refused, 429).await;
    assert!(text(&told["detail"]).starts_with("You have made or changed 60 things within a minute."), "{told}");
    assert_eq!(count(&app, "select count(*) from conversation").await.unsigned_abs(), made);
    let others = app.stranger(Method::POST, "/api/v1/conversations").header("cookie", app.new_cookie().await);
    assert_eq!(others.json(&json!({})).send().await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn z36_the_rate_holds_at_every_door_and_for_messages_there_is_another() {
    let mut app = App::with(&["--writes-per-minute=3"]).await;
    app.sign_up("Bob").await;
    let shared = app.conversation().await;
    let link = app.share_link(&shared, json!({ "role": "reader" })).await;
    app.cookie = app.new_cookie().await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &Script::default()).await;
    app.rest_of(&conversation, &sent).await;
    while make(&app, 1).await.status() == StatusCode::CREATED {}
    for (door, answer) in doors(&app, &conversation, &sent.reply, &link).await {
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{door}");
        assert!(answer.headers().contains_key("retry-after"), "{door}");
    }
    let start =
        json!({ "conversation": uuid::Uuid::now_v7(), "message": uuid::Uuid::now_v7(), "text": "Hello", "start": {} });
    assert_eq!(app.post("/api/chat/send", start).await.status(), StatusCode::TOO_MANY_REQUESTS, "it makes one, too");
    assert_eq!(app.form("/forms/send", &[("text", "Hello")]).send().await.unwrap().status().as_u16(), 429);
    app.send(&conversation, &Script::default()).await;
    let gone = app.request(Method::DELETE, &format!("/api/v1/conversations/{conversation}")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT, "what takes something back is not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn z36_what_is_asked_for_twice_is_counted_once() {
    let app = App::with(&["--writes-per-minute=2"]).await;
    let id = uuid::Uuid::now_v7();
    for _ in 0..10 {
        let made = app.post("/api/v1/conversations", json!({ "id": id })).await;
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    assert_eq!(make(&app, 1).await.status(), StatusCode::CREATED);
    problem(make(&app, 1).await, 429).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn z36_an_account_has_so_many_conversations_and_so_long_instructions() {
    let app = App::with(&["--conversations=3", "--instructions-mib=1"]).await;
    let defaults = <crate::server::settings::Settings as clap::Parser>::parse_from(["rivulet"]);
    let usual = (defaults.writes_per_minute.get(), defaults.conversations, defaults.instructions_mib);
    assert_eq!(usual, (60, 10_000, 64));
    let (full, word) = ("é".repeat(32_000), "é".repeat(100));
    for _ in 0..3 {
        app.conversation().await;
    }
    let told = problem(make(&app, 0).await, 409).await;
    assert!(text(&told["detail"]).contains("3 conversations, which is the most"), "{told}");
    let mut write = app.state.store.write().await.unwrap();
    sql::query("update conversation set system = $1").bind("é".repeat(300_000)).execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    let listed: Value = app.get("/api/v1/conversations").await.json().await.unwrap();
    let id = text(&listed["items"][0]["id"]);
    let change = async |system: &str| {
        let change = app.request(Method::PATCH, &format!("/api/v1/conversations/{id}"));
        change.json(&json!({ "system": system })).send().await.unwrap()
    };
    assert_eq!(change(&full).await.status(), StatusCode::OK, "what gets shorter fits, however long the others are");
    let mut write = app.state.store.write().await.unwrap();
    let long = sql::query("update conversation set system = $1 where id <> $2").bind("x".repeat(500_000)).bind(&id);
    long.execute(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(change(&word).await.status(), StatusCode::OK);
    let told = problem(change(&full).await, 409).await;
    assert!(text(&told["detail"]).contains("would be over 1 MiB"), "{told}");
}
