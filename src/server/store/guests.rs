//! Guests that opened the page and left nothing: a short visit, a crawler, a program without cookies.

use super::sql::query;
use super::{Store, columns};
use crate::model::AccountId;

/// A guest that was not used since `$1`, and has no data that a user would miss.
macro_rules! unused {
    () => {
        "name is null and kind <> 'visitor' and leaving_at is null and account.created_at < $1
         and not exists (select 1 from session where session.account = account.id
                         and coalesce(session.last_used_at, session.created_at) >= $1)
         and not exists (select 1 from conversation where conversation.account = account.id)
         and not exists (select 1 from message where message.account = account.id)
         and not exists (select 1 from share where share.account = account.id)
         and not exists (select 1 from image where image.account = account.id)
         and not exists (select 1 from api_token where api_token.account = account.id)
         and not exists (select 1 from usage where usage.account = account.id)"
    };
}

impl Store {
    /// Reads `most` guests, in the order of their ids after `after`. Returns those that were not used since `since` and
    /// have no data, and the last one that was read, if any.
    pub async fn unused_guests(
        &self,
        since: &str,
        after: &str,
        most: usize,
    ) -> sqlx::Result<(Vec<AccountId>, Option<String>)> {
        let rows = query(concat!(
            "select id, (",
            unused!(),
            ") as unused from account where id > $2 and name is null and kind <> 'visitor' order by id limit $3"
        ))
        .bind(since)
        .bind(after)
        .bind(most as i64)
        .fetch_all(self.read())
        .await?;
        let mut unused = Vec::new();
        for row in &rows {
            if row.try_get::<bool>("unused")? {
                unused.push(columns::id(row.try_get("id")?)?);
            }
        }
        Ok((unused, rows.last().map(|row| row.try_get("id")).transpose()?))
    }

    /// Deletes those of these guests that are still unused. They have no conversations.
    pub async fn delete_unused_guests(&self, since: &str, guests: &[AccountId]) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        for guest in guests {
            query(concat!("delete from account where id = $2 and ", unused!()))
                .bind(since)
                .bind(guest.to_string())
                .execute(&mut *write)
                .await?;
        }
        write.commit().await
    }
}
