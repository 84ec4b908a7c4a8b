//! The scripts, each as a table of calls and answers, and the turn.

use super::{PATIENCE, pair, until};
use crate::model::{AccountId, ConversationId, MessageId};
use crate::server::audience::Audience;
use crate::server::backplane::redis::{Failure, Rate, Redis, Tried, Tries};
use redis::cmd;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn rate(per_minute: u32, at_once: u32) -> Rate {
    Rate { per_minute: NonZeroU32::new(per_minute).unwrap(), at_once: NonZeroU32::new(at_once).unwrap() }
}

#[tokio::test]
async fn a_rate_lets_a_burst_in_and_then_says_when_the_next_may_come() {
    let Some((server, one, _other)) = pair().await else { return };
    // One each two seconds.
    for used in 0..3 {
        assert_eq!(one.rate("rate:a", rate(30, 3)).await, Ok(Duration::ZERO), "{used}");
    }
    let wait = one.rate("rate:a", rate(30, 3)).await.unwrap();
    assert!(SECOND < wait && wait <= 2 * SECOND, "{wait:?}");
    assert_eq!(one.rate("rate:b", rate(30, 3)).await, Ok(Duration::ZERO), "others do not wait for it");
    let again = one.rate("rate:a", rate(30, 3)).await.unwrap();
    assert!(again <= wait, "what was refused does not count: {again:?} after {wait:?}");
    let kept: i64 = server.ask(cmd("PTTL").arg(one.key("rate:a"))).await;
    assert!((4_000..=6_000).contains(&kept), "it is kept until it is as good as new: {kept} ms");
}

fn tried(key: &str, free: u32, resets: bool) -> Tried {
    Tried { key: key.into(), free, longest: 4 * SECOND, forget: 60 * SECOND, resets }
}

/// How many seconds there are to wait, rounded up.
async fn seconds(redis: &Redis, what: Tries, tried: &[Tried]) -> u64 {
    redis.tries(what, SECOND, tried).await.unwrap().as_millis().div_ceil(1_000) as u64
}

#[tokio::test]
async fn tries_are_let_in_by_all_of_their_keys_or_not_counted() {
    let Some((server, one, _other)) = pair().await else { return };
    let (account, network) = (tried("t:account", 2, true), tried("t:network", 4, false));
    let both = [account.clone(), network.clone()];
    let count = async |key: &str| -> i64 {
        server.ask::<Option<i64>>(cmd("HGET").arg(one.key(key)).arg("n")).await.unwrap_or_default()
    };
    for (what, keys, wait, counted) in [
        (Tries::Look, &both[..], 0, (0, 0)),
        (Tries::Begin, &both[..], 0, (1, 1)),
        (Tries::Begin, &both[..], 0, (2, 2)),
        // The account waits, so the network is not counted either.
        (Tries::Begin, &both[..], 1, (2, 2)),
        (Tries::Look, &both[..], 1, (2, 2)),
        (Tries::Begin, &both[1..], 0, (2, 3)),
        (Tries::Count, &both[..], 0, (3, 4)),
        (Tries::Count, &both[..1], 0, (4, 4)),
        // Twice as long for each beyond the free ones: 1, 2, 4; and no longer than the longest.
        (Tries::Look, &both[..1], 4, (4, 4)),
        (Tries::Count, &both[..1], 0, (5, 4)),
        (Tries::Look, &both[..1], 4, (5, 4)),
        (Tries::Succeeded, &both[..], 0, (0, 3)),
        (Tries::Begin, &both[..], 0, (1, 4)),
        (Tries::Look, &both[1..], 1, (1, 4)),
    ] {
        assert_eq!(seconds(&one, what, keys).await, wait, "{what:?} {counted:?}");
        assert_eq!((count("t:account").await, count("t:network").await), counted, "{what:?} {wait}");
    }
    let kept: i64 = server.ask(cmd("PTTL").arg(one.key("t:network"))).await;
    assert!((50_000..=60_000).contains(&kept), "{kept}");
    // A success where nothing was counted leaves nothing behind.
    assert_eq!(seconds(&one, Tries::Succeeded, &[tried("t:none", 1, false)]).await, 0);
    assert_eq!(server.ask::<i64>(cmd("EXISTS").arg(one.key("t:none"))).await, 0);
}

#[tokio::test]
async fn places_are_held_by_all_processes_together_and_those_of_the_dead_are_forgotten() {
    let Some((server, one, other)) = pair().await else { return };
    assert_eq!(one.place("s:a", 2, 3).await, Ok(true));
    assert_eq!(other.place("s:a", 1, 3).await, Ok(true));
    assert_eq!(other.place("s:a", 2, 3).await, Ok(false));
    assert_eq!(one.place("s:b", 1, 1).await, Ok(true), "others do not wait for it");
    one.tell_places(&[("s:a".to_owned(), 1)]).await.unwrap();
    assert_eq!(other.place("s:a", 2, 3).await, Ok(true));
    assert_eq!(one.place("s:a", 2, 3).await, Ok(false));
    // A process that has not told for a minute.
    let () = server.ask(cmd("HSET").arg(one.key("s:a")).arg("dead").arg("7:1000")).await;
    assert_eq!(one.place("s:a", 1, 3).await, Ok(true));
    one.tell_places(&[("s:a".to_owned(), 0)]).await.unwrap();
    let held: Vec<String> = server.ask(cmd("HKEYS").arg(one.key("s:a"))).await;
    assert_eq!(held, ["other"]);
}

#[tokio::test]
async fn s17_places_of_a_process_that_is_known_dead_are_free_at_once() {
    let Some((_server, one, other)) = pair().await else { return };
    assert_eq!(one.place("s:a", 3, 3).await, Ok(true));
    assert_eq!(other.place("s:a", 1, 3).await, Ok(false));
    other.bury("one");
    assert_eq!(other.place("s:a", 1, 3).await, Ok(true));
    // The others are told: here that is the one itself.
    assert_eq!(one.place("s:b", 1, 1).await, Ok(true));
    until(async || one.dead() == ["one"]).await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_makes_nobody_wait_for_longer() {
    let Some((server, one, _other)) = pair().await else { return };
    let time: (u64, u64) = server.ask(&mut cmd("TIME")).await;
    let later = time.0 + 3_600;
    let () = server.ask(cmd("SET").arg(one.key("rate:a")).arg(later * 1_000_000)).await;
    let wait = one.rate("rate:a", rate(30, 3)).await.unwrap();
    assert!(wait <= 2 * SECOND, "{wait:?}");
    let () = server.ask(cmd("HSET").arg(one.key("t:a")).arg("n").arg(3).arg("at").arg(later * 1_000)).await;
    let wait = one.tries(Tries::Look, SECOND, &[tried("t:a", 2, true)]).await.unwrap();
    assert!(wait <= 2 * SECOND, "{wait:?}");
    let () = server.ask(cmd("HSET").arg(one.key("s:a")).arg("other").arg(format!("3:{}", later * 1_000))).await;
    assert_eq!(one.place("s:a", 1, 3).await, Ok(true));
}

#[tokio::test]
async fn nothing_stays_in_redis_but_the_life() {
    let Some(server) = crate::tests::services::own_redis("") else { return };
    let one = super::process(&server.options(), "one").await;
    one.rate("rate:a", rate(30, 3)).await.unwrap();
    one.place("s:a", 1, 3).await.unwrap();
    for what in [Tries::Begin, Tries::Count, Tries::Succeeded] {
        one.tries(what, SECOND, &[tried("t:a", 2, true), tried("t:b", 2, false)]).await.unwrap();
    }
    let _turn = one.turn("{c:1}").await.unwrap();
    one.stop(ConversationId::new(), MessageId::new(), "one").await;
    let audience = Audience::new(Some(&one));
    let conversation = ConversationId::new();
    let _seat = audience.enter(conversation, AccountId::new());
    let has_told = async || server.ask::<i64>(cmd("EXISTS").arg(one.key(&format!("p:{conversation}")))).await == 1;
    until(has_told).await;
    let keys: Vec<String> = server.ask(cmd("KEYS").arg("*")).await;
    assert_eq!(keys.len(), 7, "{keys:?}");
    for key in keys.iter().filter(|key| **key != one.key("life")) {
        assert!((1..=120_000).contains(&server.ask::<i64>(cmd("PTTL").arg(key)).await), "{key}");
    }
}

#[tokio::test]
async fn a_turn_is_one_processs_at_a_time_and_given_back_when_it_is_dropped() {
    let Some((server, one, other)) = pair().await else { return };
    let turn = one.turn("{c:1}").await.unwrap();
    let held: String = server.ask(cmd("GET").arg(one.key("{c:1}:t"))).await;
    assert_eq!(held, turn.value());
    assert_ne!(one.turn("{c:2}").await.unwrap().value(), turn.value(), "another topic is not held up");
    let waiting = tokio::spawn(async move { other.turn("{c:1}").await.map(|turn| turn.value().to_owned()) });
    let kept = server.ask::<i64>(cmd("PTTL").arg(one.key("{c:1}:t"))).await;
    assert!((1..=6_000).contains(&kept), "{kept}");
    assert!(!waiting.is_finished());
    drop(turn);
    let value = timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    assert_ne!(value, held, "each turn has a value of its own");
}

#[tokio::test]
async fn a_turn_that_was_lost_is_not_taken_from_the_one_who_has_it_now() {
    let Some((server, one, other)) = pair().await else { return };
    let lost = one.turn("{c:1}").await.unwrap();
    // As it is when the process sleeps for longer than the key lives.
    assert_eq!(server.ask::<i64>(cmd("DEL").arg(one.key("{c:1}:t"))).await, 1);
    let now = other.turn("{c:1}").await.unwrap();
    drop(lost);
    // The first gives it back in a task, and on its connection before this call.
    tokio::task::yield_now().await;
    one.rate("rate:x", rate(60, 60)).await.unwrap();
    let held: Option<String> = server.ask(cmd("GET").arg(one.key("{c:1}:t"))).await;
    assert_eq!(held.as_deref(), Some(now.value()));
}

#[tokio::test]
async fn a_turn_is_renewed_for_as_long_as_it_is_held() {
    let Some((server, one, _other)) = pair().await else { return };
    let turn = one.turn("{c:1}").await.unwrap();
    let key = one.key("{c:1}:t");
    let () = server.ask(cmd("PEXPIRE").arg(&key).arg(3_000)).await;
    until(async || 3_000 < server.ask::<i64>(cmd("PTTL").arg(&key)).await).await;
    assert_eq!(server.ask::<String>(cmd("GET").arg(&key)).await, turn.value());
}

#[tokio::test]
async fn scripts_that_a_server_has_forgotten_are_loaded_anew() {
    let Some(server) = crate::tests::services::own_redis("") else { return };
    let one = super::process(&server.options(), "one").await;
    let () = server.ask(cmd("SCRIPT").arg("FLUSH")).await;
    assert_eq!(one.rate("rate:a", rate(30, 1)).await, Ok(Duration::ZERO));
    let () = server.ask(cmd("SCRIPT").arg("FLUSH")).await;
    let held: Vec<_> = (0..3).map(|number| (format!("s:{number}"), 1)).collect();
    one.tell_places(&held).await.unwrap();
    assert_eq!(server.ask::<i64>(cmd("EXISTS").arg(one.key("s:0")).arg(one.key("s:2"))).await, 2);
    assert_eq!(one.standing().borrow().changes, 1, "that is no reason to be alone");
}

#[tokio::test]
async fn a_full_memory_is_refused_and_no_reason_to_be_alone() {
    let Some(server) = crate::tests::services::own_redis("") else { return };
    let one = super::process(&server.options(), "one").await;
    let () = server.ask(cmd("CONFIG").arg("SET").arg("maxmemory").arg("1")).await;
    let begun = Instant::now();
    let refused = one.rate("rate:a", rate(30, 1)).await.unwrap_err();
    assert!(matches!(&refused, Failure::Refused(words) if words.contains("OOM")), "{refused:?}");
    // For longer than two beats.
    until(async || 2 * SECOND < begun.elapsed()).await;
    assert!(one.is_joined() && one.standing().borrow().changes == 1);
}
