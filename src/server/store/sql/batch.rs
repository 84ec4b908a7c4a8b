//! Several statements in one hand-over to SQLite's thread: a transaction, or several reads of one state.
//!
//! They are sent as one text, `begin immediate; …; commit`. Where one of them fails, SQLite stops there, and the
//! transaction is rolled back before the connection is used again (`seats`).

use super::query::{Query, Value};
use super::{Connection, Seats, text};
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Either, Executor};

/// Fails with an error of its own, "integer overflow", if it is evaluated. SQLite would evaluate a constant before it
/// knows whether there is a row; `changes()` is none.
const FAIL: &str = "abs(-9223372036854775808 + 0 * changes())";
/// That error's code, SQLITE_ERROR.
const OVERFLOW: &str = "1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
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
}

/// What one step found or changed.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub rows: Vec<SqliteRow>,
    /// How many rows it changed; none where it is a query.
    pub changed: Option<u64>,
}

/// Why nothing of a batch was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// What this step needs was not so.
    #[error("step {0} of a batch did not find what it needs")]
    Unmet(usize),
    #[error(transparent)]
    Not(#[from] sqlx::Error),
}

impl From<Failed> for sqlx::Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unmet(_) => Self::RowNotFound,
            Failed::Not(error) => error,
        }
    }
}

/// One statement of the whole text.
#[derive(Clone, Copy)]
enum Part {
    /// It begins or ends the transaction.
    Frame,
    /// A step, and whether it changes rows.
    Step { changes: bool },
    /// It checks what the step before it did, or a row that this step needs.
    Check(usize),
}

/// All of a batch in one text.
struct Whole {
    text: String,
    parts: Vec<Part>,
    values: SqliteArguments,
}

impl Batch {
    /// Queries that all see one state of the database.
    pub(crate) fn read() -> Self {
        Self { kind: Kind::Read, steps: Vec::new() }
    }

    /// A transaction that writes.
    pub(crate) fn write() -> Self {
        Self { kind: Kind::Write, steps: Vec::new() }
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
        self
    }

    fn step(mut self, query: Query, need: Need) -> Self {
        self.steps.push(Step { query, need });
        self
    }

    /// Runs it: all of it is done, or nothing. One `Found` for each step; `only_if` finds nothing to be shown. A write
    /// is to be run in a task that is not dropped half-way.
    pub(crate) async fn run(&self, on: &Seats) -> Result<Vec<Found>, Failed> {
        // A single query sees one state anyway.
        let frame = match self.kind {
            Kind::Write => Some("begin immediate;\n"),
            Kind::Read => (1 < self.steps.len()).then_some("begin;\n"),
        };
        let whole = self.whole(frame)?;
        let mut taken = on.take().await?;
        // Whatever breaks off from here on, it is rolled back.
        taken.has_transaction = true;
        let found = whole.run(&mut taken).await?;
        taken.has_transaction = false;
        Ok(found)
    }

    /// Runs it in a transaction that has begun. Where it fails, the transaction is to be dropped.
    pub(crate) async fn run_in(&self, write: &mut Connection) -> Result<Vec<Found>, Failed> {
        self.whole(None)?.run(write).await
    }

    fn whole(&self, frame: Option<&str>) -> Result<Whole, sqlx::Error> {
        let mut whole = Whole { text: String::new(), parts: Vec::new(), values: SqliteArguments::default() };
        if let Some(begin) = frame {
            whole.text.push_str(begin);
            whole.parts.push(Part::Frame);
        }
        for (index, step) in self.steps.iter().enumerate() {
            whole.add(index, step)?;
        }
        if frame.is_some() {
            whole.text.push_str("\ncommit");
            whole.parts.push(Part::Frame);
        }
        Ok(whole)
    }
}

impl Whole {
    /// Hands it over, and sorts the answers by the steps.
    async fn run(self, connection: &mut Connection) -> Result<Vec<Found>, Failed> {
        let Self { text, parts, values } = self;
        let mut answers = connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), values));
        let (mut found, mut rows) = (Vec::<Found>::new(), Vec::new());
        let mut parts = parts.into_iter().peekable();
        loop {
            match answers.try_next().await {
                Ok(Some(Either::Right(row))) => rows.push(row),
                // The end of one part.
                Ok(Some(Either::Left(result))) => match parts.next() {
                    Some(Part::Step { changes }) => {
                        let changed = changes.then(|| result.rows_affected());
                        found.push(Found { rows: std::mem::take(&mut rows), changed });
                    }
                    Some(Part::Check(step)) if step == found.len() => found.push(Found::default()),
                    Some(Part::Check(_) | Part::Frame) | None => {}
                },
                Ok(None) => return Ok(found),
                Err(error) => return Err(why(error, parts.peek().copied())),
            }
        }
    }

    fn add(&mut self, index: usize, Step { query, need }: &Step) -> Result<(), sqlx::Error> {
        let refused = |why: &str| sqlx::Error::Protocol(format!("a batch has {why}: {}", query.sql));
        let shift = self.values.len();
        let scanned = match need {
            Need::Found => {
                let sql = format!("select {FAIL} where not exists ({}\n)", query.sql);
                self.parts.push(Part::Check(index));
                text::add(&mut self.text, &sql, shift).map_err(refused)?
            }
            Need::Nothing | Need::Changed(_) => {
                let scanned = text::add(&mut self.text, &query.sql, shift).map_err(refused)?;
                self.parts.push(Part::Step { changes: scanned.changes });
                scanned
            }
        };
        // SQLite would take NULL for a value that is not there.
        if scanned.values != query.values.len() {
            return Err(refused("another number of values than of parameters"));
        }
        if let Need::Changed(rows) = need {
            self.text.push_str(&format!("\nselect {FAIL} where changes() <> {rows};"));
            self.parts.push(Part::Check(index));
        }
        for value in &query.values {
            let added = match value {
                Value::Text(text) => self.values.add(text.clone()),
                Value::Int(number) => self.values.add(*number),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(())
    }
}

/// Why the batch ended at this part.
fn why(error: sqlx::Error, part: Option<Part>) -> Failed {
    let is_overflow = error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == OVERFLOW);
    match part {
        Some(Part::Check(step)) if is_overflow => Failed::Unmet(step),
        _ => Failed::Not(error),
    }
}
