//! One connection to the database, which remembers whether a command was left half-way.

use super::{Done, Query, Row};
use futures::TryStreamExt;
use sqlx::SqliteConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The driver's connection.
#[derive(Debug)]
pub(super) enum Link {
    Sqlite(SqliteConnection),
}

/// What became of the last command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Succeeded,
    /// It was begun, and its caller went away.
    UnderWay,
    Failed,
}

/// A connection. Each command on it is handed over to SQLite's thread, which answers it: that hand-over costs more
/// than most statements, so it is counted.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) link: Link,
    pub(super) last: Last,
    hand_overs: Arc<AtomicU64>,
}

impl Connection {
    pub(super) fn new(link: Link, hand_overs: Arc<AtomicU64>) -> Self {
        Self { link, last: Last::Succeeded, hand_overs }
    }

    /// Closes it, and waits for that.
    pub(super) async fn close(self) -> sqlx::Result<()> {
        match self.link {
            Link::Sqlite(inner) => sqlx::Connection::close(inner).await,
        }
    }

    /// Runs a statement, and says whether it succeeded.
    pub(super) async fn succeeds(&mut self, statement: &'static str) -> bool {
        self.execute(super::query(statement)).await.is_ok()
    }

    pub(super) async fn execute(&mut self, query: Query) -> sqlx::Result<Done> {
        self.begin();
        let done = match &mut self.link {
            Link::Sqlite(inner) => {
                query.for_sqlite()?.execute(inner).await.map(|done| Done { rows: done.rows_affected() })
            }
        };
        self.ended(done)
    }

    pub(super) async fn fetch_optional(&mut self, query: Query) -> sqlx::Result<Option<Row>> {
        self.begin();
        let found = match &mut self.link {
            Link::Sqlite(inner) => query.for_sqlite()?.fetch_optional(inner).await.map(|row| row.map(Row::Sqlite)),
        };
        self.ended(found)
    }

    pub(super) async fn fetch_all(&mut self, query: Query) -> sqlx::Result<Vec<Row>> {
        self.begin();
        let found = match &mut self.link {
            Link::Sqlite(inner) => query.for_sqlite()?.fetch(inner).map_ok(Row::Sqlite).try_collect().await,
        };
        self.ended(found)
    }

    /// To be called before a command.
    pub(super) fn begin(&mut self) {
        self.last = Last::UnderWay;
        self.hand_overs.fetch_add(1, Ordering::Relaxed);
    }

    /// To be called after it.
    pub(super) fn ended<T, E>(&mut self, result: Result<T, E>) -> Result<T, E> {
        self.last = if result.is_ok() { Last::Succeeded } else { Last::Failed };
        result
    }
}
