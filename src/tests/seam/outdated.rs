//! Tables that another process changes while a store runs, as in an update.

use super::*;
use crate::server::store::sql::fault::{Fault, fault};

const EVERYTHING: &str = "select * from kept order by it";

async fn alter(side: &Side, sql: &'static str) {
    sqlx::query(sql).execute(&mut side._database.as_ref().unwrap().connect().await).await.unwrap();
}

/// Has it prepared on each connection.
async fn prepare(side: &Side) {
    let mut all = Vec::new();
    for _ in 0..4 {
        let mut taken = side.seats.take().await.unwrap();
        query(EVERYTHING).fetch_all(&mut *taken).await.unwrap();
        all.push(taken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_before_a_table_was_changed_is_prepared_anew() {
    let Some(side) = Side::postgres().await else { return };
    prepare(&side).await;
    alter(&side, "alter table kept add column more text").await;
    for _ in 0..8 {
        query(EVERYTHING).fetch_all(&side.seats).await.unwrap();
    }
    prepare(&side).await;
    alter(&side, "alter table kept add column even_more text").await;
    let batch = || Batch::write(Lock::Alone).then(add(1, None)).then(query(EVERYTHING));
    batch().run(&side.seats).await.unwrap();
    assert_eq!(side.kept().await.len(), 1, "it was done once");
    prepare(&side).await;
    alter(&side, "alter table kept drop column more").await;
    Batch::read().then(query(EVERYTHING)).then(query(EVERYTHING)).run(&side.seats).await.unwrap();
    side.seats.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_finds_a_changed_table_is_undone_and_the_next_one_succeeds() {
    let Some(side) = Side::postgres().await else { return };
    prepare(&side).await;
    alter(&side, "alter table kept add column more text").await;
    for expected in [Some(Fault::Busy), None] {
        let mut taken = side.seats.take().await.unwrap();
        taken.has_transaction = true;
        taken.command("begin").await.unwrap();
        add(1, None).execute(&mut *taken).await.unwrap();
        let done = query(EVERYTHING).fetch_all(&mut *taken).await;
        assert_eq!(done.err().and_then(|error| fault(&error)), expected);
        drop(taken);
        assert_eq!(side.kept().await, []);
    }
    side.seats.close().await;
}
