//! What is withdrawn: sessions, tokens, and everything of an account. Each is written down in the same transaction, for
//! other processes on this database, which look once a second.

use super::{Store, ago, now};
use crate::model::AccountId;
use crate::server::secret::Hash;
use sqlx::{Row, SqliteConnection};
use std::time::Duration;

/// Long after every process has seen it.
const KEEP: Duration = Duration::from_secs(3_600);

/// What no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revoked {
    Session(Hash),
    Token(Hash),
    /// Whatever the account has open: its role or its limits are others now, or it is disabled or gone.
    Account(AccountId),
}

impl Revoked {
    fn columns(self) -> (&'static str, String) {
        match self {
            Self::Session(hash) => ("session", hash.to_string()),
            Self::Token(hash) => ("token", hash.to_string()),
            Self::Account(account) => ("account", account.to_string()),
        }
    }

    fn read(kind: &str, subject: &str) -> Option<Self> {
        match kind {
            "session" => Hash::parse(subject).map(Self::Session),
            "token" => Hash::parse(subject).map(Self::Token),
            "account" => subject.parse().ok().map(Self::Account),
            _ => None,
        }
    }
}

/// Writes it down. There is one writer, so the numbers are in the order of the commits.
pub(super) async fn note(write: &mut SqliteConnection, revoked: Revoked) -> sqlx::Result<()> {
    let (kind, subject) = revoked.columns();
    sqlx::query(
        "insert into revocation (seq, kind, subject, at)
         select coalesce(max(seq), 0) + 1, $1, $2, $3 from revocation",
    )
    .bind(kind)
    .bind(subject)
    .bind(now())
    .execute(write)
    .await?;
    Ok(())
}

pub(super) async fn end_session(write: &mut SqliteConnection, session: Hash) -> sqlx::Result<()> {
    sqlx::query("delete from session where token_hash = $1").bind(session.to_string()).execute(&mut *write).await?;
    note(write, Revoked::Session(session)).await
}

/// Ends the account's sessions, but for one.
pub(super) async fn end_sessions(
    write: &mut SqliteConnection,
    account: AccountId,
    but: Option<Hash>,
) -> sqlx::Result<Vec<Revoked>> {
    let rows = sqlx::query("delete from session where account = $1 and token_hash <> $2 returning token_hash")
        .bind(account.to_string())
        .bind(but.map(|hash| hash.to_string()).unwrap_or_default())
        .fetch_all(&mut *write)
        .await?;
    let mut ended = Vec::new();
    for row in rows {
        let session = Revoked::Session(super::hash(row.try_get("token_hash")?)?);
        note(write, session).await?;
        ended.push(session);
    }
    Ok(ended)
}

impl Store {
    /// Ends a session of the account. `RowNotFound` where it has none like this.
    pub async fn end_session(&self, account: AccountId, session: Hash) -> sqlx::Result<Revoked> {
        let mut write = self.write().await?;
        let ended = sqlx::query("delete from session where account = $1 and token_hash = $2")
            .bind(account.to_string())
            .bind(session.to_string())
            .execute(&mut *write)
            .await?
            .rows_affected();
        if ended == 0 {
            return Err(sqlx::Error::RowNotFound);
        }
        note(&mut write, Revoked::Session(session)).await?;
        write.commit().await?;
        Ok(Revoked::Session(session))
    }

    /// Ends all sessions of the account, but for one.
    pub async fn end_sessions(&self, account: AccountId, but: Option<Hash>) -> sqlx::Result<Vec<Revoked>> {
        let mut write = self.write().await?;
        let ended = end_sessions(&mut write, account, but).await?;
        write.commit().await?;
        Ok(ended)
    }

    /// The number of the newest entry.
    pub async fn last_revocation(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("select coalesce(max(seq), 0) from revocation").fetch_one(self.read()).await
    }

    /// What was withdrawn after the entry `seq`, with the number of the newest.
    pub async fn revocations_after(&self, seq: i64) -> sqlx::Result<(Vec<Revoked>, i64)> {
        let rows = sqlx::query("select seq, kind, subject from revocation where seq > $1 order by seq")
            .bind(seq)
            .fetch_all(self.read())
            .await?;
        let mut last = seq;
        let mut found = Vec::new();
        for row in &rows {
            last = row.try_get("seq")?;
            found.extend(Revoked::read(row.try_get("kind")?, row.try_get("subject")?));
        }
        Ok((found, last))
    }

    /// Forgets what every process has seen; the newest entry stays, since the numbers go on from it.
    pub async fn forget_revocations(&self) -> sqlx::Result<()> {
        let old = sqlx::query("select 1 from revocation where at < $1 and seq < (select max(seq) from revocation)");
        if old.bind(ago(KEEP)).fetch_optional(self.read()).await?.is_none() {
            return Ok(());
        }
        let mut write = self.write().await?;
        sqlx::query("delete from revocation where at < $1 and seq < (select max(seq) from revocation)")
            .bind(ago(KEEP))
            .execute(&mut *write)
            .await?;
        write.commit().await
    }
}
