//! Who changed what of whom, and what admins have set.

use super::{Store, now};
use sqlx::Row;

/// An entry of the audit log. All of it is text for people.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: String,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: String,
}

/// Entries on one page.
pub const PAGE: i64 = 100;

impl Store {
    pub async fn note(&self, actor: &str, action: &str, subject: &str, detail: &str) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        sqlx::query("insert into audit (id, at, actor, action, subject, detail) values ($1, $2, $3, $4, $5, $6)")
            .bind(uuid::Uuid::now_v7().to_string())
            .bind(now())
            .bind(actor)
            .bind(action)
            .bind(subject)
            .bind(detail)
            .execute(&mut *write)
            .await?;
        write.commit().await
    }

    /// A page of the log, the newest first, from behind the entry `before`; with the id to go on before, where there are more.
    pub async fn audit(&self, before: Option<&str>) -> sqlx::Result<(Vec<Entry>, Option<String>)> {
        let rows = sqlx::query("select * from audit where id < $1 order by id desc limit $2")
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
            })
        });
        let last = shown.last().filter(|_| more).map(|row| row.try_get("id")).transpose()?;
        Ok((read.collect::<sqlx::Result<_>>()?, last))
    }

    /// What admins have set; none: as the server was started.
    pub async fn setting(&self, name: &str) -> sqlx::Result<Option<String>> {
        sqlx::query_scalar("select value from setting where name = $1").bind(name).fetch_optional(self.read()).await
    }

    /// What is set; `value` from now on where nothing was. Two processes that ask at once get the same.
    pub async fn first_setting(&self, name: &str, value: &str) -> sqlx::Result<String> {
        let mut write = self.write().await?;
        sqlx::query("insert into setting (name, value) values ($1, $2) on conflict (name) do nothing")
            .bind(name)
            .bind(value)
            .execute(&mut *write)
            .await?;
        let kept =
            sqlx::query_scalar("select value from setting where name = $1").bind(name).fetch_one(&mut *write).await?;
        write.commit().await?;
        Ok(kept)
    }

    pub async fn set_setting(&self, name: &str, value: &str) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        sqlx::query("insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = $2")
            .bind(name)
            .bind(value)
            .execute(&mut *write)
            .await?;
        write.commit().await
    }
}
