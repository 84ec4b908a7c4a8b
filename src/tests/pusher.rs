//! The Pusher protocol over WebSocket, with requests of stock clients, and invalid ones.

mod backend;
mod client;
mod desk;
mod flood;
mod frames;
mod presence;
mod two_nodes;

use super::app::{App, settings, text};
use super::upstream::script::Script;
use crate::server::State;
use crate::server::channels::Name;
use crate::server::principal::{Credential, Principal, Role};
use crate::server::secret::Hash;
use client::{ALLOWED, Client};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::{Duration, Instant};

/// An app with a conversation, and what its owner's client is subscribed to.
async fn subscribed() -> (App, String, Client) {
    let mut app = App::with(&[ALLOWED]).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let mut client = Client::connect(&app).await;
    client.subscribe(&app, &format!("private-conversations.{conversation}")).await;
    (app, conversation, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_streams_to_a_subscriber_with_ids() {
    let (app, conversation, mut client) = subscribed().await;
    let snapshot = client.until("snapshot").await;
    assert_eq!(snapshot.data["conversation"]["id"], conversation.as_str());
    assert_eq!(snapshot.data["type"], "snapshot");
    let script = Script { multibyte: true, pieces: 40, ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let said = client.said(&sent.reply).await;
    assert_eq!(said, text(&app.last_message(&conversation).await["text"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_text_comes_in_frames_of_ten_kilobytes_and_resumes_between_them() {
    let (app, conversation, mut client) = subscribed().await;
    let long: String = "\"é😀\\\n".repeat(1_500);
    // One piece of the provider's: one event, longer than a frame.
    let script = Script { text: Some(long.clone()), piece_chars: long.chars().count(), ..Script::default() };
    let sent = app.send(&conversation, &script).await;
    let mut events = Vec::new();
    while events.last().is_none_or(|event: &client::Event| event.name != "done") {
        events.push(client.next().await);
    }
    assert_eq!(client::text_of(&events), long);
    let tokens: Vec<_> = events.iter().filter(|event| event.name == "token").collect();
    assert!(2 < tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        let seen = client::text_of(
            &events.iter().take_while(|event| event.data["id"] != token.data["id"]).cloned().collect::<Vec<_>>(),
        );
        let seen = seen + token.data["text"].as_str().unwrap();
        client.send("client-resume", &conversation, json!({ "cursor": token.data["id"] })).await;
        let resumed = client.next().await;
        assert_eq!(resumed.name, "resumed", "{index}");
        assert_eq!(resumed.data["id"], token.data["id"]);
        let rest = client.said(&sent.reply).await;
        assert_eq!(seen + &rest, long, "from the frame {index}");
    }
    // A new subscriber gets it as a snapshot, in parts that are one JSON together.
    let mut late = Client::connect(&app).await;
    late.subscribe(&app, &format!("private-conversations.{conversation}")).await;
    let snapshot = late.until("snapshot").await;
    assert_eq!(snapshot.data["messages"][1]["text"], long.as_str());
    // And a client that names its cursor gets nothing twice.
    let mut back = Client::connect(&app).await;
    let cursor = events.last().unwrap().data["id"].clone();
    let channel = format!("private-conversations.{conversation}");
    let auth = back.authorize(&app, &channel).await;
    let data = json!({ "cursor": cursor }).to_string();
    back.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth["auth"], "channel_data": data } })).await;
    assert_eq!(back.next().await.name, "pusher_internal:subscription_succeeded");
    assert_eq!(back.next().await.data, json!({ "type": "resumed", "id": cursor, "from": cursor }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_conversations_follows_its_account() {
    let (app, conversation, mut client) = subscribed().await;
    client.until("snapshot").await;
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    client.subscribe(&app, &format!("private-accounts.{account}")).await;
    let list = client.until("list").await;
    assert_eq!(list.data["items"][0]["id"], conversation.as_str());
    let other = app.conversation().await;
    let new = client.until("conversation").await;
    assert_eq!(new.data["conversation"]["id"], other.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_who_may_not_is_told_by_the_clients_own_callbacks() {
    let (mut app, conversation, mut client) = subscribed().await;
    client.until("snapshot").await;
    let channel = format!("private-conversations.{conversation}");
    // A wrong signature: the channel's callback and the connection's, and the socket stays.
    let wrong = format!("{}:{}", app.state.sockets.app.key, "0".repeat(64));
    let mut stranger = Client::connect(&app).await;
    stranger.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": wrong } })).await;
    let refused = stranger.next().await;
    assert_eq!((refused.name.as_str(), refused.channel.as_str()), ("pusher:subscription_error", channel.as_str()));
    assert_eq!(refused.data["status"], 401);
    assert_eq!(stranger.next().await.data["code"], 4009);
    stranger.frame(&json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(stranger.next().await.name, "pusher:pong");
    // A signature for another socket is invalid for this one.
    let auth = client.authorize(&app, &channel).await;
    stranger.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth["auth"] } })).await;
    assert_eq!(stranger.next().await.name, "pusher:subscription_error");
    // Another account's: refused where signatures are given.
    app.cookie = app.new_cookie().await;
    app.sign_up("Bob").await;
    let presence = format!("presence-conversations.{conversation}");
    for name in [channel.as_str(), presence.as_str(), "private-orders.1", "orders"] {
        let asked = stranger.ask(&app, name).await;
        assert_eq!(asked.status(), StatusCode::FORBIDDEN, "{name}");
    }
    // An unknown key, an old protocol, a foreign page: close codes after which a client stays away.
    assert_eq!(Client::refused(&app, "/app/nobody?protocol=7", None).await, 4001);
    let path = format!("/app/{}", app.state.sockets.app.key);
    assert_eq!(Client::refused(&app, &format!("{path}?protocol=3"), None).await, 4007);
    assert_eq!(Client::refused(&app, &path, Some("https://evil.example")).await, 4009);
    let plain = app.stranger(Method::GET, &path).send().await.unwrap();
    super::app::problem(plain, 400).await;
    for origin in ["https://app.example.org", app.url.as_str()] {
        Client::connect_from(&app, origin).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_given_as_echo_asks_for_them() {
    let mut app =
        App::with(&[ALLOWED, "--pusher-key=278d425bdf160c739803", "--pusher-secret=7ad3773142a6692b25b8"]).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let channel = format!("private-conversations.{conversation}");
    let fields = [("socket_id", "1234.1234"), ("channel_name", channel.as_str())];
    let signed: serde_json::Value = app.form("/broadcasting/auth", &fields).send().await.unwrap().json().await.unwrap();
    let name = Name::parse(&channel).unwrap();
    let signature = signed["auth"].as_str().unwrap().strip_prefix("278d425bdf160c739803:").unwrap();
    let grantee = app.state.sockets.app.granted("1234.1234", &name, signature).unwrap();
    assert_eq!(grantee.account, app.state.store.credentials("ann").await.unwrap().unwrap().account);
    assert_eq!(signed.as_object().unwrap().len(), 1, "{signed}");
    let body = json!({ "socket_id": "1234.1234", "channel_name": channel });
    assert_eq!(app.post("/broadcasting/auth", body.clone()).await.json::<serde_json::Value>().await.unwrap(), signed);
    let wrong = app.post("/broadcasting/auth", json!({ "socket_id": "1:x", "channel_name": channel })).await;
    super::app::problem(wrong, 422).await;
    let stranger = app.stranger(Method::POST, "/broadcasting/auth").json(&body).send().await.unwrap();
    super::app::problem(stranger, 401).await;
    // Of another origin: with a token where it is allowed, never with the cookie.
    let token = app.token("read").await;
    let from =
        |origin: &'static str| app.stranger(Method::POST, "/broadcasting/auth").header("origin", origin).json(&body);
    let allowed = from("https://app.example.org").bearer_auth(&token).send().await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example.org");
    assert_eq!(allowed.status(), StatusCode::OK);
    let evil = from("https://evil.example").bearer_auth(&token).send().await.unwrap();
    assert!(!evil.headers().contains_key("access-control-allow-origin"));
    super::app::problem(evil, 403).await;
    let cookie = app.request(Method::POST, "/broadcasting/auth").header("origin", "https://app.example.org");
    super::app::problem(cookie.json(&body).send().await.unwrap(), 403).await;
    let preflight = app.stranger(Method::OPTIONS, "/broadcasting/auth").header("origin", "https://app.example.org");
    let preflight = preflight.send().await.unwrap();
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://app.example.org");
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
}

/// What stock clients do with an answer of `/broadcasting/auth` is pinned by `end2end/pusher.spec.ts`.
#[tokio::test(flavor = "multi_thread")]
async fn any_process_signs_for_a_socket_of_any_and_nothing_of_it_is_a_backends_signature() {
    let (app, conversation, _) = subscribed().await;
    let second = State::start(settings(&app.folder, &app.upstream, &[])).await.unwrap();
    let channel = format!("private-conversations.{conversation}");
    let name = Name::parse(&channel).unwrap();
    let mut client = Client::connect(&app).await;
    let account = app.state.store.credentials("ann").await.unwrap().unwrap().account;
    let (_, session) = app.cookie.split_once('=').unwrap();
    let by = Credential::Session(Hash::of(session));
    let who = Principal { account, is_guest: false, role: Role::Admin, by };
    let auth = second.sockets.app.grant(&client.id, &name, who);
    let subscribe = |auth: &str, data: Option<&str>| {
        let mut data = json!({ "channel": channel, "auth": auth, "channel_data": data });
        data.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        json!({ "event": "pusher:subscribe", "data": data })
    };
    let (mac, grantee) = auth.split_once('.').unwrap();
    for (auth, data) in [(mac, None), (mac, Some(grantee)), (&auth[..auth.len() - 1], None)] {
        client.frame(&subscribe(auth, data)).await;
        assert_eq!(client.next().await.name, "pusher:subscription_error", "{auth}");
        assert_eq!(client.next().await.name, "pusher:error");
    }
    client.frame(&subscribe(&auth, None)).await;
    assert_eq!(client.next().await.name, "pusher_internal:subscription_succeeded");
    client.until("snapshot").await;
    // It listens by the session, which the account has ended elsewhere: the signature is worth nothing any more.
    app.form("/sign-out", &[]).send().await.unwrap();
    client.until("pusher:error").await;
    client.frame(&subscribe(&auth, None)).await;
    assert_eq!(client.next().await.data["status"], 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_ends_its_subscriptions_within_a_second() {
    let (mut app, conversation, mut by_cookie) = subscribed().await;
    let channel = format!("private-conversations.{conversation}");
    let token = app.token("write").await;
    let mut by_token = Client::connect(&app).await;
    let auth = by_token.authorize_with(&app, &channel, &token).await;
    by_token.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth["auth"] } })).await;
    by_cookie.until("snapshot").await;
    by_token.until("snapshot").await;
    let since = Instant::now();
    app.form("/account/tokens/end", &[("token", &Hash::of(&token).to_string())]).send().await.unwrap();
    assert_eq!(by_token.next().await.name, "pusher:subscription_error");
    assert!(since.elapsed() < Duration::from_secs(1));
    assert_eq!(by_token.next().await.name, "pusher:error");
    // Its signature is no longer valid.
    by_token.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth["auth"] } })).await;
    assert_eq!(by_token.next().await.name, "pusher:subscription_error");
    let first = app.cookie.clone();
    let since = Instant::now();
    app.form("/sign-out", &[]).send().await.unwrap();
    assert_eq!(by_cookie.next().await.name, "pusher:subscription_error");
    assert!(since.elapsed() < Duration::from_secs(1));
    app.cookie = app.new_cookie().await;
    app.sign_in("Ann").await;
    assert_ne!(app.cookie, first);
    app.send(&conversation, &Script::default()).await;
    by_cookie.until("pusher:error").await;
    by_cookie.frame(&json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(by_cookie.next().await.name, "pusher:pong", "nothing of the reply came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_conversation_says_so() {
    let (app, conversation, mut client) = subscribed().await;
    client.until("snapshot").await;
    app.request(Method::DELETE, &format!("/api/v1/conversations/{conversation}")).send().await.unwrap();
    assert_eq!(client.next().await.name, "deleted");
    client.frame(&json!({ "event": "pusher:ping", "data": {} })).await;
    assert_eq!(client.next().await.name, "pusher:pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_clients_see_their_reply_out_and_are_sent_away() {
    let (app, conversation, mut client) = subscribed().await;
    client.until("snapshot").await;
    let mut idle = Client::connect(&app).await;
    let sent = app.send(&conversation, &Script { pieces: 30, gap_ms: 20, ..Script::default() }).await;
    client.until("token").await;
    let began = Instant::now();
    app.stop.cancel();
    assert_eq!(idle.closed().await, 4100, "which is: come back in a second");
    client.said(&sent.reply).await;
    assert_eq!(client.closed().await, 4100);
    app.served.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_one_stream_of_its_account() {
    let mut app = App::with(&["--streams=1"]).await;
    app.sign_up("Ann").await;
    let mut client = Client::connect(&app).await;
    for _ in 0..3 {
        let conversation = app.conversation().await;
        client.subscribe(&app, &format!("private-conversations.{conversation}")).await;
        client.until("snapshot").await;
    }
    assert_eq!(app.state.limits.open_streams(), 1);
    assert!(app.metrics().contains("rivulet_sockets 1"));
    let mut second = Client::connect(&app).await;
    let conversation = app.conversation().await;
    let channel = format!("private-conversations.{conversation}");
    let auth = second.authorize(&app, &channel).await;
    second.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": channel, "auth": auth["auth"] } })).await;
    assert_eq!(second.next().await.data["status"], 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_holds_a_connections_place_for_as_long_as_it_is_open() {
    let bounds = crate::server::bounds::Bounds { connections: 8, ..Default::default() };
    let app = App::bounded(bounds).await;
    let mut held = Vec::new();
    while let Ok(client) = Client::try_connect(&app).await {
        held.push(client);
        assert!(held.len() <= 8, "upgraded connections count no more");
    }
    assert!(4 < held.len());
    drop(held);
    let freed = async {
        while Client::try_connect(&app).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed).await.expect("the places are free again");
}
