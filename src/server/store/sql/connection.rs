//! One connection to the database, which remembers whether a command was left half-way.

use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, SqlStr, Sqlite, SqliteConnection};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// What a statement gives: rows, and for each statement at its end what it changed.
type Step = sqlx::Result<Either<SqliteQueryResult, SqliteRow>>;

/// A connection. Each command on it is handed over to SQLite's thread, which answers it: that hand-over costs more
/// than most statements, so it is counted.
#[derive(Debug)]
pub(crate) struct Connection {
    inner: SqliteConnection,
    /// A command was begun and has not succeeded since: it failed, or its caller went away.
    is_under_way: bool,
    hand_overs: Arc<AtomicU64>,
}

impl Connection {
    pub(super) fn new(inner: SqliteConnection, hand_overs: Arc<AtomicU64>) -> Self {
        Self { inner, is_under_way: false, hand_overs }
    }

    /// Whether the last command did not succeed: then nothing is known of the connection's state.
    pub(super) fn is_under_way(&self) -> bool {
        self.is_under_way
    }

    /// Closes it, and waits for that.
    pub(super) async fn close(self) -> sqlx::Result<()> {
        sqlx::Connection::close(self.inner).await
    }

    /// Runs a statement, and says whether it succeeded.
    pub(super) async fn succeeds(&mut self, statement: &'static str) -> bool {
        sqlx::query(statement).execute(self).await.is_ok()
    }

    fn begin(&mut self) {
        self.is_under_way = true;
        self.hand_overs.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        self.begin();
        let Connection { inner, is_under_way, .. } = self;
        Box::pin(Steps { steps: inner.fetch_many(query), is_under_way, has_failed: false })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<SqliteRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        self.begin();
        Box::pin(async move {
            let row = (&mut self.inner).fetch_optional(query).await?;
            self.is_under_way = false;
            Ok(row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<SqliteStatement>>
    where
        'c: 'e,
    {
        self.inner.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Sqlite>>>
    where
        'c: 'e,
    {
        self.inner.describe(sql)
    }
}

/// The answers to a command. Read to its end without an error, the command is no longer under way.
struct Steps<'e> {
    steps: BoxStream<'e, Step>,
    is_under_way: &'e mut bool,
    has_failed: bool,
}

impl Stream for Steps<'_> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Step>> {
        let next = self.steps.as_mut().poll_next(context);
        match &next {
            Poll::Ready(Some(Err(_))) => self.has_failed = true,
            Poll::Ready(None) if !self.has_failed => *self.is_under_way = false,
            _ => {}
        }
        next
    }
}
