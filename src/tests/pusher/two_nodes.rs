//! Clients whose sockets are at two nodes.

use super::backend::{add, get};
use super::client::{ALLOWED, Client};
use crate::tests::app::App;
use crate::tests::backplane::apps;
use serde_json::json;

async fn two() -> Option<(App, App, String, Client, Client)> {
    let (mut app, mut other) = apps(&[ALLOWED]).await?;
    app.sign_up("Ann").await;
    other.cookie.clone_from(&app.cookie);
    let conversation = app.conversation().await;
    let (first, second) = (Client::connect(&app).await, Client::connect(&other).await);
    Some((app, other, conversation, first, second))
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_whisper_and_a_backends_event_reach_the_sockets_of_every_node() {
    let Some((app, other, conversation, mut first, mut second)) = two().await else { return };
    let channel = format!("private-conversations.{conversation}");
    for (node, client) in [(&app, &mut first), (&other, &mut second)] {
        client.subscribe(node, &channel).await;
        client.until("snapshot").await;
    }
    first.send("client-typing", &conversation, json!({ "name": "Ann" })).await;
    let heard = second.next().await;
    assert_eq!((heard.name.as_str(), &heard.data), ("client-typing", &json!({ "name": "Ann" })));
    // The backend's request comes to the other node than the socket that caused it.
    let own = json!({ "name": "closed", "channel": channel, "data": "{}", "socket_id": first.id });
    assert_eq!(add(&other, &own).await.status(), 200);
    assert_eq!(second.next().await.name, "closed");
    assert_eq!(add(&other, &json!({ "name": "last", "channel": channel, "data": "{}" })).await.status(), 200);
    assert_eq!(first.next().await.name, "last", "neither its whisper nor what it caused came back");
    assert_eq!(second.next().await.name, "last");
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_members_are_seen_and_counted_at_every_node() {
    let Some((app, other, conversation, mut first, mut second)) = two().await else { return };
    let channel = format!("presence-conversations.{conversation}");
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account.to_string();
    let mut backend = Client::connect(&app).await;
    let data = json!({ "user_id": 7, "user_info": { "name": "Laravel's Bob" } }).to_string();
    let pusher = &app.state.sockets.app;
    let auth = format!("{}:{}", pusher.key, pusher.sign(&format!("{}:{channel}:{data}", backend.id)));
    let asked = json!({ "channel": channel, "auth": auth, "channel_data": data });
    backend.frame(&json!({ "event": "pusher:subscribe", "data": asked })).await;
    backend.until("pusher_internal:subscription_succeeded").await;
    // Nobody is at the other node.
    let users = async |node: &App| get(node, &format!("/channels/{channel}/users"), "").await["users"].clone();
    crate::tests::backplane::until(async || users(&other).await == json!([{ "id": "7" }])).await;
    let _events = other.follow(&conversation, None).await;
    let came = backend.next().await;
    assert_eq!((came.name.as_str(), &came.data["user_id"]), ("pusher_internal:member_added", &json!(account)));
    let there = second.subscribe(&other, &channel).await;
    let mut ids = there.data["presence"]["ids"].as_array().unwrap().clone();
    while ids.len() < 2 {
        let came = second.next().await;
        assert_eq!(came.name, "pusher_internal:member_added");
        ids.push(came.data["user_id"].clone());
    }
    assert!(ids.contains(&json!("7")) && ids.contains(&json!(account)), "{ids:?}");
    // The account is at both nodes, and there once.
    first.subscribe(&app, &channel).await;
    crate::tests::backplane::until(async || users(&app).await == json!([{ "id": "7" }, { "id": account }])).await;
    drop(backend);
    let left = second.until("pusher_internal:member_removed").await;
    assert_eq!(left.data["user_id"], "7");
}
