//! A conversation of a site over the Pusher protocol: its agents follow it, and nobody else does.

use super::client::{ALLOWED, Client};
use crate::tests::desk::{Desk, INSTRUCTIONS, Visitor};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_follows_a_sites_conversation_and_an_admin_does_not() {
    let mut desk = Desk::with(&[ALLOWED], json!({})).await;
    let who = Visitor::new();
    let conversation = desk.answered(&who).await;
    let channel = format!("private-conversations.{conversation}");
    let mut client = Client::connect(&desk.app).await;
    assert_eq!(client.ask(&desk.app, &channel).await.status(), StatusCode::FORBIDDEN, "an admin who is no agent");
    desk.app.cookie = desk.browser.clone();
    client.subscribe(&desk.app, &channel).await;
    let snapshot = client.until("snapshot").await;
    assert_eq!(snapshot.data["access"], "agent");
    assert!(!snapshot.data.to_string().contains(INSTRUCTIONS));
    desk.say(&who, &conversation, "Are you there?").await;
    assert_eq!(client.until("message").await.data["message"]["text"], "Are you there?");
    assert_eq!(desk.try_answer(&conversation, json!({ "content": "Yes." })).await.status(), StatusCode::ACCEPTED);
    assert_eq!(client.until("assignment").await.data["assignment"]["state"], "agent");
    // It would list the agents.
    let audience = format!("presence-conversations.{conversation}");
    assert_eq!(client.ask(&desk.app, &audience).await.status(), StatusCode::FORBIDDEN);
}
