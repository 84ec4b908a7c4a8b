//! A statement with its values, and how it is run.

use super::fault::is_outdated;
use super::{Column, Connection, Row, Seats, Value};
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};
use std::borrow::Cow;
use std::marker::PhantomData;

/// A statement. Its values are `$1` and so on, each of them used.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
    /// Where it is in the sources, for the test that prepares each of them on PostgreSQL.
    #[cfg(test)]
    pub(super) place: &'static std::panic::Location<'static>,
}

/// A statement that finds one column.
pub(crate) struct Scalar<T> {
    query: Query,
    kind: PhantomData<fn() -> T>,
}

/// A statement without values so far.
#[track_caller]
pub(crate) fn query(sql: impl Into<Cow<'static, str>>) -> Query {
    Query {
        sql: sql.into(),
        values: Vec::new(),
        #[cfg(test)]
        place: std::panic::Location::caller(),
    }
}

/// A statement of which only the first column is read.
#[track_caller]
pub(crate) fn query_scalar<T>(sql: impl Into<Cow<'static, str>>) -> Scalar<T> {
    query(sql).scalar()
}

/// What a statement did that finds nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(super) rows: u64,
}

impl Done {
    /// How many rows it changed.
    pub(crate) fn rows_affected(self) -> u64 {
        self.rows
    }
}

/// Where a statement runs.
pub(crate) enum Target<'c> {
    Seats(&'c Seats),
    Connection(&'c mut Connection),
}

/// Where a statement can run: on a connection, or on one that is taken for it.
pub(crate) trait On<'c>: Send {
    fn on(self) -> Target<'c>;
}

impl<'c> On<'c> for &'c Seats {
    fn on(self) -> Target<'c> {
        Target::Seats(self)
    }
}

impl<'c> On<'c> for &'c mut Connection {
    fn on(self) -> Target<'c> {
        Target::Connection(self)
    }
}

/// Runs the query on the target's connection by `$command`. Where tables were changed since it was prepared, once more:
/// it was not run.
macro_rules! run {
    ($target:expr, $query:expr, $command:ident) => {
        match $target {
            Target::Seats(seats) => {
                let mut taken = seats.take().await?;
                let again = taken.is_postgres().then(|| $query.clone());
                match (taken.$command($query).await, again) {
                    (Err(error), Some(query)) if is_outdated(&error) => {
                        drop(taken);
                        seats.take().await?.$command(query).await
                    }
                    (done, _) => done,
                }
            }
            Target::Connection(connection) => connection.$command($query).await,
        }
    };
}

impl Query {
    /// Adds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    pub(super) fn scalar<T>(self) -> Scalar<T> {
        Scalar { query: self, kind: PhantomData }
    }

    /// Runs it, whatever it finds.
    pub(crate) async fn execute(self, on: impl On<'_>) -> sqlx::Result<Done> {
        run!(on.on(), self, execute)
    }

    /// The first row.
    pub(crate) async fn fetch_optional(self, on: impl On<'_>) -> sqlx::Result<Option<Row>> {
        run!(on.on(), self, fetch_optional)
    }

    /// The first row.
    ///
    /// # Errors
    /// `RowNotFound` where there is none.
    pub(crate) async fn fetch_one(self, on: impl On<'_>) -> sqlx::Result<Row> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// All rows.
    pub(crate) async fn fetch_all(self, on: impl On<'_>) -> sqlx::Result<Vec<Row>> {
        run!(on.on(), self, fetch_all)
    }

    /// Has it prepared on PostgreSQL, once. A session keeps it prepared for as many values as it first had, and refuses it with
    /// fewer; SQLite takes what is missing for null.
    #[cfg(test)]
    pub(super) fn seen(&self) {
        let own = self.place.file().starts_with("src/server/store");
        if let Some(scanned) = super::text::scan(&self.sql).ok().filter(|_| own) {
            assert_eq!(scanned.values, self.values.len(), "the values of {} ({})", self.sql, self.place);
        }
        crate::tests::postgres::statements::seen(&self.sql, &self.values, self.place);
    }

    /// As SQLite's driver takes it. A text that was put together is not kept prepared: there are too many of them.
    pub(super) fn for_sqlite(self) -> sqlx::Result<sqlx::query::Query<'static, Sqlite, SqliteArguments>> {
        #[cfg(test)]
        self.seen();
        let mut arguments = SqliteArguments::default();
        for value in &self.values {
            value.to_sqlite(&mut arguments).map_err(sqlx::Error::Encode)?;
        }
        Ok(match self.sql {
            Cow::Borrowed(sql) => sqlx::query_with(sql, arguments),
            Cow::Owned(sql) => sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false),
        })
    }

    /// As PostgreSQL's driver takes it.
    pub(super) fn for_postgres(self) -> sqlx::Result<sqlx::query::Query<'static, Postgres, PgArguments>> {
        let mut arguments = PgArguments::default();
        for value in &self.values {
            value.to_postgres(&mut arguments).map_err(sqlx::Error::Encode)?;
        }
        Ok(match self.sql {
            Cow::Borrowed(sql) => sqlx::query_with(sql, arguments),
            Cow::Owned(sql) => sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false),
        })
    }
}

impl<T: for<'r> Column<'r>> Scalar<T> {
    /// Adds the next value.
    pub(crate) fn bind(self, value: impl Into<Value>) -> Self {
        self.query.bind(value).scalar()
    }

    /// The first row's. `None` where there is no row.
    pub(crate) async fn fetch_optional(self, on: impl On<'_>) -> sqlx::Result<Option<T>> {
        self.query.fetch_optional(on).await?.map(|row| row.first()).transpose()
    }

    /// The first row's.
    ///
    /// # Errors
    /// `RowNotFound` where there is none.
    pub(crate) async fn fetch_one(self, on: impl On<'_>) -> sqlx::Result<T> {
        self.query.fetch_one(on).await?.first()
    }

    /// Each row's.
    pub(crate) async fn fetch_all(self, on: impl On<'_>) -> sqlx::Result<Vec<T>> {
        self.query.fetch_all(on).await?.iter().map(Row::first).collect()
    }
}
