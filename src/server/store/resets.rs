//! Links for setting a new password.

use super::audit::Note;
use super::revocations::Revoked;
use super::sql::{query, query_scalar};
use super::{Store, audit, columns, session_ends};
use crate::model::AccountId;
use crate::server::secret::Hash;
use crate::server::times::now;

impl Store {
    /// Writes the link's hash, and replaces an earlier link.
    pub async fn add_reset(&self, account: AccountId, token: Hash, ends_at: &str, note: &Note) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query(
            "insert into password_reset (account, token_hash, ends_at, created_at) values ($1, $2, $3, $4)
             on conflict (account) do update set
                token_hash = excluded.token_hash, ends_at = excluded.ends_at, created_at = excluded.created_at",
        )
        .bind(account.to_string())
        .bind(token.to_string())
        .bind(ends_at)
        .bind(now())
        .execute(&mut *write)
        .await?;
        audit::add(&mut write, note).await?;
        write.commit().await
    }

    /// The account whose password the link sets. None: the link is unknown or expired, or its account is disabled.
    pub async fn reset(&self, token: Hash) -> sqlx::Result<Option<(AccountId, String)>> {
        let row = query(
            "select account.id, account.name from password_reset join account on account.id = password_reset.account
             where token_hash = $1 and ends_at > $2 and disabled_at is null and name is not null",
        )
        .bind(token.to_string())
        .bind(now())
        .fetch_optional(self.read())
        .await?;
        row.map(|row| Ok((columns::id(row.try_get("id")?)?, row.try_get("name")?))).transpose()
    }

    /// Until when the account's link can be used.
    pub async fn reset_of(&self, account: AccountId) -> sqlx::Result<Option<(Hash, String)>> {
        let row = query("select token_hash, ends_at from password_reset where account = $1 and ends_at > $2")
            .bind(account.to_string())
            .bind(now())
            .fetch_optional(self.read())
            .await?;
        row.map(|row| Ok((columns::hash(row.try_get("token_hash")?)?, row.try_get("ends_at")?))).transpose()
    }

    /// Uses the link: sets the password, ends all sessions, writes the log entry. None: it can no longer be used.
    pub async fn take_reset(&self, token: Hash, password: &str) -> sqlx::Result<Option<Vec<Revoked>>> {
        let mut write = self.write().await?;
        let row = query(
            "delete from password_reset where token_hash = $1 and ends_at > $2
                 and account in (select id from account where disabled_at is null)
             returning account",
        )
        .bind(token.to_string())
        .bind(now())
        .fetch_optional(&mut *write)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let account: AccountId = columns::id(row.try_get("account")?)?;
        let name: Option<String> = query_scalar("update account set password = $2 where id = $1 returning name")
            .bind(account.to_string())
            .bind(password)
            .fetch_one(&mut *write)
            .await?;
        // A person who knew the old password may have left a browser behind that counts as known.
        query("delete from known_browser where account = $1").bind(account.to_string()).execute(&mut *write).await?;
        let ended = session_ends::end_sessions(&mut write, account, None).await?;
        let name = name.unwrap_or_default();
        audit::add(&mut write, &Note::new(&name, "set a new password by a link", &name, "")).await?;
        write.commit().await?;
        Ok(Some(ended))
    }

    /// Sets a password without a link, for a command on the server's machine. As by a link, every session of the account
    /// ends, and no browser counts as known any more; an open link is void.
    pub async fn set_password(&self, account: AccountId, password: &str, note: &Note) -> sqlx::Result<Vec<Revoked>> {
        let mut write = self.write().await?;
        query("update account set password = $2 where id = $1")
            .bind(account.to_string())
            .bind(password)
            .execute(&mut *write)
            .await?;
        for forget in ["delete from known_browser where account = $1", "delete from password_reset where account = $1"]
        {
            query(forget).bind(account.to_string()).execute(&mut *write).await?;
        }
        let ended = session_ends::end_sessions(&mut write, account, None).await?;
        audit::add(&mut write, note).await?;
        write.commit().await?;
        Ok(ended)
    }
}
