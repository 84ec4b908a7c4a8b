//! Accounts and the browsers that they are signed in with.

use super::{Store, now};
use crate::model::AccountId;
use sqlx::Row;

impl Store {
    /// Makes a guest account bound to a browser's token, of which only the hash is kept.
    pub async fn add_guest(&self, token_hash: &str) -> sqlx::Result<AccountId> {
        let account = AccountId::new();
        let mut write = self.write().await?;
        sqlx::query("insert into account (id, kind, created_at) values ($1, 'guest', $2)")
            .bind(account.to_string())
            .bind(now())
            .execute(&mut *write)
            .await?;
        sqlx::query("insert into session (token_hash, account, created_at) values ($1, $2, $3)")
            .bind(token_hash)
            .bind(account.to_string())
            .bind(now())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(account)
    }

    /// Whose browser this is.
    pub async fn account_of(&self, token_hash: &str) -> sqlx::Result<Option<AccountId>> {
        let row = sqlx::query("select account from session where token_hash = $1")
            .bind(token_hash)
            .fetch_optional(self.read())
            .await?;
        row.map(|row| super::id(row.get(0))).transpose()
    }
}
