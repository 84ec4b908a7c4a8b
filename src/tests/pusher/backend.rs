//! The HTTP API: a backend that holds the secret.

use super::client::{ALLOWED, Client};
use crate::tests::app::{App, problem};
use md5::{Digest, Md5};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// A request as Pusher's own libraries sign it.
async fn signed(app: &App, method: Method, path: &str, more: &str, body: &str, age: i64) -> Response {
    let pusher = &app.state.sockets.app;
    let path = format!("/apps/{}{path}", pusher.id);
    let time = jiff::Timestamp::now().as_second() - age;
    let mut pairs =
        vec![format!("auth_key={}", pusher.key), format!("auth_timestamp={time}"), "auth_version=1.0".to_owned()];
    if !body.is_empty() {
        let hash: String = Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.push(format!("body_md5={hash}"));
    }
    pairs.extend(more.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned));
    pairs.sort();
    let query = pairs.join("&");
    let signature = pusher.sign(&format!("{method}\n{path}\n{query}"));
    let to = format!("{path}?{query}&auth_signature={signature}");
    let request = app.stranger(method, &to).header("content-type", "application/json");
    request.body(body.to_owned()).send().await.unwrap()
}

pub(super) async fn get(app: &App, path: &str, more: &str) -> Value {
    let answer = signed(app, Method::GET, path, more, "", 0).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

pub(super) async fn add(app: &App, event: &Value) -> Response {
    signed(app, Method::POST, "/events", "", &event.to_string(), 0).await
}

async fn listening() -> (App, String, Client) {
    let mut app = App::with(&[ALLOWED]).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let channel = format!("private-conversations.{conversation}");
    let mut client = Client::connect(&app).await;
    client.subscribe(&app, &channel).await;
    client.until("snapshot").await;
    (app, channel, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_event_goes_to_the_channels_subscribers_as_it_is() {
    let (app, channel, mut client) = listening().await;
    let data = json!({ "ticket": 5, "text": "\"é\"" }).to_string();
    let added = add(&app, &json!({ "name": "ticket.closed", "channels": [channel], "data": data })).await;
    assert_eq!((added.status().as_u16(), added.json::<Value>().await.unwrap()), (200, json!({})));
    let heard = client.next().await;
    assert_eq!((heard.name.as_str(), heard.channel.as_str()), ("ticket.closed", channel.as_str()));
    assert_eq!(heard.data, json!({ "ticket": 5, "text": "\"é\"" }));
    // Not to the client that caused it (`socket_id`).
    let own = json!({ "name": "mine", "channel": channel, "data": "{}", "socket_id": client.id });
    assert_eq!(add(&app, &own).await.status(), 200);
    let batch = json!({ "batch": [{ "name": "one", "channel": channel, "data": "1" }, { "name": "two", "channel": channel, "data": "2" }] });
    assert_eq!(signed(&app, Method::POST, "/batch_events", "", &batch.to_string(), 0).await.status(), 200);
    assert_eq!((client.next().await.name, client.next().await.name), ("one".into(), "two".into()));
    // Invalid events.
    for name in ["token", "done", "snapshot", "client-resume", "pusher:ping", "pusher_internal:member_added", ""] {
        problem(add(&app, &json!({ "name": name, "channel": channel, "data": "{}" })).await, 422).await;
    }
    problem(add(&app, &json!({ "name": "x", "channel": "a b", "data": "{}" })).await, 422).await;
    problem(add(&app, &json!({ "name": "x", "data": "{}" })).await, 422).await;
    problem(add(&app, &json!({ "name": "x", "channel": channel, "data": "x".repeat(10_001) })).await, 413).await;
    // As clients get it, it is longer than 10 KB: within a string, a quote takes two bytes.
    problem(add(&app, &json!({ "name": "x", "channel": channel, "data": "\"".repeat(6_000) })).await, 413).await;
    problem(signed(&app, Method::POST, "/events", "", "{", 0).await, 400).await;
    // To a channel that is named twice, once.
    let twice = json!({ "name": "once", "channels": [channel, channel], "channel": channel, "data": "1" });
    assert_eq!(add(&app, &twice).await.status(), 200);
    assert_eq!(
        add(&app, &json!({ "name": "then", "channel": channel, "data": "x".repeat(10_000) })).await.status(),
        200
    );
    assert_eq!((client.next().await.name, client.next().await.name), ("once".into(), "then".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_that_are_nothing_of_ours_pass_through() {
    let (app, _, mut client) = listening().await;
    client.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": "orders" } })).await;
    client.until("pusher_internal:subscription_succeeded").await;
    let own = "private-App.Models.User.1";
    let auth = app.state.sockets.app.sign(&format!("{}:{own}", client.id));
    let auth = format!("{}:{auth}", app.state.sockets.app.key);
    client.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": own, "auth": auth } })).await;
    client.until("pusher_internal:subscription_succeeded").await;
    add(&app, &json!({ "name": "App\\Events\\Shipped", "channels": ["orders", own], "data": "{}" })).await;
    let heard = [client.next().await, client.next().await];
    let mut channels = heard.map(|event| event.channel);
    channels.sort();
    assert_eq!(channels, ["orders", own]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_sees_what_is_occupied() {
    let (app, channel, client) = listening().await;
    let mut second = Client::connect(&app).await;
    let presence = channel.replace("private", "presence");
    second.subscribe(&app, &presence).await;
    let all = get(&app, "/channels", "info=subscription_count,user_count").await;
    assert_eq!(all["channels"][&channel], json!({ "subscription_count": 1 }));
    assert_eq!(all["channels"][&presence], json!({ "subscription_count": 1, "user_count": 1 }));
    let some = get(&app, "/channels", "filter_by_prefix=presence-").await;
    assert_eq!(some["channels"], json!({ &presence: {} }));
    assert_eq!(get(&app, &format!("/channels/{channel}"), "").await, json!({ "occupied": true }));
    assert_eq!(get(&app, "/channels/orders", "").await, json!({ "occupied": false }));
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    assert_eq!(get(&app, &format!("/channels/{presence}/users"), "").await, json!({ "users": [{ "id": account }] }));
    assert_eq!(get(&app, "/connections", "").await, json!({ "connections": 2 }));
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_without_the_right_signature() {
    let (app, channel, _client) = listening().await;
    let pusher = &app.state.sockets.app;
    problem(app.stranger(Method::GET, &format!("/apps/{}/channels", pusher.id)).send().await.unwrap(), 401).await;
    for age in [601, -601] {
        problem(signed(&app, Method::GET, "/channels", "", "", age).await, 401).await;
    }
    // Another body, another query, another path than what was signed.
    let time = jiff::Timestamp::now().as_second();
    let query = format!("auth_key={}&auth_timestamp={time}&auth_version=1.0", pusher.key);
    let signature = pusher.sign(&format!("POST\n/apps/{}/events\n{query}", pusher.id));
    let event = json!({ "name": "x", "channel": channel, "data": "{}" });
    for path in ["events", "batch_events"] {
        let to = format!("/apps/{}/{path}?{query}&auth_signature={signature}", pusher.id);
        problem(app.stranger(Method::POST, &to).json(&event).send().await.unwrap(), 401).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn z31_an_added_event_is_answered_with_what_was_asked_about_its_channels() {
    let (app, channel, mut client) = listening().await;
    let presence = channel.replace("private-", "presence-");
    client.subscribe(&app, &presence).await;
    let info = "subscription_count,user_count";
    let answer = async |path: &str, body: Value| {
        let answer = signed(&app, Method::POST, path, "", &body.to_string(), 0).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()
    };
    let event = json!({ "name": "a", "channels": [channel, presence, "orders"], "data": "{}", "info": info });
    let expected = json!({ "channels": {
        channel.as_str(): { "subscription_count": 1 },
        presence.as_str(): { "subscription_count": 1, "user_count": 1 },
        "orders": { "subscription_count": 0 },
    } });
    assert_eq!(answer("/events", event).await, expected);
    let batch = json!({ "batch": [
        { "name": "b", "channel": presence, "data": "{}", "info": "user_count" },
        { "name": "c", "channel": channel, "data": "{}" },
        { "name": "d", "channel": presence, "data": "{}", "info": "subscription_count" },
        { "name": "e", "channels": [channel, "orders"], "data": "{}", "info": "subscription_count" },
    ] });
    // In the order of the events, as the vendor's clients read it.
    let channels = json!({ channel.as_str(): { "subscription_count": 1 }, "orders": { "subscription_count": 0 } });
    let expected = json!([{ "user_count": 1 }, {}, { "subscription_count": 1 }, { "channels": channels }]);
    assert_eq!(answer("/batch_events", batch).await, json!({ "batch": expected }));
    let silent = json!({ "batch": [{ "name": "f", "channel": channel, "data": "{}" }] });
    assert_eq!(answer("/batch_events", silent).await, json!({}));
    let nothing = json!({ "name": "e", "channel": channel, "data": "{}", "info": "" });
    assert_eq!(answer("/events", nothing).await, json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_wait_are_written_to_without_being_woken() {
    let app = App::with(&[ALLOWED]).await;
    let mut clients = Vec::new();
    for _ in 0..70 {
        let mut client = Client::connect(&app).await;
        client.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": "news" } })).await;
        client.until("pusher_internal:subscription_succeeded").await;
        clients.push(client);
    }
    for count in 0..20 {
        let data = json!({ "count": count, "text": "x".repeat(count * 40) }).to_string();
        assert_eq!(add(&app, &json!({ "name": "news", "channel": "news", "data": data })).await.status(), 200);
        for client in &mut clients {
            let heard = client.next().await;
            assert_eq!((heard.name.as_str(), heard.data["count"].as_u64()), ("news", Some(count as u64)));
        }
    }
    let written = app.state.sockets.written_directly();
    assert!(70 * 15 < written, "of 70 sockets and 20 events {written} were written directly");
    // A client that has left hears nothing more, also where nothing wakes it.
    clients[0].frame(&json!({ "event": "pusher:unsubscribe", "data": { "channel": "news" } })).await;
    clients[0].frame(&json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(clients[0].next().await.name, "pusher:pong");
    add(&app, &json!({ "name": "last", "channel": "news", "data": "{}" })).await;
    assert_eq!(clients[1].next().await.name, "last");
    clients[0].frame(&json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(clients[0].next().await.name, "pusher:pong");
}
