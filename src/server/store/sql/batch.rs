//! Several statements that run together: a transaction, or several reads of one state.
//!
//! A caller names the steps; each database is given them in the way in which it waits the least.

mod postgres;
mod sqlite;

use super::connection::{Last, Link};
use super::fault::is_outdated;
use super::lock::Held;
use super::{Connection, Lock, Query, Row, Seats};
use postgres::Steps;
use sqlite::Whole;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write(Held),
}

#[derive(Clone, Copy, Debug)]
enum Need {
    Nothing,
    /// It changes this number of rows.
    Changed(u64),
    /// It finds a row.
    Found,
}

#[derive(Clone, Debug)]
struct Step {
    query: Query,
    need: Need,
}

/// A list of statements that run together. It keeps its values, so that it can be run again.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    kind: Kind,
    steps: Vec<Step>,
    /// Written in the command that begins the transaction. On PostgreSQL only.
    news: Option<String>,
    /// Whether SQLite keeps it prepared.
    is_kept: bool,
}

/// What one step found or changed.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub rows: Vec<Row>,
    /// How many rows it changed; none where it is a query.
    pub changed: Option<u64>,
}

/// Why a batch was not done, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// What this step needs was not so. Nothing was done.
    #[error("step {0} of a batch did not find what it needs")]
    Unmet(usize),
    /// Nothing was done.
    #[error(transparent)]
    Not(#[from] sqlx::Error),
    /// The answer to `commit`, or to a single statement, was lost: all was done or nothing. To be looked at before it is done again. Never on
    /// SQLite.
    #[error(transparent)]
    Perhaps(sqlx::Error),
}

impl From<Failed> for sqlx::Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unmet(_) => Self::RowNotFound,
            Failed::Not(error) | Failed::Perhaps(error) => error,
        }
    }
}

impl Batch {
    /// Queries that all see one state of the database.
    pub(crate) fn read() -> Self {
        Self { kind: Kind::Read, steps: Vec::new(), news: None, is_kept: true }
    }

    /// A transaction that writes.
    pub(crate) fn write(lock: Lock<'_>) -> Self {
        Self { kind: Kind::Write(lock.into()), steps: Vec::new(), news: None, is_kept: true }
    }

    /// Its text is another one nearly each time. It is not kept prepared: five hundred of them would be many megabytes.
    pub(crate) fn once(self) -> Self {
        Self { is_kept: false, ..self }
    }

    /// What other nodes are told of it, as a statement (`store/news`), which is part of it.
    pub(crate) fn telling(self, news: Option<String>) -> Self {
        Self { news, ..self }
    }

    /// A step, regardless of what it finds or changes.
    pub(crate) fn then(self, query: Query) -> Self {
        self.step(query, Need::Nothing)
    }

    /// A step that changes exactly this number of rows, or else nothing of the batch stays.
    pub(crate) fn must(self, query: Query, rows: u64) -> Self {
        self.step(query, Need::Changed(rows))
    }

    /// Comes before all other steps: a query that finds a row, or else nothing of the batch is done.
    pub(crate) fn only_if(mut self, query: Query) -> Self {
        self.steps.insert(0, Step { query, need: Need::Found });
        // Two statements now, and what was found has to hold for the second one.
        if self.kind == Kind::Write(Held::None) {
            self.kind = Kind::Write(Held::Beside(Vec::new()));
        }
        self
    }

    fn step(mut self, query: Query, need: Need) -> Self {
        self.steps.push(Step { query, need });
        self
    }

    /// Runs it: all of it is done, or nothing. One `Found` for each step; `only_if` finds nothing to be shown. A write
    /// is to be run in a task that is not dropped half-way.
    pub(crate) async fn run(&self, on: &Seats) -> Result<Vec<Found>, Failed> {
        let mut taken = on.take().await?;
        if taken.is_postgres() {
            let steps = Steps::of(self)?;
            return match steps.run(&mut taken).await {
                // Tables were changed since a step was prepared: nothing was done.
                Err(Failed::Not(error)) if is_outdated(&error) => {
                    drop(taken);
                    steps.run(&mut on.take().await?).await
                }
                done => done,
            };
        }
        let whole = Whole::of(self, false)?;
        // Whatever breaks off from here on, it is rolled back.
        taken.has_transaction = true;
        let found = run(whole, &mut taken).await?;
        taken.has_transaction = false;
        Ok(found)
    }

    /// Runs it in a transaction that has begun. Where it fails, the transaction is to be dropped.
    pub(crate) async fn run_in(&self, write: &mut Connection) -> Result<Vec<Found>, Failed> {
        match write.is_postgres() {
            true => Steps::of(self)?.run_in(write).await,
            false => run(Whole::of(self, true)?, write).await,
        }
    }
}

async fn run(whole: Whole, connection: &mut Connection) -> Result<Vec<Found>, Failed> {
    connection.begin();
    let Link::Sqlite(inner) = &mut connection.link else {
        return Err(sqlx::Error::Protocol("a batch in one text is for SQLite".into()).into());
    };
    let found = whole.run(inner).await;
    connection.last = if found.is_ok() { Last::Succeeded } else { Last::Failed };
    found
}

/// The error of a batch that cannot be run.
fn refused(query: &Query, why: &str) -> sqlx::Error {
    sqlx::Error::Protocol(format!("a batch has {why}: {}", query.sql))
}
