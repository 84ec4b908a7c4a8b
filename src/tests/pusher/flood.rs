//! Rate limits of client events: a client that sends too many is slowed down, the others are not.

use super::client::{ALLOWED, Client};
use crate::tests::app::App;
use crate::tests::upstream::script::Script;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a40_floods_are_limited_and_hurt_nobody_else() {
    let mut app = App::with(&[ALLOWED]).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let channel = format!("private-conversations.{conversation}");
    let mut victim = Client::connect(&app).await;
    victim.subscribe(&app, &channel).await;
    victim.until("snapshot").await;
    let mut flooder = Client::connect(&app).await;
    flooder.subscribe(&app, &channel).await;
    flooder.until("snapshot").await;
    // Client events: ten a second and no more.
    for count in 0..30 {
        flooder.send("client-noise", &conversation, json!({ "count": count })).await;
    }
    assert_eq!(flooder.next().await.data["code"], 4301);
    let sent = app.send(&conversation, &Script { pieces: 20, ..Script::default() }).await;
    let mut noise = 0;
    loop {
        let event = victim.next().await;
        noise += usize::from(event.name == "client-noise");
        if event.name == "done" {
            break;
        }
    }
    assert!((10..=15).contains(&noise), "{noise}");
    // And none that is longer than a frame may be.
    let mut loud = Client::connect(&app).await;
    loud.subscribe(&app, &channel).await;
    loud.until("snapshot").await;
    loud.send("client-noise", &conversation, json!("x".repeat(10_240))).await;
    assert_eq!(loud.until("pusher:error").await.data["code"], 4301);
    // Pings: after a burst they are read no faster than 25 a second.
    let mut pinger = Client::connect(&app).await;
    let began = Instant::now();
    for _ in 0..275 {
        pinger.frame(&json!({ "event": "pusher:ping" })).await;
    }
    for _ in 0..275 {
        assert_eq!(pinger.next().await.name, "pusher:pong");
    }
    assert!(Duration::from_millis(500) < began.elapsed(), "{:?}", began.elapsed());
    // Subscriptions: a hundred channels.
    let mut greedy = Client::connect(&app).await;
    for count in 0..101 {
        greedy.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": format!("c{count}") } })).await;
    }
    assert_eq!(greedy.until("pusher:subscription_error").await.channel, "c100");
    greedy.frame(&json!({ "event": "pusher:unsubscribe", "data": { "channel": "c0" } })).await;
    greedy.frame(&json!({ "event": "pusher:subscribe", "data": { "channel": "c100" } })).await;
    assert_eq!(greedy.until("pusher_internal:subscription_succeeded").await.channel, "c100");
    flooder.said(&sent.reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_delays_no_other_and_is_disconnected() {
    let bounds = crate::server::bounds::Bounds { user_timeout: Duration::from_secs(1), ..Default::default() };
    let mut app = App::bounded(bounds).await;
    app.sign_up("Ann").await;
    let conversation = app.conversation().await;
    let channel = format!("private-conversations.{conversation}");
    let (mut reads, mut deaf) = (Client::connect(&app).await, Client::deaf(&app).await);
    for client in [&mut reads, &mut deaf] {
        client.subscribe(&app, &channel).await;
        client.until("snapshot").await;
    }
    for _ in 0..3 {
        let sent = app.send(&conversation, &Script { pieces: 30_000, ..Script::default() }).await;
        reads.said(&sent.reply).await;
    }
    let gone = async {
        while app.state.sockets.count() != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the deaf one keeps its place");
}
