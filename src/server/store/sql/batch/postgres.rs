//! A batch on PostgreSQL: one step after the other, each prepared by its own text.
//!
//! PostgreSQL takes one statement for each prepared text. What begins the transaction and takes its locks is one command.

use super::{Batch, Failed, Found, Held, Kind, Need, Step, refused};
use crate::server::store::sql::fault::{is_deadlock, may_have_committed};
use crate::server::store::sql::{Connection, Taken, text};
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// What a batch that was rolled back by a deadlock waits before it is run again: longer than the other one needs to
/// wake up and take its lock. It holds no lock meanwhile.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(180)];

/// The steps, once it is known that they can be run.
pub(super) struct Steps<'b> {
    batch: &'b Batch,
    /// Whether each changes rows.
    changes: Vec<bool>,
}

impl<'b> Steps<'b> {
    /// Checks them as is done for SQLite, so that both refuse the same.
    pub(super) fn of(batch: &'b Batch) -> sqlx::Result<Self> {
        let mut changes = Vec::with_capacity(batch.steps.len());
        for Step { query, .. } in &batch.steps {
            let scanned = text::scan(&query.sql).map_err(|why| refused(query, why))?;
            if scanned.values != query.values.len() {
                return Err(refused(query, "another number of values than of parameters"));
            }
            changes.push(scanned.changes);
        }
        Ok(Self { batch, changes })
    }

    pub(super) async fn run(&self, taken: &mut Taken) -> Result<Vec<Found>, Failed> {
        // Two that wait for each other: one of them is rolled back, and then the other goes on, unless this one takes
        // again what the other was waiting for before it has noticed.
        for pause in PAUSES {
            let done = self.once(taken).await;
            let Err(Failed::Not(error)) = &done else { return done };
            if !is_deadlock(error) || taken.command("rollback").await.is_err() {
                return done;
            }
            tokio::time::sleep(pause).await;
        }
        self.once(taken).await
    }

    async fn once(&self, taken: &mut Taken) -> Result<Vec<Found>, Failed> {
        let Some(begin) = self.begin() else {
            return match self.run_in(taken).await {
                Err(Failed::Not(error)) if self.batch.kind != Kind::Read && may_have_committed(&error) => {
                    Err(Failed::Perhaps(error))
                }
                done => done,
            };
        };
        // Whatever breaks off from here on, it is rolled back.
        taken.has_transaction = true;
        taken.command(AssertSqlSafe(begin)).await?;
        let found = self.run_in(taken).await?;
        match taken.command("commit").await {
            Err(error) if may_have_committed(&error) => return Err(Failed::Perhaps(error)),
            done => done?,
        }
        taken.has_transaction = false;
        Ok(found)
    }

    /// What the batch begins with. None: it is a single statement, which is a transaction by itself.
    fn begin(&self) -> Option<String> {
        match (&self.batch.kind, &self.batch.steps[..]) {
            (Kind::Read, [] | [_]) => None,
            (Kind::Write(Held::None), [Step { need: Need::Nothing, .. }]) if self.batch.news.is_none() => None,
            (Kind::Read, _) => Some("begin isolation level repeatable read read only".into()),
            (Kind::Write(lock), _) => Some(lock.begin(self.batch.news.as_deref())),
        }
    }

    /// Runs them in a transaction that has begun.
    pub(super) async fn run_in(&self, connection: &mut Connection) -> Result<Vec<Found>, Failed> {
        let mut all = Vec::with_capacity(self.changes.len());
        for (index, (Step { query, need }, changes)) in self.batch.steps.iter().zip(&self.changes).enumerate() {
            let (rows, count) = connection.rows_and_count(query.clone()).await?;
            let is_met = match need {
                Need::Nothing => true,
                Need::Changed(rows) => count == *rows,
                Need::Found => !rows.is_empty(),
            };
            if !is_met {
                return Err(Failed::Unmet(index));
            }
            all.push(match need {
                Need::Found => Found::default(),
                _ => Found { rows, changed: changes.then_some(count) },
            });
        }
        Ok(all)
    }
}
