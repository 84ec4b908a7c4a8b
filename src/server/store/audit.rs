//! The audit log: who changed what for whom; and the admins' settings.

use super::Store;
use super::columns_of::columns;
use super::sql::{Connection, query, query_scalar};
use crate::model::AccountId;
use crate::server::principal::Name;
use crate::server::times::now;
use uuid::{NoContext, Timestamp, Uuid};

/// An entry of the audit log. All of it is text for people.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: String,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
    /// Repeated events within an hour are one entry.
    pub times: i64,
}

/// Entries on one page.
pub const PAGE: i64 = 100;
/// An event that is repeated within this time is counted in the existing entry.
const SAME_SECONDS: i64 = 3_600;

/// A new entry. It is written in the transaction of the change that it describes, so that the log has all changes and
/// only changes that were made.
#[derive(Clone, Debug)]
pub struct Note {
    actor: String,
    action: &'static str,
    subject: String,
    detail: String,
}

impl Note {
    pub fn new(actor: &str, action: &'static str, subject: &str, detail: &str) -> Self {
        Self { actor: actor.into(), action, subject: subject.into(), detail: detail.into() }
    }
}

/// Adds an entry along with what it is about.
pub(super) async fn add(write: &mut Connection, note: &Note) -> sqlx::Result<()> {
    query("insert into audit (id, at, actor, action, subject, detail) values ($1, $2, $3, $4, $5, $6)")
        .bind(Uuid::now_v7().to_string())
        .bind(now())
        .bind(&note.actor)
        .bind(note.action)
        .bind(&note.subject)
        .bind(&note.detail)
        .execute(write)
        .await?;
    Ok(())
}

/// Removes an account's names from the log: its present name and earlier ones. A name that another account has now
/// stays: the entries of the two cannot be told apart.
pub(super) async fn unname(write: &mut Connection, account: AccountId, name: &str, unnamed: &str) -> sqlx::Result<()> {
    for name in names(&mut *write, name).await? {
        if !is_anothers(&mut *write, account, &name).await? {
            replace(&mut *write, &name, unnamed).await?;
        }
    }
    Ok(())
}

/// The earlier names of the account that has this name, as far as the log knows.
async fn names(write: &mut Connection, name: &str) -> sqlx::Result<Vec<String>> {
    let renamed = query("select subject, detail from audit where action = $1 order by id desc")
        .bind(RENAMED)
        .fetch_all(write)
        .await?;
    let mut current = name.to_owned();
    let mut names = vec![name.to_owned()];
    for row in &renamed {
        let (former, new): (String, String) = (row.try_get("subject")?, row.try_get("detail")?);
        if new == current {
            names.push(former.clone());
            current = former;
        } else if former == current {
            // Another account gave the name up before it was chosen here.
            break;
        }
    }
    Ok(names)
}

async fn is_anothers(write: &mut Connection, account: AccountId, name: &str) -> sqlx::Result<bool> {
    let Ok(name) = Name::parse(name) else { return Ok(false) };
    let row = query("select 1 from account where name_key = $1 and id <> $2")
        .bind(name.key())
        .bind(account.to_string())
        .fetch_optional(write)
        .await?;
    Ok(row.is_some())
}

async fn replace(write: &mut Connection, name: &str, unnamed: &str) -> sqlx::Result<()> {
    for column in ["update audit set actor = $2 where actor = $1", "update audit set subject = $2 where subject = $1"] {
        query(column).bind(name).bind(unnamed).execute(&mut *write).await?;
    }
    // An account's former name stands beside its new one.
    query("update audit set detail = $2 where detail = $1 and action = $3")
        .bind(name)
        .bind(unnamed)
        .bind(RENAMED)
        .execute(&mut *write)
        .await?;
    Ok(())
}

/// The entry for a rename: the former name is its subject, the new one its detail.
pub const RENAMED: &str = "renamed";

impl Store {
    /// Logs an event that changed nothing, and may happen often: a repeat within the hour is counted in the existing
    /// entry.
    pub async fn note_again(&self, note: &Note) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        let since = jiff::Timestamp::now().as_second() - SAME_SECONDS;
        // Ids sort by time.
        let since = Uuid::new_v7(Timestamp::from_unix(NoContext, since.unsigned_abs(), 0));
        let counted = query(
            "update audit set times = times + 1
             where id = (select id from audit where id > $1 and actor = $2 and action = $3 and subject = $4 and detail = $5
                         order by id desc limit 1)",
        )
        .bind(since.to_string())
        .bind(&note.actor)
        .bind(note.action)
        .bind(&note.subject)
        .bind(&note.detail)
        .execute(&mut *write)
        .await?
        .rows_affected();
        if counted == 0 {
            add(&mut write, note).await?;
        }
        write.commit().await
    }

    /// A page of the log, newest first, after the entry `before`; with the id of the next page, where there is one.
    pub async fn audit(&self, before: Option<&str>) -> sqlx::Result<(Vec<Entry>, Option<String>)> {
        let rows = query(concat!("select ", columns!(audit), " from audit where id < $1 order by id desc limit $2"))
            // Every id sorts before this one.
            .bind(before.unwrap_or("g"))
            .bind(PAGE + 1)
            .fetch_all(self.read())
            .await?;
        let shown = &rows[..rows.len().min(PAGE as usize)];
        let more = shown.len() < rows.len();
        let read = shown.iter().map(|row| {
            Ok(Entry {
                at: row.try_get("at")?,
                actor: row.try_get("actor")?,
                action: row.try_get("action")?,
                subject: row.try_get("subject")?,
                detail: row.try_get("detail")?,
                times: row.try_get("times")?,
            })
        });
        let last = shown.last().filter(|_| more).map(|row| row.try_get("id")).transpose()?;
        Ok((read.collect::<sqlx::Result<_>>()?, last))
    }

    /// The value that admins have set; none: as the server was started.
    pub async fn setting(&self, name: &str) -> sqlx::Result<Option<String>> {
        query_scalar("select value from setting where name = $1").bind(name).fetch_optional(self.read()).await
    }

    /// The stored value; `value` from now on where there was none. Two concurrent processes get one result.
    pub async fn first_setting(&self, name: &str, value: &str) -> sqlx::Result<String> {
        let mut write = self.write().await?;
        query("insert into setting (name, value) values ($1, $2) on conflict (name) do nothing")
            .bind(name)
            .bind(value)
            .execute(&mut *write)
            .await?;
        let kept = query_scalar("select value from setting where name = $1").bind(name).fetch_one(&mut *write).await?;
        write.commit().await?;
        Ok(kept)
    }

    pub async fn set_setting(&self, name: &str, value: &str, note: &Note) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query("insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = $2")
            .bind(name)
            .bind(value)
            .execute(&mut *write)
            .await?;
        add(&mut write, note).await?;
        write.commit().await
    }
}
