//! The end of sessions: each is deleted and its revocation written in one transaction.

use super::audit::{self, Note};
use super::merging::merge;
use super::news::News;
use super::revocations::{Revoked, note};
use super::sql::{Row, query};
use super::write::Alone;
use super::{Store, columns};
use crate::model::AccountId;
use crate::server::secret::Hash;

/// Ends a session that another one replaces. Returns its account, and the guest whose conversations that account has
/// not been asked about.
pub(super) async fn end_session(write: &mut Alone, session: Hash) -> sqlx::Result<Option<(AccountId, AccountId)>> {
    let row = query("delete from session where token_hash = $1 returning account, guest")
        .bind(session.to_string())
        .fetch_optional(&mut *write)
        .await?;
    note(write, Revoked::Session(session)).await?;
    let Some(row) = row else { return Ok(None) };
    let guest: Option<&str> = row.try_get("guest")?;
    guest.map(|guest| Ok((columns::id(row.try_get("account")?)?, columns::id(guest)?))).transpose()
}

/// The revocation of a session whose row is deleted: its account can no longer be asked about the guest that it pointed
/// to, so the account keeps the guest's data.
async fn ended(write: &mut Alone, row: &Row) -> sqlx::Result<Revoked> {
    let session = Revoked::Session(columns::hash(row.try_get("token_hash")?)?);
    if let Some(guest) = row.try_get::<Option<&str>>("guest")? {
        merge(write, columns::id(guest)?, columns::id(row.try_get("account")?)?).await?;
    }
    note(write, session).await?;
    Ok(session)
}

/// Ends the account's sessions, except one.
pub(super) async fn end_sessions(
    write: &mut Alone,
    account: AccountId,
    but: Option<Hash>,
) -> sqlx::Result<Vec<Revoked>> {
    let rows =
        query("delete from session where account = $1 and token_hash <> $2 returning token_hash, account, guest")
            .bind(account.to_string())
            .bind(but.map(|hash| hash.to_string()).unwrap_or_default())
            .fetch_all(&mut *write)
            .await?;
    all_ended(write, &rows).await
}

pub(super) async fn all_ended(write: &mut Alone, rows: &[Row]) -> sqlx::Result<Vec<Revoked>> {
    let mut revoked = Vec::new();
    for row in rows {
        revoked.push(ended(write, row).await?);
    }
    Ok(revoked)
}

impl Store {
    /// Ends a session of the account. `RowNotFound` where it has no such session.
    pub async fn end_session(&self, account: AccountId, session: Hash, note: Option<&Note>) -> sqlx::Result<Revoked> {
        // It may leave a guest's conversations to its account.
        let mut write = self.write_telling(&[News::Account(account)]).await?;
        let row =
            query("delete from session where account = $1 and token_hash = $2 returning token_hash, account, guest")
                .bind(account.to_string())
                .bind(session.to_string())
                .fetch_one(&mut *write)
                .await?;
        let revoked = ended(&mut write, &row).await?;
        if let Some(note) = note {
            audit::add(&mut write, note).await?;
        }
        write.commit().await?;
        Ok(revoked)
    }

    /// Ends all sessions of the account, except one.
    pub async fn end_sessions(&self, account: AccountId, but: Option<Hash>) -> sqlx::Result<Vec<Revoked>> {
        let mut write = self.write_telling(&[News::Account(account)]).await?;
        let ended = end_sessions(&mut write, account, but).await?;
        write.commit().await?;
        Ok(ended)
    }
}
