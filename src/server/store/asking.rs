//! Who asks for what is written. Whoever sent a request was named when its body was there; between that and the write there
//! may be a queue. So each write of a request begins by asking once more, inside its transaction: what was withdrawn until
//! then is refused, at every door, and no door can forget it.
//!
//! It is bound to the task (`server::owned` hands it on), because every function between a door and the store would have to
//! carry it otherwise. What the server does by itself, in tasks of its own, is asked by nobody.

use super::Store;
use crate::model::AccountId;
use crate::server::accounts::{Role, Scope};
use crate::server::journal::lock;
use crate::server::secret::Hash;
use sqlx::SqliteExecutor;
use std::sync::{Arc, Mutex};

tokio::task_local! {
    static ASKING: Option<Asking>;
}

/// What somebody was let in by.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    Session(Hash),
    Token(Hash, Scope),
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asking {
    account: AccountId,
    role: Role,
    key: Key,
    refused: Arc<Mutex<bool>>,
}

/// What was withdrawn before it was written.
#[derive(Debug, thiserror::Error)]
#[error("who asked may not any more")]
struct Withdrawn;

impl Asking {
    pub fn new(account: AccountId, role: Role, key: Key) -> Self {
        Self { account, role, key, refused: Arc::default() }
    }

    /// Whether something was not written because what let them in was withdrawn.
    pub fn is_refused(&self) -> bool {
        *lock(&self.refused)
    }

    async fn holds(&self, executor: impl SqliteExecutor<'_>) -> sqlx::Result<bool> {
        let (sql, hash, scope) = match self.key {
            Key::Session(hash) => (
                "select 1 from session join account on account.id = session.account
                 where session.token_hash = $1 and account.id = $2 and account.role = $3 and account.disabled_at is null
                     and $4 = ''",
                hash,
                "",
            ),
            Key::Token(hash, scope) => (
                "select 1 from api_token join account on account.id = api_token.account
                 where api_token.token_hash = $1 and account.id = $2 and account.role = $3 and account.disabled_at is null
                     and api_token.scope = $4",
                hash,
                scope.name(),
            ),
        };
        let query = sqlx::query(sql).bind(hash.to_string()).bind(self.account.to_string());
        let found = query.bind(self.role.name()).bind(scope).fetch_optional(executor).await?;
        Ok(found.is_some())
    }

    async fn ask(&self, executor: impl SqliteExecutor<'_>) -> sqlx::Result<()> {
        if self.holds(executor).await? {
            return Ok(());
        }
        *lock(&self.refused) = true;
        Err(sqlx::Error::Encode(Box::new(Withdrawn)))
    }
}

/// Does `work` in this name.
pub async fn with<T>(asking: Option<Asking>, work: impl Future<Output = T>) -> T {
    ASKING.scope(asking, work).await
}

/// In whose name this task works.
pub fn current() -> Option<Asking> {
    ASKING.try_with(Clone::clone).ok().flatten()
}

/// Whether a write failed because who asked may not any more.
pub(super) fn is_withdrawn(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Encode(cause) if cause.is::<Withdrawn>())
}

/// Asks in a transaction that has just begun.
pub(super) async fn ask(write: &mut sqlx::SqliteConnection) -> sqlx::Result<()> {
    match current() {
        Some(asking) => asking.ask(write).await,
        None => Ok(()),
    }
}

impl Store {
    /// Asks again without writing anything.
    pub async fn ask_again(&self) -> sqlx::Result<()> {
        match current() {
            Some(asking) => asking.ask(self.read()).await,
            None => Ok(()),
        }
    }
}
