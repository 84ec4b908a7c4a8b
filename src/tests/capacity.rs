//! How much the whole server takes on at a time: row F42 of the fault matrix.

use super::app::{App, Sent, Sse, directive, problem};
use super::upstream::script::Script;
use crate::server::bounds::Bounds;
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use std::time::Duration;

const MOST: usize = 3;

async fn small() -> App {
    App::bounded(Bounds { open_replies: MOST, ..Bounds::default() }).await
}

/// An answer that stays open until it is stopped.
fn open() -> Script {
    Script { silence_after: Some(2), ..Script::default() }
}

/// Sends as a new user, in a conversation of their own. Returns the answer, the conversation and its cookie.
async fn send_as_new(app: &App) -> (Response, String, String) {
    let cookie = app.new_cookie().await;
    let request = |path: &str| app.stranger(Method::POST, path).header("cookie", &cookie);
    let made = request("/api/v1/conversations").json(&json!({})).send().await.unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    let path = format!("/api/v1/conversations/{}", made["id"].as_str().unwrap());
    let sent = request(&format!("{path}/messages")).json(&json!({ "content": directive(&open()) })).send().await;
    (sent.unwrap(), path, cookie)
}

async fn chat(app: &App) -> Response {
    let body = json!({ "messages": [{ "role": "user", "content": directive(&open()) }] });
    app.stranger(Method::POST, "/chat/stream").json(&body).send().await.unwrap()
}

/// It says when to retry, in words as well.
async fn assert_refused(answer: Response) {
    assert!(answer.headers().contains_key("retry-after"));
    let told = problem(answer, 503).await;
    assert!(told["detail"].as_str().unwrap().contains("as many replies as it can"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_beyond_its_capacity_the_server_refuses_whoever_asks_and_keeps_nothing() {
    let app = small().await;
    let mut replies = Vec::new();
    for _ in 0..MOST {
        let (sent, ..) = send_as_new(&app).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        replies.push(Sent::of(&sent.json().await.unwrap()).reply);
    }
    let (refused, path, cookie) = send_as_new(&app).await;
    assert_refused(refused).await;
    let kept = app.stranger(Method::GET, &path).header("cookie", &cookie).send().await.unwrap();
    let kept: serde_json::Value = kept.json().await.unwrap();
    assert_eq!(kept["messages"], json!([]), "nothing was stored");
    assert_refused(chat(&app).await).await;
    assert_eq!(app.upstream.seen().len(), MOST, "the model was not asked");
    assert!(app.metrics().contains("\nrivulet_refused_total{limit=\"capacity\"} 2\n"), "{}", app.metrics());
    assert_eq!(app.state.engine.visits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_what_ends_makes_room_and_stateless_answers_count() {
    let app = small().await;
    let conversation = app.conversation().await;
    let sent = app.send(&conversation, &open()).await;
    let mut chats = Vec::new();
    for _ in 1..MOST {
        let mut events = Sse::new(chat(&app).await);
        events.until("token").await;
        chats.push(events);
    }
    assert_refused(send_as_new(&app).await.0).await;
    // A message to a conversation with an open reply takes that reply's place.
    let again = app.send(&conversation, &open()).await;
    assert_ne!(again.reply, sent.reply);
    assert_refused(chat(&app).await).await;

    chats.pop();
    let freed = async {
        while app.state.engine.visits() == MOST - 1 {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("hanging up frees the place");
    assert_eq!(send_as_new(&app).await.0.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_where_open_replies_fill_the_memory_new_ones_are_refused_until_one_ends() {
    let app = App::with(&["--journal-mib=1"]).await;
    let conversation = app.conversation().await;
    // Held three times: as itself and in two encodings.
    let long = Script { text: Some("x".repeat(400_000)), piece_chars: 1_000, silence_after: Some(400), ..open() };
    app.upstream.push(long);
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let sent = Sent::of(&app.post(&path, json!({ "content": "Go" })).await.json().await.unwrap());
    let until = async |full: bool| {
        let changed = async {
            while app.state.journals.is_full() != full {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_secs(20), changed).await.expect("it is written, and over")
    };
    until(true).await;
    assert_refused(send_as_new(&app).await.0).await;
    assert!(app.metrics().contains("\nrivulet_refused_total{limit=\"memory\"} 1\n"), "{}", app.metrics());
    // The reply that fills it makes room for the next in its place; expired events are dropped.
    let again = app.send(&conversation, &open()).await;
    assert_ne!(again.reply, sent.reply);
    until(false).await;
    assert_eq!(send_as_new(&app).await.0.status(), StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn f42_those_who_come_at_the_same_moment_do_not_slip_past_it() {
    let app = small().await;
    let sends = join_all((0..10).map(|_| send_as_new(&app)));
    let (sends, chats) = tokio::join!(sends, join_all((0..10).map(|_| chat(&app))));
    let answers: Vec<&Response> = sends.iter().map(|(answer, ..)| answer).chain(&chats).collect();
    let taken = answers.iter().filter(|answer| answer.status().is_success()).count();
    // Two concurrent checks may both see the other in the last place.
    assert!((1..=MOST).contains(&taken), "{taken}");
    let refused = answers.iter().filter(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE).count();
    assert_eq!(taken + refused, answers.len());
    assert_eq!(app.state.engine.open_replies() + app.state.engine.visits(), taken);
}
