//! The write-ahead log: folded by a connection of its own, never by a commit, and of a limited size.

use super::app::{App, Folder};
use crate::server::store::Store;
use crate::server::store::sql::write_ahead::{WriteAhead, left_alone};
use crate::server::store::sql::{Seats, query, query_scalar};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

const MAX_BYTES: i64 = 1 << 20;

struct Database {
    folder: Folder,
    writer: Seats,
    reader: Seats,
    write_ahead: WriteAhead,
}

/// A database with one table and a log of at most 1 MiB, on which nothing runs in the background.
async fn database() -> Database {
    let folder = Folder::new();
    let options = SqliteConnectOptions::from_str(&folder.database())
        .unwrap()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5));
    let options = left_alone(options, MAX_BYTES);
    let counter = Arc::default();
    let writer = Seats::new(vec![options.connect().await.unwrap()], options.clone(), &counter);
    query("create table kept (it text)").execute(&writer).await.unwrap();
    let write_ahead = WriteAhead::open(&options, MAX_BYTES, &counter).await.unwrap();
    let reader = Seats::new(vec![options.connect().await.unwrap()], options, &counter);
    Database { folder, writer, reader, write_ahead }
}

impl Database {
    async fn write(&self, bytes: usize) {
        for _ in 0..bytes.div_ceil(64 << 10) {
            query("insert into kept values ($1)").bind("x".repeat(64 << 10)).execute(&self.writer).await.unwrap();
        }
    }

    /// How many pages of the log are not folded yet.
    async fn waiting(&self) -> i64 {
        let sql = "pragma wal_checkpoint(noop)";
        let row = query(sql).fetch_one(&self.writer).await.unwrap();
        row.try_get::<i64>("log").unwrap() - row.try_get::<i64>("checkpointed").unwrap()
    }

    fn log_bytes(&self) -> u64 {
        log_bytes(&self.folder)
    }
}

fn log_bytes(folder: &Folder) -> u64 {
    std::fs::metadata(folder.0.join("rivulet.db-wal")).map_or(0, |file| file.len())
}

#[tokio::test]
async fn no_commit_folds_the_log() {
    let database = database().await;
    database.write(8 << 20).await;
    assert!(2_000 < database.waiting().await, "SQLite itself folds a thousand pages");
    database.write_ahead.tend().await.unwrap();
    assert_eq!(database.waiting().await, 0);
}

#[tokio::test]
async fn what_no_reader_needs_any_more_does_not_make_the_log_longer() {
    let database = database().await;
    let mut reading = database.reader.take().await.unwrap();
    reading.has_transaction = true;
    query("begin").execute(&mut *reading).await.unwrap();
    query("select count(*) from kept").fetch_one(&mut *reading).await.unwrap();
    database.write(3 * MAX_BYTES as usize).await;
    database.write_ahead.tend().await.unwrap();
    assert!(0 < database.waiting().await, "the reader reads what was there before");
    assert!(3 * MAX_BYTES as u64 <= database.log_bytes());

    drop(reading);
    drop(database.reader.take().await.unwrap());
    for _ in 0..8 {
        database.write_ahead.tend().await.unwrap();
        database.write(1).await;
        database.write(MAX_BYTES as usize / 2).await;
    }
    let bytes = database.log_bytes();
    assert!(bytes <= 2 * MAX_BYTES as u64, "4 MiB were written, and the log has {bytes} bytes");
}

#[tokio::test]
async fn a_little_is_folded_after_half_a_minute() {
    let database = database().await;
    tokio::time::pause();
    database.write(1).await;
    database.write_ahead.tend().await.unwrap();
    assert!(0 < database.waiting().await);
    tokio::time::advance(Duration::from_secs(30)).await;
    database.write_ahead.tend().await.unwrap();
    assert_eq!(database.waiting().await, 0);
}

#[tokio::test]
async fn the_log_is_emptied_but_not_under_a_reader() {
    let database = database().await;
    database.write(MAX_BYTES as usize).await;
    let mut reading = database.reader.take().await.unwrap();
    reading.has_transaction = true;
    query("begin").execute(&mut *reading).await.unwrap();
    query("select count(*) from kept").fetch_one(&mut *reading).await.unwrap();
    database.write(1).await;
    assert!(!database.write_ahead.empty().await.unwrap());
    drop(reading);
    drop(database.reader.take().await.unwrap());
    assert!(database.write_ahead.empty().await.unwrap());
    assert_eq!(database.log_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_leaves_the_log_alone_in_its_commits_and_a_command_empties_it() {
    let app = App::start().await;
    let mut write = app.state.store.write().await.unwrap();
    let automatic: i64 = query_scalar("pragma wal_autocheckpoint").fetch_one(&mut *write).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(automatic, 0);
    app.conversation().await;
    assert!(0 < log_bytes(&app.folder));
    // As a command does it, beside the server.
    Store::open(&app.folder.database()).await.unwrap().close().await;
    assert_eq!(log_bytes(&app.folder), 0);
    app.state.store.close().await;
    assert!(!app.folder.0.join("rivulet.db-wal").exists());
}
