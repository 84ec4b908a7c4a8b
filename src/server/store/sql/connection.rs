//! One connection to the database, which remembers whether a command was left half-way.

use super::fault::is_outdated;
use super::lock::Held;
use super::{Done, Query, Row};
use futures::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Either, Executor, SqlSafeStr, SqliteConnection};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long PostgreSQL's answer is waited for: longer than a statement may take there (`store/postgres`). Then it is the
/// way there that is broken, of which the system would tell only after minutes.
const ANSWER: Duration = Duration::from_secs(20);
/// How long it may take where nothing is to be done: beyond it, another connection is sooner there.
const ECHO: Duration = Duration::from_secs(2);

/// The driver's connection.
#[derive(Debug)]
pub(super) enum Link {
    Sqlite(SqliteConnection),
    Postgres(Remote),
}

/// A session of PostgreSQL.
#[derive(Debug)]
pub(super) struct Remote {
    pub inner: PgConnection,
    /// What PostgreSQL calls it.
    pub name: Box<str>,
    pub opened: Instant,
    pub idle_since: Instant,
    /// How many connections had broken when this one was last known to work.
    pub generation: u64,
    /// How often tables had been changed when it was opened.
    pub tables: u64,
}

/// What became of the last command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Succeeded,
    /// It was begun, and its caller went away.
    UnderWay,
    /// The database has refused it, or done it in part.
    Failed,
    /// Tables were changed, and what is prepared on it is for those that were.
    Outdated,
    /// No answer came, or none that is understood.
    Broken,
}

/// A connection. Each command on it is handed over to SQLite's thread, or sent to PostgreSQL, and waits for the answer:
/// that costs more than most statements, so it is counted.
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

    pub(super) fn is_postgres(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    /// Whether nothing more can be done with it. A session of PostgreSQL would still be answering the command whose
    /// caller went away.
    pub(super) fn is_lost(&self) -> bool {
        match self.link {
            Link::Sqlite(_) => false,
            Link::Postgres(_) => matches!(self.last, Last::UnderWay | Last::Outdated | Last::Broken),
        }
    }

    /// Closes it, and waits for that.
    pub(super) async fn close(self) -> sqlx::Result<()> {
        match self.link {
            Link::Sqlite(inner) => sqlx::Connection::close(inner).await,
            Link::Postgres(remote) => within(ECHO, sqlx::Connection::close(remote.inner)).await,
        }
    }

    /// Runs a statement without values, and says whether it succeeded.
    pub(super) async fn succeeds(&mut self, statement: &'static str) -> bool {
        self.command(statement).await.is_ok()
    }

    /// Whether PostgreSQL answers on it.
    pub(super) async fn answers(&mut self) -> sqlx::Result<()> {
        match &mut self.link {
            Link::Sqlite(_) => Ok(()),
            Link::Postgres(remote) => within(ECHO, sqlx::Connection::ping(&mut remote.inner)).await,
        }
    }

    /// Waits for the end of a statement whose caller went away, and checks that what comes then is the answer to what is
    /// asked then.
    pub(super) async fn catches_up(&mut self) -> bool {
        let number = self.hand_overs.fetch_add(1, Ordering::Relaxed).cast_signed();
        let Link::Postgres(remote) = &mut self.link else { return false };
        let echo = sqlx::query_scalar::<_, i64>("select $1").bind(number).fetch_one(&mut remote.inner);
        let echoed = within(ECHO, echo).await;
        let is_next = echoed.as_ref().is_ok_and(|echoed| *echoed == number);
        self.ended(echoed).is_ok() && is_next
    }

    /// Whether PostgreSQL has answered on it after this.
    pub(super) fn was_used_after(&self, when: Instant) -> bool {
        match &self.link {
            Link::Sqlite(_) => true,
            Link::Postgres(remote) => when < remote.idle_since,
        }
    }

    /// Begins a transaction that writes, and waits for its locks. `news`: see [`Held::begin`].
    pub(crate) async fn begin_writing(&mut self, lock: &Held, news: Option<&str>) -> sqlx::Result<()> {
        match self.link {
            Link::Sqlite(_) => self.command("begin immediate").await,
            Link::Postgres(_) => self.command(AssertSqlSafe(lock.begin(news))).await,
        }
    }

    /// Runs a text without values, of one statement or several.
    pub(crate) async fn command(&mut self, sql: impl SqlSafeStr + Send) -> sqlx::Result<()> {
        self.begin();
        let done = match &mut self.link {
            Link::Sqlite(inner) => sqlx::query(sql).execute(inner).await.map(drop),
            Link::Postgres(remote) => answered(sqlx::raw_sql(sql).execute(&mut remote.inner)).await.map(drop),
        };
        self.ended(done)
    }

    pub(super) async fn execute(&mut self, query: Query) -> sqlx::Result<Done> {
        self.begin();
        let done = match &mut self.link {
            Link::Sqlite(inner) => query.for_sqlite()?.execute(inner).await.map(|done| done.rows_affected()),
            Link::Postgres(remote) => {
                answered(query.for_postgres()?.execute(&mut remote.inner)).await.map(|done| done.rows_affected())
            }
        };
        self.ended(done.map(|rows| Done { rows }))
    }

    pub(super) async fn fetch_optional(&mut self, query: Query) -> sqlx::Result<Option<Row>> {
        self.begin();
        let found = match &mut self.link {
            Link::Sqlite(inner) => query.for_sqlite()?.fetch_optional(inner).await.map(|row| row.map(Row::Sqlite)),
            Link::Postgres(remote) => {
                let found = answered(query.for_postgres()?.fetch_optional(&mut remote.inner)).await;
                found.map(|row| row.map(Row::Postgres))
            }
        };
        self.ended(found)
    }

    pub(super) async fn fetch_all(&mut self, query: Query) -> sqlx::Result<Vec<Row>> {
        self.begin();
        let found = match &mut self.link {
            Link::Sqlite(inner) => query.for_sqlite()?.fetch(inner).map_ok(Row::Sqlite).try_collect().await,
            Link::Postgres(remote) => {
                answered(query.for_postgres()?.fetch(&mut remote.inner).map_ok(Row::Postgres).try_collect()).await
            }
        };
        self.ended(found)
    }

    /// What a statement finds, and how many rows it finds or changes. On PostgreSQL only.
    pub(super) async fn rows_and_count(&mut self, query: Query) -> sqlx::Result<(Vec<Row>, u64)> {
        self.begin();
        let Link::Postgres(remote) = &mut self.link else {
            return Err(sqlx::Error::Protocol("a step by itself is for PostgreSQL".into()));
        };
        let query = query.for_postgres()?;
        let found = answered(async {
            let mut answers = remote.inner.fetch_many(query);
            let (mut rows, mut count) = (Vec::new(), 0);
            while let Some(answer) = answers.try_next().await? {
                match answer {
                    Either::Left(done) => count += done.rows_affected(),
                    Either::Right(row) => rows.push(Row::Postgres(row)),
                }
            }
            Ok((rows, count))
        });
        let found = found.await;
        self.ended(found)
    }

    /// To be called before a command.
    pub(super) fn begin(&mut self) {
        self.last = Last::UnderWay;
        self.hand_overs.fetch_add(1, Ordering::Relaxed);
    }

    /// To be called after it.
    pub(super) fn ended<T>(&mut self, result: sqlx::Result<T>) -> sqlx::Result<T> {
        self.last = match &result {
            Ok(_) => Last::Succeeded,
            Err(error) if is_outdated(error) => Last::Outdated,
            Err(sqlx::Error::Database(_)) => Last::Failed,
            Err(_) => Last::Broken,
        };
        result
    }
}

/// Waits for PostgreSQL, but not for ever.
async fn answered<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    within(ANSWER, answer).await
}

async fn within<T>(limit: Duration, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the database does not answer");
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late().into()))
}

/// Whether nothing came at all, rather than word that the connection is gone.
pub(super) fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut)
}
