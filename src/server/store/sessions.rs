//! Sessions: the browsers that accounts are signed in with, and the browsers that were.

use super::revocations::Revoked;
use super::sql::batch::Batch;
use super::sql::{Connection, Key, Lock, Row, query};
use super::{Store, columns};
use crate::model::AccountId;
use crate::server::principal::Role;
use crate::server::secret::Hash;
use crate::server::times::{ago, now};
use std::time::Duration;

/// The time of the last use is written at most once in this time: a page is a dozen requests.
pub(super) const USE_STEP: Duration = Duration::from_secs(60);

/// A session that is unused for this long ends: its browser was abandoned, or sold. A guest's does not end, because it is
/// the only way to the guest's data.
const UNUSED: Duration = Duration::from_secs(90 * 86_400);

/// Whether [`END_UNUSED`] or [`FORGET_UNUSED`] would find anything: this runs every minute, and mostly finds nothing.
pub(crate) const ANY_UNUSED: &str = "select 1 where exists (select 1 from known_browser where created_at < $1)
     or exists (select 1 from session join account on account.id = session.account
                where coalesce(session.last_used_at, session.created_at) < $1 and account.name is not null)";
pub(crate) const END_UNUSED: &str = "delete from session where coalesce(last_used_at, created_at) < $1
     and exists (select 1 from account where account.id = session.account and account.name is not null)
     returning token_hash, account, guest";
pub(crate) const FORGET_UNUSED: &str = "delete from known_browser where created_at < $1";

/// The account of a session or a token.
#[derive(Clone, Debug)]
pub struct Holder {
    pub account: AccountId,
    pub is_guest: bool,
    pub role: Role,
    /// Whether the stored last use is so old that it is to be written again.
    pub stale: bool,
}

/// A session as its account sees it.
#[derive(Clone, Debug)]
pub struct Session {
    pub hash: Hash,
    pub device: String,
    pub created_at: String,
    pub last_used_at: String,
}

pub(super) async fn add(
    write: &mut Connection,
    account: AccountId,
    session: Hash,
    device: &str,
    guest: Option<AccountId>,
) -> sqlx::Result<()> {
    query(
        "insert into session (token_hash, account, created_at, device, last_used_at, guest)
         values ($1, $2, $3, $4, $3, $5)",
    )
    .bind(session.to_string())
    .bind(account.to_string())
    .bind(now())
    .bind(device)
    .bind(guest.map(|guest| guest.to_string()))
    .execute(write)
    .await?;
    Ok(())
}

pub(super) fn holder(row: &Row) -> sqlx::Result<Holder> {
    let used: &str = row.try_get("last_used_at")?;
    Ok(Holder {
        account: columns::id(row.try_get("account")?)?,
        is_guest: row.try_get::<Option<&str>>("name")?.is_none(),
        role: Role::of(row.try_get("role")?),
        stale: used < ago(USE_STEP).as_str(),
    })
}

impl Store {
    /// The account of this session. None too where the account is disabled, and where the session was unused for too
    /// long, whether it was swept or not: in a database restored from a backup it was not.
    pub async fn session(&self, session: Hash) -> sqlx::Result<Option<Holder>> {
        let row = query(
            "select session.account, account.name, account.role,
                    coalesce(session.last_used_at, session.created_at) as last_used_at
             from session join account on account.id = session.account
             where session.token_hash = $1 and account.disabled_at is null
                and (account.name is null or coalesce(session.last_used_at, session.created_at) >= $2)",
        )
        .bind(session.to_string())
        .bind(ago(UNUSED))
        .fetch_optional(self.read())
        .await?;
        row.as_ref().map(holder).transpose()
    }

    /// Begins a session, and replaces `before`. `guest` is the guest whose conversations the account is still to be
    /// asked about; without one, those that `before` was to ask this account about. What it was to ask another account
    /// about stays with that one. `false`, and nothing happens, where the account is disabled, or its password is no
    /// longer the one that was verified.
    pub async fn add_session(
        &self,
        account: AccountId,
        session: Hash,
        device: &str,
        before: Option<Hash>,
        guest: Option<AccountId>,
        verified: Option<&str>,
    ) -> sqlx::Result<bool> {
        let mut write = self.write().await?;
        let may =
            query("select 1 from account where id = $1 and disabled_at is null and ($2 is null or password = $2)")
                .bind(account.to_string())
                .bind(verified)
                .fetch_optional(&mut *write)
                .await?;
        if may.is_none() {
            return Ok(false);
        }
        let left = match before {
            Some(before) => super::session_ends::end_session(&mut write, before).await?,
            None => None,
        };
        let guest = match left {
            Some((owner, left)) if owner == account && guest.is_none() => Some(left),
            Some((owner, left)) => {
                crate::server::store::merging::merge(&mut write, left, owner).await?;
                guest
            }
            None => guest,
        };
        add(&mut write, account, session, device, guest).await?;
        write.commit().await?;
        Ok(true)
    }

    pub async fn touch_session(&self, session: Hash) -> sqlx::Result<()> {
        let touch =
            query("update session set last_used_at = $2 where token_hash = $1 and coalesce(last_used_at, '') < $3");
        let touch = touch.bind(session.to_string()).bind(now()).bind(ago(USE_STEP));
        self.write_batch(Batch::write(Lock::None).then(touch)).await?;
        Ok(())
    }

    /// The account's sessions, the one used last first.
    pub async fn sessions(&self, account: AccountId) -> sqlx::Result<Vec<Session>> {
        let rows = query(
            "select token_hash, device, session.created_at, coalesce(last_used_at, session.created_at) as last_used_at
             from session join account on account.id = session.account
             where account = $1 and (account.name is null or coalesce(last_used_at, session.created_at) >= $2)
             order by 4 desc, 1",
        )
        .bind(account.to_string())
        .bind(ago(UNUSED))
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            Ok(Session {
                hash: columns::hash(row.try_get("token_hash")?)?,
                device: row.try_get("device")?,
                created_at: row.try_get("created_at")?,
                last_used_at: row.try_get("last_used_at")?,
            })
        });
        read.collect()
    }

    /// The account's session whose hash begins with these eight bytes, in hexadecimal.
    pub async fn session_that_begins(&self, account: AccountId, beginning: &str) -> sqlx::Result<Option<Hash>> {
        let row = query("select token_hash from session where account = $1 and substr(token_hash, 1, 16) = $2")
            .bind(account.to_string())
            .bind(beginning)
            .fetch_optional(self.read())
            .await?;
        row.map(|row| columns::hash(row.try_get("token_hash")?)).transpose()
    }

    /// The guest whose conversations the session's account is still to be asked about. A guest that has signed up
    /// meanwhile does not count: its conversations are its own.
    pub async fn guest_of(&self, session: Hash) -> sqlx::Result<Option<AccountId>> {
        let row = query(
            "select guest from session join account on account.id = session.guest
             where session.token_hash = $1 and account.name is null",
        )
        .bind(session.to_string())
        .fetch_optional(self.read())
        .await?;
        row.map(|row| columns::id(row.try_get("guest")?)).transpose()
    }

    /// Whether the account has been signed in to with this browser before.
    pub async fn knows_browser(&self, name_key: &str, browser: Hash) -> sqlx::Result<bool> {
        let row = query(
            "select 1 from known_browser join account on account.id = known_browser.account
             where known_browser.token_hash = $1 and account.name_key = $2 and known_browser.created_at >= $3",
        )
        .bind(browser.to_string())
        .bind(name_key)
        .bind(ago(UNUSED))
        .fetch_optional(self.read())
        .await?;
        Ok(row.is_some())
    }

    /// Remembers the browser from now on, for as long as an unused session lasts.
    pub async fn know_browser(&self, account: AccountId, browser: Hash) -> sqlx::Result<()> {
        let know = query(
            "insert into known_browser (token_hash, account, created_at) values ($1, $2, $3)
             on conflict (token_hash, account) do update set created_at = excluded.created_at",
        );
        let know = know.bind(browser.to_string()).bind(account.to_string()).bind(now());
        self.write_batch(Batch::write(Lock::Beside(&[Key::Account(account)])).then(know)).await?;
        Ok(())
    }

    /// Ends the sessions of named accounts that were unused for too long, and forgets the browsers that were not signed
    /// in with for as long.
    pub async fn end_unused_sessions(&self) -> sqlx::Result<Vec<Revoked>> {
        let old = ago(UNUSED);
        if query(ANY_UNUSED).bind(&old).fetch_optional(self.read()).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut write = self.write().await?;
        let rows = query(END_UNUSED).bind(&old).fetch_all(&mut *write).await?;
        let revoked = super::session_ends::all_ended(&mut write, &rows).await?;
        query(FORGET_UNUSED).bind(&old).execute(&mut *write).await?;
        write.commit().await?;
        Ok(revoked)
    }
}
