//! Limits hold once over two processes, and each process's own where Redis is away.

use super::{pair, process, stands, until};
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::backplane::redis::Redis;
use crate::server::limits::{Counts, Limits, Sender};
use crate::server::secret::Hash;
use crate::server::throttle::Throttle;
use crate::tests::services::{Valve, own_redis, redis_options};
use futures::future::join_all;
use redis::cmd;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const FIVE: NonZeroU32 = NonZeroU32::new(5).unwrap();

fn limits(redis: &Redis) -> Limits {
    Limits::new(3, Arc::default(), Some(redis.clone()))
}

fn address(number: u32) -> IpAddr {
    IpAddr::V4((0xcb00_7100 + number).into())
}

#[tokio::test]
async fn s16_messages_of_an_account_are_counted_once_over_all_nodes() {
    let Some((_server, one, other)) = pair().await else { return };
    let nodes = [limits(&one), limits(&other)];
    let sender = Sender::Account(AccountId::new());
    let sent = join_all((0..20).map(|number| nodes[number % 2].send(sender, FIVE))).await;
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 5);
    let Some(Err(Problem::TooMany { retry_after_seconds, .. })) = sent.into_iter().find(Result::is_err) else {
        panic!("let in")
    };
    assert!((1..=13).contains(&retry_after_seconds), "one in twelve seconds: {retry_after_seconds}");
    assert!(nodes[1].send(Sender::Account(AccountId::new()), FIVE).await.is_ok(), "others do not wait for it");
}

#[tokio::test]
async fn s16_new_guests_of_a_network_are_counted_once_over_all_nodes() {
    let Some((server, one, other)) = pair().await else { return };
    let nodes = [limits(&one), limits(&other)];
    let made = join_all((0..300).map(|number| nodes[number % 2].guest(address(1)))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 120);
    assert!(nodes[0].guest(address(2)).await.is_ok());
    let keys: Vec<String> = server.ask(cmd("KEYS").arg(one.key("rate:guest:*"))).await;
    assert!(!keys.is_empty() && keys.iter().all(|key| !key.contains("203.0.113")), "{keys:?}");
}

#[tokio::test]
async fn s16_streams_of_an_account_are_counted_once_over_all_nodes() {
    let Some((_server, one, other)) = pair().await else { return };
    let nodes = [limits(&one), limits(&other)];
    let account = AccountId::new();
    let mut open = vec![nodes[0].stream(account, None).await.unwrap(), nodes[0].stream(account, None).await.unwrap()];
    open.push(nodes[1].stream(account, None).await.unwrap());
    for node in &nodes {
        assert!(matches!(node.stream(account, None).await, Err(Problem::TooMany { .. })));
    }
    assert!(nodes[1].stream(AccountId::new(), None).await.is_ok());
    // A place that is free again at one is free at the other.
    drop(open.remove(0));
    until(async || nodes[1].stream(account, None).await.is_ok()).await;
    drop(open);
    until(async || nodes[0].stream(account, Some(1)).await.is_ok()).await;
}

#[tokio::test]
async fn s16_a_stream_that_stays_open_counts_for_as_long_however_many_others_end() {
    let Some((server, one, other)) = pair().await else { return };
    let nodes = [limits(&one), limits(&other)];
    let account = AccountId::new();
    let _open = nodes[0].stream(account, Some(1)).await.unwrap();
    let key = one.key(&format!("s:{account}"));
    let left = async || server.ask::<i64>(cmd("PTTL").arg(&key)).await;
    let mut least = left().await;
    // It is told again, while others come and go all the time.
    until(async || {
        drop(nodes[0].stream(AccountId::new(), None).await);
        let left = left().await;
        least = least.min(left);
        least < 9_000 && 9_000 < left
    })
    .await;
    assert!(nodes[1].stream(account, Some(1)).await.is_err());
}

#[tokio::test]
async fn s16_stateless_answers_are_counted_once_over_all_nodes() {
    let Some((_server, one, other)) = pair().await else { return };
    let [here, there] = [&one, &other].map(|redis| Counts::of_all(Some(redis), "v"));
    let sender = Sender::Account(AccountId::new());
    let held = (here.take(sender, 2).await.unwrap(), there.take(sender, 2).await.unwrap());
    assert!(here.take(sender, 2).await.is_none() && there.take(sender, 2).await.is_none());
    drop(held);
    until(async || there.take(sender, 1).await.is_some()).await;
}

#[tokio::test]
async fn s16_tries_of_a_password_are_counted_once_over_all_nodes() {
    let Some((server, one, other)) = pair().await else { return };
    let nodes = [&one, &other].map(|redis| Throttle::new(Some(redis.clone())));
    let tried = join_all((0..40).map(|number| nodes[number % 2].sign_in("ann", address(number as u32), None))).await;
    assert_eq!(tried.iter().filter(|tried| tried.is_ok()).count(), 5);
    assert!(nodes[0].sign_in("bob", address(1), None).await.is_ok(), "others do not wait for it");
    let browser = Some(Hash::of("ann's browser"));
    assert!(nodes[1].sign_in("ann", address(1), browser).await.is_ok(), "nor does a browser that is known");
    // The right password, at either of them, ends it at both.
    let right = tried.into_iter().find_map(Result::ok).unwrap();
    right.succeeded().await;
    for node in &nodes {
        assert!(node.sign_in("ann", address(3), None).await.is_ok());
    }
    let keys: Vec<String> = server.ask(cmd("KEYS").arg(one.key("t:*"))).await;
    assert!(keys.iter().all(|key| !key.contains("ann") && !key.contains("203.0")), "{keys:?}");
}

#[tokio::test]
async fn s16_links_that_lead_nowhere_are_counted_once_over_all_nodes() {
    let Some((_server, one, other)) = pair().await else { return };
    let nodes = [&one, &other].map(|redis| Throttle::new(Some(redis.clone())));
    for number in 0..20 {
        nodes[number % 2].link(address(1)).await.unwrap().missed().await;
    }
    assert!(nodes[0].link(address(1)).await.is_err() && nodes[1].link(address(1)).await.is_err());
    assert!(nodes[0].link(address(2)).await.is_ok());
    assert!(nodes[0].other(address(1)).await.is_ok(), "who is there can sign up");
}

#[tokio::test]
async fn s18_without_redis_each_node_has_its_own_limits_and_nobody_waits_long() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let redis = process(&redis_options(&valve.url()), "one").await;
    let (limits, throttle) = (limits(&redis), Throttle::new(Some(redis.clone())));
    let account = AccountId::new();
    limits.send(Sender::Account(account), FIVE).await.unwrap();
    for _ in 0..3 {
        throttle.sign_in("ann", address(1), None).await.map(drop).unwrap();
    }
    valve.shut();
    let begun = Instant::now();
    // The one that meets it waits half a second at most.
    limits.send(Sender::Account(account), FIVE).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    stands(&redis, false).await;
    let begun = Instant::now();
    let sent = join_all((0..10).map(|_| limits.send(Sender::Account(account), FIVE))).await;
    assert_eq!(sent.iter().filter(|sent| sent.is_ok()).count(), 3, "what this node has seen counts");
    let tried = join_all((0..10).map(|_| throttle.sign_in("ann", address(1), None))).await;
    assert_eq!(tried.iter().filter(|tried| tried.is_ok()).count(), 2, "here, too");
    let open = join_all((0..10).map(|_| limits.stream(account, None))).await;
    assert_eq!(open.iter().filter(|open| open.is_ok()).count(), 3);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}
