//! The store's own connections: none goes back with a transaction open or a command under way.

use super::app::Folder;
use crate::server::store::Store;
use crate::server::store::sql::{Seats, query, query_scalar};
use futures::FutureExt;
use sqlx::sqlite::SqliteConnectOptions;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One connection to a new database, as the writer has one, with one table.
async fn one() -> (Folder, Seats, Arc<AtomicU64>) {
    use sqlx::ConnectOptions;
    let folder = Folder::new();
    let options = SqliteConnectOptions::from_str(&folder.database()).unwrap().create_if_missing(true);
    let hand_overs = Arc::<AtomicU64>::default();
    let seats = Seats::new(vec![options.connect().await.unwrap()], options, &hand_overs);
    query("create table kept (it bigint primary key)").execute(&seats).await.unwrap();
    (folder, seats, hand_overs)
}

async fn kept(seats: &Seats) -> i64 {
    query_scalar("select count(*) from kept").fetch_one(seats).await.unwrap()
}

#[tokio::test]
async fn a_query_is_one_hand_over_and_its_connection_is_free_at_once() {
    let (_folder, seats, hand_overs) = one().await;
    let before = hand_overs.load(Ordering::Relaxed);
    for _ in 0..5 {
        assert_eq!(kept(&seats).await, 0);
        assert!(seats.take().now_or_never().is_some(), "no task has to run first");
    }
    assert_eq!(hand_overs.load(Ordering::Relaxed) - before, 5);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_is_rolled_back_before_the_next_caller() {
    let (_folder, seats, _) = one().await;
    let mut taken = seats.take().await.unwrap();
    taken.has_transaction = true;
    query("begin immediate").execute(&mut *taken).await.unwrap();
    query("insert into kept values (1)").execute(&mut *taken).await.unwrap();
    drop(taken);
    assert!(seats.take().now_or_never().is_none(), "it is rolled back first");
    assert_eq!(kept(&seats).await, 0);
    query("begin").execute(&seats).await.expect("none is open");
}

#[tokio::test]
async fn a_transaction_that_nobody_declared_is_found_when_a_command_in_it_failed() {
    let (_folder, seats, _) = one().await;
    let sql = "begin; insert into kept values (1); insert into kept values (1); commit";
    query(sql).execute(&seats).await.unwrap_err();
    assert_eq!(kept(&seats).await, 0);
    query("begin").execute(&seats).await.expect("none is open");
}

#[tokio::test]
async fn a_read_that_is_dropped_half_way_does_not_disturb_the_next_one() {
    let (_folder, seats, _) = one().await;
    let many = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000) select i from n";
    for _ in 0..20 {
        let mut taken = seats.take().await.unwrap();
        assert!(query(many).fetch_all(&mut *taken).now_or_never().is_none(), "it takes longer than this");
        drop(taken);
        assert!(seats.take().now_or_never().is_none(), "its thread may still be at it");
        assert_eq!(kept(&seats).await, 0);
    }
    // Not even begun, or waiting for its turn.
    let taken = seats.take().await.unwrap();
    assert!(kept(&seats).now_or_never().is_none());
    drop(taken);
    assert_eq!(kept(&seats).await, 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_for_a_connection_is_told() {
    let (_folder, seats, _) = one().await;
    let _taken = seats.take().await.unwrap();
    assert!(matches!(seats.take().await, Err(sqlx::Error::PoolTimedOut)));
}

#[tokio::test]
async fn closing_waits_for_what_is_taken_and_lets_nobody_in() {
    let (_folder, seats, _) = one().await;
    let taken = seats.take().await.unwrap();
    let mut closing = std::pin::pin!(seats.close());
    assert!(closing.as_mut().now_or_never().is_none());
    drop(taken);
    closing.await;
    assert!(matches!(seats.take().await, Err(sqlx::Error::PoolClosed)));
    seats.close().await;
}

#[tokio::test]
async fn a_reader_that_is_opened_later_never_reads_another_file() {
    let folder = Folder::new();
    let store = Store::open(&folder.database()).await.unwrap();
    let (first, second) = (store.read().take().await.unwrap(), store.read().take().await.unwrap());
    let path = folder.database().trim_start_matches("sqlite:").to_owned();
    let aside = format!("{path}.aside");
    std::fs::rename(&path, &aside).unwrap();
    std::fs::copy(&aside, &path).unwrap();
    let refused = store.read().take().await.err().expect("it would read another file");
    assert!(matches!(refused, sqlx::Error::Io(_)), "{refused}");
    drop((first, second));
    query("select count(*) from account").execute(store.read()).await.expect("those that are open go on");
}
