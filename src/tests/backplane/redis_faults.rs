//! Redis is killed, paused, cut off, exchanged, and hears or is heard no more (F27, F30).

use super::redis_connection::{heard, next};
use super::{PATIENCE, process, stands, until};
use crate::server::backplane::redis::{Failure, Kind, Redis, Wake};
use crate::tests::services::{Valve, own_redis, redis_options};
use redis::cmd;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// How long a call takes to fail, that of a process which still takes Redis for well.
async fn fails(redis: &Redis) -> Duration {
    let begun = Instant::now();
    assert_eq!(redis.publish("{c:1}", b"").await, Err(Failure::Away));
    begun.elapsed()
}

#[tokio::test]
async fn f27_after_a_restart_of_redis_a_process_joins_again_with_another_life_and_hears_what_it_heard() {
    let Some(server) = own_redis("") else { return };
    // The next server has another socket; what leads to it is the same.
    let folder = crate::tests::app::Folder::new();
    let path = folder.0.join("redis.sock");
    std::os::unix::fs::symlink(server.socket(), &path).unwrap();
    let options = redis_options(&format!("unix://{}", path.display()));
    let (one, other) = (process(&options, "one").await, process(&options, "other").await);
    let life = one.life();
    let mut topics = other.listen(Kind::Topic);
    other.subscribe("{c:1}").await.unwrap();
    let begun = Instant::now();
    server.kill();
    stands(&one, false).await;
    stands(&other, false).await;
    assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
    assert!(fails(&one).await < SECOND / 10, "alone, nobody waits");
    assert!(other.is_deaf());

    let server = own_redis("").unwrap();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(server.socket(), &path).unwrap();
    let begun = Instant::now();
    assert_eq!(stands(&other, true).await.changes, 3);
    assert!(2 * SECOND <= begun.elapsed() + SECOND / 10, "answers have to come for a while");
    stands(&one, true).await;
    assert_ne!(one.life(), life);
    assert_eq!(one.life(), other.life());
    assert_eq!(next(&mut topics).await, Wake::Everything);
    one.publish("{c:1}", b"7:1").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1}".into(), b"7:1".to_vec()));
    assert!(!other.is_deaf());
}

#[tokio::test]
async fn h20_a_server_that_stalls_for_less_than_a_second_again_and_again_is_no_reason_to_be_alone() {
    let Some(server) = own_redis("") else { return };
    let one = process(&server.options(), "one").await;
    let mut connection = server.connect().await;
    for _ in 0..4 {
        let () = cmd("CLIENT").arg("PAUSE").arg(900).arg("ALL").query_async(&mut connection).await.unwrap();
        let begun = Instant::now();
        // It is answered as soon as the server goes on.
        one.publish("{c:1}", b"").await.unwrap();
        assert!(SECOND / 2 < begun.elapsed(), "{:?}", begun.elapsed());
        until(async || 2 * SECOND < begun.elapsed()).await;
    }
    assert_eq!(one.standing().borrow().changes, 1);
}

#[tokio::test]
async fn f27_a_server_that_stalls_for_longer_makes_a_process_alone_once() {
    let Some(server) = own_redis("") else { return };
    let one = process(&server.options(), "one").await;
    let mut connection = server.connect().await;
    let life = one.life();
    let () = cmd("CLIENT").arg("PAUSE").arg(3_000).arg("ALL").query_async(&mut connection).await.unwrap();
    let took = fails(&one).await;
    assert!(took < SECOND + SECOND / 2, "nobody waits for longer: {took:?}");
    assert!(!one.is_joined(), "who is told that Redis is away is alone");
    let standing = stands(&one, true).await;
    assert_eq!(standing.changes, 3);
    assert_eq!(one.life(), life, "it is the same run, and nothing is void");
}

#[tokio::test]
async fn f27_a_process_whose_subscriptions_are_cut_subscribes_anew_and_looks_at_everything() {
    let Some(server) = own_redis("") else { return };
    let one = process(&server.options(), "one").await;
    let mut topics = one.listen(Kind::Topic);
    one.subscribe("{c:1}").await.unwrap();
    assert_eq!(topics.now(), None);
    let cut: i64 = server.ask(cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub")).await;
    assert_eq!(cut, 1);
    assert_eq!(next(&mut topics).await, Wake::Everything);
    one.publish("{c:1}", b"7:1").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1}".into(), b"7:1".to_vec()));
    assert_eq!(one.standing().borrow().changes, 1);
}

/// The connections are well, Redis answers, and nothing that is published comes: what is behind a proxy has been exchanged.
#[tokio::test]
async fn a_process_that_does_not_hear_itself_finds_that_out_and_subscribes_anew() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let one = process(&redis_options(&valve.url()), "one").await;
    let mut topics = one.listen(Kind::Topic);
    one.subscribe("{c:1}").await.unwrap();
    assert!(!one.is_deaf());
    valve.exchange(server.socket());
    until(async || one.is_deaf()).await;
    assert_eq!(next(&mut topics).await, Wake::Everything, "what was missed is looked at");
    until(async || !one.is_deaf()).await;
    one.publish("{c:1}", b"7:1").await.unwrap();
    assert_eq!(heard(&mut topics).await, ("{c:1}".into(), b"7:1".to_vec()));
    assert_eq!(one.standing().borrow().changes, 1);
}

#[tokio::test]
async fn f30_a_process_that_is_cut_off_is_alone_and_the_others_are_not() {
    let Some(server) = own_redis("") else { return };
    let valve = Valve::new(server.socket());
    let mut options = redis_options(&valve.url());
    let cut = process(&options, "cut").await;
    options.url = server.options().url;
    let other = process(&options, "other").await;
    valve.shut();
    let took = fails(&cut).await;
    assert!(took < SECOND + SECOND / 2, "{took:?}");
    assert!(!cut.is_joined() && other.is_joined());
    valve.open();
    assert_eq!(stands(&cut, true).await.changes, 3);
    assert_eq!(cut.life(), other.life());
    assert_eq!(other.standing().borrow().changes, 1);
}

#[tokio::test]
async fn h23_another_server_behind_the_same_connections_is_found_with_the_next_beat() {
    let (Some(former), Some(new)) = (own_redis(""), own_redis("")) else { return };
    let valve = Valve::new(former.socket());
    let options = redis_options(&valve.url());
    let one = process(&options, "one").await;
    let life = one.life();
    let mut topics = one.listen(Kind::Topic);
    one.subscribe("{c:1}").await.unwrap();
    // Its copy of the life is the former one's, as a replica's is.
    let () = new.ask(cmd("SET").arg(one.key("life")).arg(&*life)).await;
    let begun = Instant::now();
    valve.exchange(new.socket());
    until(async || one.life() != life).await;
    assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(*new.ask::<String>(cmd("GET").arg(one.key("life"))).await, *one.life());
    // The subscriptions stayed with the former.
    until(async || one.is_joined() && !one.is_deaf()).await;
    let until_heard = async {
        loop {
            one.publish("{c:1}", b"7:1").await.ok();
            if matches!(topics.now(), Some(Wake::Message { .. })) {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, until_heard).await.expect("it is deaf");
}

#[tokio::test]
async fn h23_a_primary_that_becomes_a_replica_is_as_good_as_none() {
    let Some(server) = own_redis("") else { return };
    let one = process(&server.options(), "one").await;
    let () = server.ask(cmd("REPLICAOF").arg("127.0.0.1").arg(1)).await;
    stands(&one, false).await;
    let connections = async || {
        let info: String = server.ask(cmd("INFO").arg("stats")).await;
        info.lines().find_map(|line| line.strip_prefix("total_connections_received:")?.parse::<u32>().ok()).unwrap()
    };
    // It takes connections and refuses what is asked on them: no reason to open one after the other.
    let (begun, before) = (Instant::now(), connections().await);
    until(async || 2 * SECOND < begun.elapsed()).await;
    let opened = connections().await - before;
    assert!((2..=15).contains(&opened), "{opened} connections in two seconds");
    let () = server.ask(cmd("REPLICAOF").arg("NO").arg("ONE")).await;
    assert_eq!(stands(&one, true).await.changes, 3);
}
