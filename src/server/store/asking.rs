//! Whether the caller is still authorised: checked in the transaction that writes, so that a withdrawal before it
//! counts.

use super::Store;
use super::sql::batch::{Batch, Failed, Found};
use super::sql::{Connection, On, Query, query};
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::principal::asking::{Asking, current};
use std::sync::atomic::Ordering;

/// The error where the caller's right was withdrawn before the write.
#[derive(Debug, thiserror::Error)]
#[error("who asks may not any more")]
struct Withdrawn;

/// The query that finds a row where the principal is still authorised, and its values.
fn question(who: Principal) -> (&'static str, [String; 4]) {
    let (sql, hash, scope) = match who.by {
        Credential::Session(hash) => (
            "select 1 from session join account on account.id = session.account
             where session.token_hash = $1 and account.id = $2 and account.role = $3 and account.disabled_at is null
                 and $4 = ''",
            hash,
            "",
        ),
        Credential::Token(hash, scope) => (
            "select 1 from api_token join account on account.id = api_token.account
             where api_token.token_hash = $1 and account.id = $2 and account.role = $3 and account.disabled_at is null
                 and api_token.scope = $4",
            hash,
            scope.name(),
        ),
    };
    (sql, [hash.to_string(), who.account.to_string(), who.role.name().to_owned(), scope.to_owned()])
}

async fn holds(executor: impl On<'_>, who: Principal) -> sqlx::Result<bool> {
    let (sql, values) = question(who);
    let query = values.into_iter().fold(query(sql), |query, value| query.bind(value));
    Ok(query.fetch_optional(executor).await?.is_some())
}

async fn ask(executor: impl On<'_>, asking: Asking) -> sqlx::Result<()> {
    if holds(executor, asking.who).await? {
        return Ok(());
    }
    Err(refused(&asking))
}

fn refused(asking: &Asking) -> sqlx::Error {
    asking.refuse();
    sqlx::Error::Encode(Box::new(Withdrawn))
}

/// Whether a write failed because the caller is no longer authorised.
pub(super) fn is_withdrawn(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Encode(cause) if cause.is::<Withdrawn>())
}

/// Checks in a transaction that has just begun.
pub(super) async fn ask_in(write: &mut Connection) -> sqlx::Result<()> {
    match current() {
        Some(asking) => ask(write, asking).await,
        None => Ok(()),
    }
}

impl Store {
    /// Runs a transaction that writes, and checks in it that the caller is still authorised. Call it only from a task
    /// that is not dropped half-way (`task::owned`).
    pub(crate) async fn write_batch(&self, batch: Batch) -> Result<Vec<Found>, Failed> {
        self.check_file()?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let Some(asking) = current() else { return batch.run(&self.writer).await };
        let (sql, values) = question(asking.who);
        let holds = values.into_iter().fold(query(sql), Query::bind);
        match batch.only_if(holds).run(&self.writer).await {
            Ok(mut found) => {
                found.remove(0);
                Ok(found)
            }
            Err(Failed::Unmet(0)) => Err(refused(&asking).into()),
            Err(Failed::Unmet(step)) => Err(Failed::Unmet(step - 1)),
            Err(failed) => Err(failed),
        }
    }

    /// Checks without writing anything. The error is 401 as a problem.
    pub async fn ask_again(&self) -> sqlx::Result<()> {
        match current() {
            Some(asking) => ask(self.read(), asking).await,
            None => Ok(()),
        }
    }
}
