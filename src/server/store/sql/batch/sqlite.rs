//! A batch on SQLite: all of it in one text, which is one hand-over to SQLite's thread.
//!
//! It is sent as `begin immediate; …; commit`. Where one of the statements fails, SQLite stops there, and the
//! transaction is rolled back before the connection is used again (`seats`).

use super::{Batch, Failed, Found, Kind, Need, Step, refused};
use crate::server::store::sql::{Row, text};
use futures::TryStreamExt;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Either, Executor, SqliteConnection};

/// Fails with an error of its own, "integer overflow", if it is evaluated. SQLite would evaluate a constant before it
/// knows whether there is a row; `changes()` is none.
const FAIL: &str = "abs(-9223372036854775808 + 0 * changes())";
/// That error's code, SQLITE_ERROR.
const OVERFLOW: &str = "1";

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
pub(super) struct Whole {
    text: String,
    parts: Vec<Part>,
    values: SqliteArguments,
    is_kept: bool,
}

impl Whole {
    /// The batch as a text. Within a transaction it has no `begin` and no `commit` of its own.
    pub(super) fn of(batch: &Batch, is_within: bool) -> sqlx::Result<Self> {
        let (text, parts, values) = Default::default();
        let mut whole = Self { text, parts, values, is_kept: batch.is_kept };
        let frame = match batch.kind {
            _ if is_within => None,
            Kind::Write(_) => Some("begin immediate;\n"),
            // A single query sees one state anyway.
            Kind::Read => (1 < batch.steps.len()).then_some("begin;\n"),
        };
        if let Some(begin) = frame {
            whole.text.push_str(begin);
            whole.parts.push(Part::Frame);
        }
        for (index, step) in batch.steps.iter().enumerate() {
            whole.add(index, step)?;
        }
        if frame.is_some() {
            whole.text.push_str("\ncommit");
            whole.parts.push(Part::Frame);
        }
        Ok(whole)
    }

    /// Hands it over, and sorts the answers by the steps.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<Vec<Found>, Failed> {
        let Self { text, parts, values, is_kept } = self;
        let query = sqlx::query_with(AssertSqlSafe(text), values).persistent(is_kept);
        let mut answers = connection.fetch_many(query);
        let (mut found, mut rows) = (Vec::<Found>::new(), Vec::new());
        let mut parts = parts.into_iter().peekable();
        loop {
            match answers.try_next().await {
                Ok(Some(Either::Right(row))) => rows.push(Row::Sqlite(row)),
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
        #[cfg(test)]
        query.seen();
        let refused = |why: &str| refused(query, why);
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
            value.to_sqlite(&mut self.values).map_err(sqlx::Error::Encode)?;
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
