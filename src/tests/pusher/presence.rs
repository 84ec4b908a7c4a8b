//! Presence channels, and client events between subscribers.

use super::client::{ALLOWED, Client};
use crate::tests::app::App;
use serde_json::json;

async fn two() -> (App, String, Client, Client) {
    let mut app = App::with(&[ALLOWED]).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let (first, second) = (Client::connect(&app).await, Client::connect(&app).await);
    (app, conversation, first, second)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_by_any_transport_is_there_once() {
    let (app, conversation, mut first, mut second) = two().await;
    let channel = format!("presence-conversations.{conversation}");
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account.to_string();
    let there = first.subscribe(&app, &channel).await;
    assert_eq!(there.data["presence"]["ids"], json!([account]));
    assert_eq!(there.data["presence"]["hash"][&account], json!({ "name": "Ann" }));
    assert_eq!(there.data["presence"]["count"], 1);
    // Another connection of the account adds no member; a member that the backend signs for does.
    second.subscribe(&app, &channel).await;
    let mut backend = Client::connect(&app).await;
    let data = json!({ "user_id": 7, "user_info": { "name": "Laravel's Bob" } }).to_string();
    let auth = app.state.sockets.app.sign(&format!("{}:{channel}:{data}", backend.id));
    let auth = format!("{}:{auth}", app.state.sockets.app.key);
    backend
        .frame(
            &json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth, "channel_data": data } }),
        )
        .await;
    let there = backend.until("pusher_internal:subscription_succeeded").await;
    assert_eq!(there.data["presence"]["count"], 2);
    for client in [&mut first, &mut second] {
        let came = client.next().await;
        assert_eq!(came.name, "pusher_internal:member_added");
        assert_eq!(came.data, json!({ "user_id": "7", "user_info": { "name": "Laravel's Bob" } }));
    }
    // A follower by SSE is seen by the backend's client when the two sockets of the account are gone.
    let events = app.follow(&conversation, None).await;
    drop((first, second));
    backend.frame(&json!({ "event": "pusher:ping" })).await;
    assert_eq!(backend.next().await.name, "pusher:pong", "the account is still there");
    drop(events);
    let left = backend.next().await;
    assert_eq!(
        (left.name.as_str(), left.data["user_id"].as_str()),
        ("pusher_internal:member_removed", Some(account.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a20_whispers_go_to_the_others_and_typing_to_the_audience() {
    let (app, conversation, mut first, mut second) = two().await;
    let channel = format!("private-conversations.{conversation}");
    for client in [&mut first, &mut second] {
        client.subscribe(&app, &channel).await;
        client.until("snapshot").await;
    }
    first.send("client-typing", &conversation, json!({ "name": "Ann" })).await;
    let heard = second.next().await;
    assert_eq!((heard.name.as_str(), &heard.data), ("client-typing", &json!({ "name": "Ann" })));
    assert_eq!(heard.user_id, None, "on a private channel nobody is named");
    let id = conversation.parse().unwrap();
    assert!(app.state.audience.members(id)[0].typing);
    first.frame(&json!({ "event": "pusher:ping" })).await;
    assert_eq!(first.next().await.name, "pusher:pong", "its own whisper does not come back");
    // Only where one is subscribed, and only with a token that may write.
    first.frame(&json!({ "event": "client-x", "channel": "private-elsewhere", "data": {} })).await;
    assert_eq!(first.next().await.data["code"], 4301);
    let token = app.token("read").await;
    let mut reader = Client::connect(&app).await;
    let auth = reader.authorize_with(&app, &channel, &token).await;
    reader.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth["auth"] } })).await;
    reader.until("snapshot").await;
    reader.send("client-typing", &conversation, json!({})).await;
    assert_eq!(reader.next().await.data["code"], 4301);
    second.frame(&json!({ "event": "pusher:ping" })).await;
    assert_eq!(second.next().await.name, "pusher:pong", "nothing of it arrived");
    // On the presence channel the sender is named.
    let presence = format!("presence-conversations.{conversation}");
    for client in [&mut first, &mut second] {
        client.subscribe(&app, &presence).await;
    }
    first.frame(&json!({ "event": "client-wave", "channel": presence, "data": { "a": 1 } })).await;
    let heard = second.until("client-wave").await;
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account.to_string();
    assert_eq!(heard.user_id, Some(account));
}
