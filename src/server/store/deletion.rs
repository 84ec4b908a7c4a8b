//! Deletion of accounts. First all access is withdrawn, in one transaction; then the account's data is deleted in steps
//! that block no other write; the account itself goes last. Any process that finds a deletion half done continues it.

use super::audit::Note;
use super::desk::changes::release_all;
use super::revocations::Revoked;
use super::search::index;
use super::sql::{query, query_scalar};
use super::{Store, audit, columns, images, people, used};
use crate::model::AccountId;
use crate::server::sync::lock;
use crate::server::times::now;
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Who deletes an account.
#[derive(Clone, Copy)]
pub enum Deletes<'a> {
    Itself,
    Admin(&'a str),
}

/// How much data an account has, for the page that confirms its deletion.
#[derive(Clone, Copy, Debug)]
pub struct Holdings {
    pub conversations: i64,
    pub images: i64,
    pub tokens: i64,
    pub sessions: i64,
}

impl Store {
    pub async fn holdings(&self, account: AccountId) -> sqlx::Result<Holdings> {
        let row = query(
            "select (select count(*) from conversation where account = $1 and leaving_at is null) as conversations,
                    (select count(*) from image where account = $1) as images,
                    (select count(*) from api_token where account = $1) as tokens,
                    (select count(*) from session where account = $1) as sessions",
        )
        .bind(account.to_string())
        .fetch_one(self.read())
        .await?;
        let (conversations, images) = (row.try_get("conversations")?, row.try_get("images")?);
        Ok(Holdings { conversations, images, tokens: row.try_get("tokens")?, sessions: row.try_get("sessions")? })
    }

    /// Takes the account out of use for good, and logs the deletion: in the log it has no name any more. None, and
    /// nothing happens, where no admin would be left. `RowNotFound` where it is already deleted.
    pub async fn begin_deletion(&self, id: AccountId, by: Deletes<'_>) -> sqlx::Result<Option<Vec<Revoked>>> {
        let mut write = self.write().await?;
        let row = query("select name, leaving_at from account where id = $1")
            .bind(id.to_string())
            .fetch_one(&mut *write)
            .await?;
        if row.try_get::<Option<&str>>("leaving_at")?.is_some() {
            return Ok(Some(Vec::new()));
        }
        let set = query(
            "update account set disabled_at = coalesce(disabled_at, $2), leaving_at = $2, password = null where id = $1
                 and (role <> 'admin' or disabled_at is not null
                      or exists (select 1 from account other
                                 where other.id <> $1 and other.role = 'admin' and other.disabled_at is null))",
        )
        .bind(id.to_string())
        .bind(now())
        .execute(&mut *write)
        .await?;
        if set.rows_affected() == 0 {
            return Ok(None);
        }
        let ended = people::end_all(&mut write, id).await?;
        release_all(&mut write, id, None).await?;
        index::forget_all_of(&mut write, id).await?;
        let unnamed = unnamed(id);
        if let Some(name) = row.try_get::<Option<&str>>("name")? {
            audit::unname(&mut write, id, name, &unnamed).await?;
        }
        let note = match by {
            Deletes::Itself => Note::new(&unnamed, "deleted itself", "", ""),
            Deletes::Admin(name) => Note::new(name, "deleted", &unnamed, ""),
        };
        audit::add(&mut write, &note).await?;
        write.commit().await?;
        Ok(Some(ended))
    }

    /// Deletes the rest of the account. Its usage is added to the total of deleted accounts; what it wrote in other
    /// users' conversations stays, without a name and without its images.
    pub async fn finish_deletion(&self, id: AccountId) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query(
            "insert into usage_of_deleted (day, model, input_tokens, output_tokens, replies, estimated, cost_micros)
             select day, model, input_tokens, output_tokens, replies, estimated, cost_micros
             from usage join account on account.id = usage.account
             where account.id = $1 and leaving_at is not null
             on conflict (day, model) do update set
                input_tokens = usage_of_deleted.input_tokens + excluded.input_tokens,
                output_tokens = usage_of_deleted.output_tokens + excluded.output_tokens,
                replies = usage_of_deleted.replies + excluded.replies,
                estimated = usage_of_deleted.estimated + excluded.estimated,
                cost_micros = coalesce(usage_of_deleted.cost_micros + excluded.cost_micros, excluded.cost_micros,
                                       usage_of_deleted.cost_micros)",
        )
        .bind(id.to_string())
        .execute(&mut *write)
        .await?;
        let pictures: Vec<String> = query_scalar("select distinct picture from image where account = $1")
            .bind(id.to_string())
            .fetch_all(&mut *write)
            .await?;
        images::take_out(&mut write, id).await?;
        let leaving = query("select 1 from account where id = $1 and leaving_at is not null").bind(id.to_string());
        if leaving.fetch_optional(&mut *write).await?.is_none() {
            return Ok(());
        }
        used::delete_all_of(&mut write, id).await?;
        release_all(&mut write, id, None).await?;
        query("delete from account where id = $1").bind(id.to_string()).execute(&mut *write).await?;
        images::delete_unused(&mut write, &pictures).await?;
        write.commit().await?;
        self.log.set_due(true);
        Ok(())
    }

    /// The accounts whose deletion has begun.
    pub async fn leaving(&self) -> sqlx::Result<Vec<AccountId>> {
        let ids: Vec<String> =
            query_scalar("select id from account where leaving_at is not null").fetch_all(self.read()).await?;
        ids.iter().map(|id| columns::id(id)).collect()
    }

    /// Notes that something was deleted whose pages may still be in the write-ahead log.
    pub(super) fn is_in_old_log(&self) {
        self.log.set_due(true);
    }

    /// Folds the write-ahead log into the file and empties it, where it holds pages from before they were overwritten.
    /// Where others read concurrently it stays due, and is retried after a minute, or at shutdown. Call it only from a
    /// task that is not dropped half-way.
    pub async fn empty_log(&self) -> sqlx::Result<()> {
        // PostgreSQL's own log is cut by itself, and what backups keep of it is not ours.
        let Some(sqlite) = &self.sqlite else { return Ok(()) };
        if !self.log.take_turn() {
            return Ok(());
        }
        if sqlite.write_ahead.empty().await? {
            self.log.set_due(false);
        }
        Ok(())
    }
}

/// The shortest interval at which the log is emptied: the writer waits for that, and any user can delete something.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Whether the write-ahead log still holds what was deleted.
#[derive(Default)]
pub(super) struct OldLog(Mutex<Old>);

#[derive(Default)]
struct Old {
    is_due: bool,
    tried: Option<Instant>,
}

impl OldLog {
    fn set_due(&self, is_due: bool) {
        lock(&self.0).is_due = is_due;
    }

    fn take_turn(&self) -> bool {
        let mut old = lock(&self.0);
        let may = old.is_due && old.tried.is_none_or(|tried| LOG_EVERY <= tried.elapsed());
        if may {
            old.tried = Some(Instant::now());
        }
        may
    }
}

/// An account's name in the log after its deletion: it does not identify the person, but differs between accounts.
fn unnamed(id: AccountId) -> String {
    format!("deleted account {}", &id.to_string()[24..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn the_log_is_emptied_once_a_minute_and_only_where_something_was_deleted() {
        let log = OldLog::default();
        assert!(!log.take_turn());
        log.set_due(true);
        assert!(log.take_turn());
        assert!(!log.take_turn(), "it did not work, and is tried again later");
        log.set_due(false);
        advance(LOG_EVERY).await;
        assert!(!log.take_turn());
        log.set_due(true);
        assert!(log.take_turn());
    }
}
