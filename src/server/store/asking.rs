//! Whether who asks still may: asked in the transaction that writes, so that what was withdrawn before it is refused.

use super::Store;
use crate::server::principal::asking::{Asking, current};
use crate::server::principal::{By, Who};
use sqlx::{SqliteConnection, SqliteExecutor};

/// What was withdrawn before something was written.
#[derive(Debug, thiserror::Error)]
#[error("who asks may not any more")]
struct Withdrawn;

async fn holds(executor: impl SqliteExecutor<'_>, who: Who) -> sqlx::Result<bool> {
    let (sql, hash, scope) = match who.by {
        By::Session(hash) => (
            "select 1 from session join account on account.id = session.account
             where session.token_hash = $1 and account.id = $2 and account.role = $3 and account.disabled_at is null
                 and $4 = ''",
            hash,
            "",
        ),
        By::Token(hash, scope) => (
            "select 1 from api_token join account on account.id = api_token.account
             where api_token.token_hash = $1 and account.id = $2 and account.role = $3 and account.disabled_at is null
                 and api_token.scope = $4",
            hash,
            scope.name(),
        ),
    };
    let query = sqlx::query(sql).bind(hash.to_string()).bind(who.account.to_string());
    Ok(query.bind(who.role.name()).bind(scope).fetch_optional(executor).await?.is_some())
}

async fn ask(executor: impl SqliteExecutor<'_>, asking: Asking) -> sqlx::Result<()> {
    if holds(executor, asking.who).await? {
        return Ok(());
    }
    asking.refuse();
    Err(sqlx::Error::Encode(Box::new(Withdrawn)))
}

/// Whether a write failed because who asks may not any more.
pub(super) fn is_withdrawn(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Encode(cause) if cause.is::<Withdrawn>())
}

/// Asks in a transaction that has just begun.
pub(super) async fn ask_in(write: &mut SqliteConnection) -> sqlx::Result<()> {
    match current() {
        Some(asking) => ask(write, asking).await,
        None => Ok(()),
    }
}

impl Store {
    /// Asks again without writing anything. The error is 401 as a problem.
    pub async fn ask_again(&self) -> sqlx::Result<()> {
        match current() {
            Some(asking) => ask(self.read(), asking).await,
            None => Ok(()),
        }
    }
}
