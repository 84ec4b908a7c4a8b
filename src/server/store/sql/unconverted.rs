//! What lets statements of sqlx itself run here, as long as there are such: on SQLite only.

use super::connection::{Last, Link};
use super::{Connection, Seats};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryFutureExt, TryStreamExt};
use sqlx::sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, SqlStr, Sqlite};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a statement gives: rows, and for each statement at its end what it changed.
type Step = sqlx::Result<Either<SqliteQueryResult, SqliteRow>>;

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        self.begin();
        let Connection { link: Link::Sqlite(inner), last, .. } = self else {
            unreachable!("unconverted on PostgreSQL")
        };
        Box::pin(Steps { steps: inner.fetch_many(query), last, has_failed: false })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<SqliteRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        self.begin();
        Box::pin(async move {
            let Link::Sqlite(inner) = &mut self.link else { unreachable!("unconverted on PostgreSQL") };
            let row = inner.fetch_optional(query).await?;
            self.last = Last::Succeeded;
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
        let Link::Sqlite(inner) = &mut self.link else { unreachable!("unconverted on PostgreSQL") };
        inner.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Sqlite>>>
    where
        'c: 'e,
    {
        let Link::Sqlite(inner) = &mut self.link else { unreachable!("unconverted on PostgreSQL") };
        inner.describe(sql)
    }
}

/// The answers to a command. Read to its end without an error, the command is no longer under way.
struct Steps<'e> {
    steps: BoxStream<'e, Step>,
    last: &'e mut Last,
    has_failed: bool,
}

impl Stream for Steps<'_> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Step>> {
        let next = self.steps.as_mut().poll_next(context);
        match &next {
            Poll::Ready(Some(Err(_))) => self.has_failed = true,
            Poll::Ready(None) if !self.has_failed => *self.last = Last::Succeeded,
            _ => {}
        }
        next
    }
}

impl<'c> Executor<'c> for &'c Seats {
    type Database = Sqlite;

    /// All rows are read before the first is given, so that the connection is free again.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<SqliteQueryResult, SqliteRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        let read = async move {
            let mut taken = self.take().await?;
            let steps: Vec<_> = Executor::fetch_many(&mut *taken, query).try_collect().await?;
            sqlx::Result::Ok(stream::iter(steps).map(Ok))
        };
        read.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<SqliteRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        Box::pin(async move { Executor::fetch_optional(&mut *self.take().await?, query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<SqliteStatement>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.take().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Sqlite>>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.take().await?.describe(sql).await })
    }
}
