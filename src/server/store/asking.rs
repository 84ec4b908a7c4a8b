//! Whether the caller is still authorised: checked in the transaction that writes, so that a withdrawal before it
//! counts.

use super::Store;
use super::sql::Connection;
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::principal::asking::{Asking, current};
use sqlx::SqliteExecutor;

/// The error where the caller's right was withdrawn before the write.
#[derive(Debug, thiserror::Error)]
#[error("who asks may not any more")]
struct Withdrawn;

async fn holds(executor: impl SqliteExecutor<'_>, who: Principal) -> sqlx::Result<bool> {
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
    /// Checks without writing anything. The error is 401 as a problem.
    pub async fn ask_again(&self) -> sqlx::Result<()> {
        match current() {
            Some(asking) => ask(self.read(), asking).await,
            None => Ok(()),
        }
    }
}
