//! Batches: several statements in one hand-over, all done or none.

use super::app::Folder;
use crate::server::store::sql::batch::{Batch, Failed, Found};
use crate::server::store::sql::{Lock, Query, Seats, query};
use futures::FutureExt;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A new database with one table, and two connections, each in seats of its own.
struct Database {
    _folder: Folder,
    seats: Seats,
    other: Seats,
    hand_overs: Arc<AtomicU64>,
}

impl Database {
    async fn new() -> Self {
        let folder = Folder::new();
        let options = SqliteConnectOptions::from_str(&folder.database()).unwrap().create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal);
        let hand_overs = Arc::<AtomicU64>::default();
        let seats = Seats::new(vec![options.connect().await.unwrap()], options.clone(), &hand_overs);
        let other = Seats::new(vec![options.connect().await.unwrap()], options, &hand_overs);
        query("create table kept (it bigint primary key, text text)").execute(&seats).await.unwrap();
        Self { _folder: folder, seats, other, hand_overs }
    }

    /// Everything that is kept, and that the connection can begin a transaction.
    async fn kept(&self) -> Vec<(i64, Option<String>)> {
        Batch::write(Lock::Alone).run(&self.seats).await.expect("no transaction is open");
        let rows = query("select it, text from kept order by it").fetch_all(&self.other).await.unwrap();
        rows.iter().map(|row| (row.try_get("it").unwrap(), row.try_get("text").unwrap())).collect()
    }
}

fn add(it: i64, text: &str) -> Query {
    query("insert into kept (it, text) values ($1, $2)").bind(it).bind(text)
}

fn numbers(found: &Found) -> Vec<i64> {
    found.rows.iter().map(|row| row.first().unwrap()).collect()
}

#[tokio::test]
async fn each_step_counts_its_values_from_one_and_all_are_one_hand_over() {
    let database = Database::new().await;
    let before = database.hand_overs.load(Ordering::Relaxed);
    let batch = Batch::write(Lock::Alone)
        .must(add(1, "one"), 1)
        .must(add(2, "$1; 'two'"), 1)
        .then(query("insert into kept (text, it) values ($2, $1) -- 'a comment").bind(3).bind(None::<&str>))
        .then(query("select it from kept where it >= $1 or $1 = $2 order by it").bind(2).bind(9))
        .then(query("update kept set text = $1").bind("all"))
        .then(query("select it from kept where text = $1").bind("none"))
        .then(query("with two (it) as (values ($1)) delete from kept where it in (select it from two)").bind(2))
        .then(query("select count(*) from kept"));
    let found = batch.run(&database.seats).await.unwrap();
    assert_eq!(database.hand_overs.load(Ordering::Relaxed) - before, 1);
    let changed: Vec<_> = found.iter().map(|found| found.changed).collect();
    assert_eq!(changed, [Some(1), Some(1), Some(1), None, Some(3), None, Some(1), None]);
    assert_eq!((numbers(&found[3]), numbers(&found[5]), numbers(&found[7])), (vec![2, 3], vec![], vec![2]));
    assert_eq!(database.kept().await, [(1, Some("all".into())), (3, Some("all".into()))]);
    // Again, now from the cache of prepared statements: it still fails as a whole.
    assert!(matches!(batch.run(&database.seats).await, Err(Failed::Not(_))));
    assert_eq!(database.kept().await.len(), 2);
}

#[tokio::test]
async fn a_failing_step_leaves_nothing_of_the_others() {
    let database = Database::new().await;
    Batch::write(Lock::Alone).then(add(1, "one")).run(&database.seats).await.unwrap();
    for batch in [
        Batch::write(Lock::Alone).then(add(2, "two")).then(add(1, "taken")),
        Batch::write(Lock::Alone).then(add(1, "taken")).then(add(2, "two")),
        Batch::write(Lock::Alone).then(add(2, "two")).then(query("select abs(-9223372036854775808)")),
        Batch::write(Lock::Alone).then(add(2, "two")).then(query("select nothing from nowhere")),
    ] {
        assert!(matches!(batch.run(&database.seats).await, Err(Failed::Not(_))), "{batch:?}");
        assert_eq!(database.kept().await, [(1, Some("one".into()))]);
    }
}

#[tokio::test]
async fn what_a_step_must_change_or_find_decides_about_all() {
    let database = Database::new().await;
    Batch::write(Lock::Alone).then(add(1, "one")).run(&database.seats).await.unwrap();
    let rename = |it: i64| query("update kept set text = $2 where it = $1").bind(it).bind("new");
    let there = |it: i64| query("select 1 from kept where it = $1 -- or not").bind(it);
    let unmet = [
        (Batch::write(Lock::Alone).must(rename(1), 1).must(rename(2), 1).then(add(3, "three")), 1),
        (Batch::write(Lock::Alone).then(add(3, "three")).must(rename(1), 2), 1),
        (Batch::write(Lock::Alone).must(rename(1), 0), 0),
        (Batch::write(Lock::Alone).must(rename(1), 1).only_if(there(2)), 0),
        (Batch::write(Lock::Alone).must(rename(1), 1).must(rename(2), 1).only_if(there(1)), 2),
    ];
    for (batch, step) in unmet {
        let failed = batch.run(&database.seats).await.unwrap_err();
        assert!(matches!(failed, Failed::Unmet(unmet) if unmet == step), "{failed:?} of {batch:?}");
        assert_eq!(database.kept().await, [(1, Some("one".into()))]);
    }
    let met = Batch::write(Lock::Alone).must(rename(1), 1).must(rename(2), 0).only_if(there(1));
    let found = met.run(&database.seats).await.unwrap();
    assert_eq!(found.iter().map(|found| found.changed).collect::<Vec<_>>(), [None, Some(1), Some(0)]);
    assert_eq!(database.kept().await, [(1, Some("new".into()))]);
}

#[tokio::test]
async fn a_value_too_few_or_too_many_is_refused_before_anything_runs() {
    let database = Database::new().await;
    for bad in [
        query("insert into kept (it, text) values ($1, $2)").bind(1),
        query("insert into kept (it) values ($1)").bind(1).bind("more"),
        query("insert into kept (it, text) values ($1, $3)").bind(1).bind("b"),
        query("insert into kept (it) values (?)").bind(1),
        query("insert into kept (it) values (1); commit"),
    ] {
        let before = database.hand_overs.load(Ordering::Relaxed);
        let failed =
            Batch::write(Lock::Alone).then(add(5, "five")).then(bad).then(add(6, "six")).run(&database.seats).await;
        assert!(matches!(failed, Err(Failed::Not(sqlx::Error::Protocol(_)))), "{failed:?}");
        assert_eq!(database.hand_overs.load(Ordering::Relaxed), before);
        assert_eq!(database.kept().await, []);
    }
}

#[tokio::test]
async fn a_batch_that_is_dropped_half_way_leaves_a_connection_without_a_transaction() {
    let database = Database::new().await;
    let many = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000) select i from n";
    let mut polled = 0;
    loop {
        // One poll more each time, up to the end.
        let batch = Batch::write(Lock::Alone).then(add(1, "one")).then(query(many)).then(add(2, "two"));
        let mut run = Box::pin(batch.run(&database.seats));
        let mut ended = false;
        for _ in 0..=polled {
            if (&mut run).now_or_never().is_some() {
                ended = true;
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(run);
        let kept = database.kept().await.len();
        assert!(kept == 0 || kept == 2, "{kept} of two steps stay");
        if ended || 200 < polled {
            break;
        }
        query("delete from kept").execute(&database.seats).await.unwrap();
        polled = polled * 2 + 1;
    }
}

#[tokio::test]
async fn the_steps_of_a_read_see_one_state() {
    let database = Database::new().await;
    Batch::write(Lock::Alone).then(add(1, "one")).run(&database.seats).await.unwrap();
    // Long enough that the other connection writes between the two counts.
    let slow =
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 300000) select count(*) from n";
    let count = || query("select count(*) from kept");
    let read = Batch::read().then(count()).then(query(slow)).then(count());
    let write = Batch::write(Lock::Alone).then(add(2, "two"));
    for round in 0..5 {
        let (found, _) = tokio::join!(read.run(&database.other), write.run(&database.seats));
        let found = found.unwrap();
        assert_eq!(numbers(&found[0]), numbers(&found[2]), "round {round}");
        query("delete from kept where it = 2").execute(&database.seats).await.unwrap();
    }
    let one = Batch::read().then(count()).run(&database.other).await.unwrap();
    assert_eq!((numbers(&one[0]), one[0].changed), (vec![1], None));
}
