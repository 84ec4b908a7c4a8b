//! Which transactions of PostgreSQL wait for each other.

use super::*;
use crate::model::{AccountId, ConversationId};
use crate::server::store::sql::{Key, query_scalar};
use crate::server::store::{SESSIONS, Store, WRITERS};
use std::time::Duration;

/// The store on PostgreSQL, and a connection that looks on.
async fn store() -> Option<(Store, Database)> {
    let database = postgres()?.database().await;
    Some((Store::open(&database.url).await.unwrap(), database))
}

/// More than a lock is waited for: by then those that waited have failed.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits until this number of others waits for a lock.
async fn until_waiting(seats: &Seats, count: i64) {
    let waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                   and database = (select oid from pg_database where datname = current_database())";
    let until = async {
        while query_scalar::<i64>(waiting).fetch_one(seats).await.unwrap() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONGEST, until).await.expect("this number never waited");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_with_a_key_in_common_wait_and_those_alone_wait_for_all() {
    let Some((store, _database)) = store().await else { return };
    let (account, conversation) = (Key::Account(AccountId::new()), Key::Conversation(ConversationId::new()));
    let held = store.write_beside(&[account, conversation], &[]).await.unwrap();
    store.write_beside(&[], &[]).await.expect("no key in common").commit().await.unwrap();
    let other = Key::Account(AccountId::new());
    store.write_beside(&[other], &[]).await.expect("no key in common").commit().await.unwrap();
    let (one, two, three) = (store.clone(), store.clone(), store.clone());
    let mut waiting = vec![
        tokio::spawn(async move { one.write_beside(&[conversation], &[]).await.unwrap().commit().await.unwrap() }),
        tokio::spawn(async move { two.write_beside(&[other, account], &[]).await.unwrap().commit().await.unwrap() }),
    ];
    until_waiting(store.read(), 2).await;
    waiting.push(tokio::spawn(async move { three.write().await.unwrap().commit().await.unwrap() }));
    until_waiting(store.read(), 3).await;
    assert!(waiting.iter().all(|task| !task.is_finished()));
    held.commit().await.unwrap();
    for task in waiting {
        task.await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statement_sees_what_was_written_before_the_lock_was_free() {
    let Some((store, _database)) = store().await else { return };
    // Each takes the largest number and adds one, as positions and revocations do.
    query("create table numbers (it bigint primary key)").execute(store.read()).await.unwrap();
    let key = Key::Account(AccountId::new());
    let adding = (0..60).map(|round| {
        let store = store.clone();
        let next = query("insert into numbers select 1 + coalesce(max(it), 0) from numbers");
        tokio::spawn(async move {
            let lock = if round % 5 == 0 { Lock::Alone } else { Lock::Beside(&[key]) };
            store.write_batch(Batch::write(lock).must(next, 1)).await.unwrap();
        })
    });
    for task in adding.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let last: i64 = query_scalar("select max(it) from numbers").fetch_one(store.read()).await.unwrap();
    assert_eq!(last, 60);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_that_wait_for_each_other_are_both_done() {
    let Some(side) = Side::postgres().await else { return };
    Batch::write(Lock::Alone).then(add(1, None)).then(add(2, None)).run(&side.seats).await.unwrap();
    let rename = |it: i64| rename(it, it, "new");
    // Each has its first row before either asks for the other's.
    let mut gate = side.seats.take().await.unwrap();
    query("select pg_advisory_lock(7)").fetch_one(&mut *gate).await.unwrap();
    let met = || query("select pg_advisory_xact_lock_shared(7)");
    let batch =
        |first, second| Batch::write(Lock::Beside(&[])).must(rename(first), 1).then(met()).must(rename(second), 1);
    let (one, other) = (batch(1, 2), batch(2, 1));
    let opened = async {
        until_waiting(&side.seats, 2).await;
        let looks = side.commands.load(Ordering::Relaxed);
        query("select pg_advisory_unlock(7)").fetch_one(&mut *gate).await.unwrap();
        looks
    };
    let (first, second, looks) = tokio::join!(one.run(&side.seats), other.run(&side.seats), opened);
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    // The gate's own, and each one's last step and commit.
    let commands = side.commands.load(Ordering::Relaxed) - looks;
    assert!(1 + 2 * 2 < commands, "one of them was begun anew: {commands} commands");
    drop(gate);
    side.seats.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_one_that_is_alone_leave_connections_to_readers() {
    let Some((store, database)) = store().await else { return };
    let held = store.write().await.unwrap();
    let waiting: Vec<_> = (0..SESSIONS)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.write_beside(&[], &[]).await.unwrap().commit().await.unwrap() })
        })
        .collect();
    let mut connection = database.connect().await;
    let count = "select count(*) from pg_locks where locktype = 'advisory' and not granted
                 and database = (select oid from pg_database where datname = current_database())";
    while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut connection).await.unwrap() < WRITERS as i64 - 1 {
        tokio::task::yield_now().await;
    }
    query("select 1 from account limit 1").execute(store.read()).await.unwrap();
    assert!(waiting.iter().all(|task| !task.is_finished()), "it was read while they wait");
    held.commit().await.unwrap();
    for task in waiting {
        task.await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_ask_of_a_node_is_read_although_all_connections_are_in_use() {
    let Some((store, _database)) = store().await else { return };
    let mut seen = store.watch_from_now().await.unwrap();
    let mut taken = Vec::new();
    for _ in 0..SESSIONS {
        taken.push(store.read().take().await.unwrap());
    }
    let asked = store.look_around(&mut seen, true).await.unwrap();
    assert!(asked.revoked.is_empty() && asked.stops.is_empty() && asked.news.is_empty());
    drop(taken);
    store.close().await;
}
