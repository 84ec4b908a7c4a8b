//! What is deleted of sites by itself: conversations whose time is over, visitors who have none, sites that are leaving.

use super::visitors::RECOGNISED;
use crate::model::{AccountId, ConversationId, SiteId};
use crate::server::store::Store;
use crate::server::store::columns::id;
use crate::server::store::sql::query;
use crate::server::times::ago;
use std::time::Duration;

/// A visitor without a conversation is kept as long: the first message may be under way.
const UNUSED: Duration = Duration::from_secs(86_400);

impl Store {
    /// Up to `limit` conversations of sites that are to be deleted, with their accounts.
    pub async fn outlived(&self, limit: i64) -> sqlx::Result<Vec<(AccountId, ConversationId)>> {
        let sites = query("select id, retention_days, leaving_at from site where retention_days is not null or leaving_at is not null")
            .fetch_all(self.read())
            .await?;
        let mut found = Vec::new();
        for site in &sites {
            let before =
                match (site.try_get::<Option<&str>>("leaving_at")?, site.try_get::<Option<i64>>("retention_days")?) {
                    (Some(_), _) => "9999".to_owned(),
                    (None, Some(days)) => ago(Duration::from_secs(days.max(1).unsigned_abs().saturating_mul(86_400))),
                    (None, None) => continue,
                };
            let rows = query(
                "select conversation.id, conversation.account from assignment
                 join conversation on conversation.id = assignment.conversation
                 where assignment.site = $1 and assignment.last_at < $2 limit $3",
            )
            .bind(site.try_get::<String>("id")?)
            .bind(before)
            .bind(limit)
            .fetch_all(self.read())
            .await?;
            for row in &rows {
                found.push((id(row.try_get("account")?)?, id(row.try_get("id")?)?));
            }
        }
        Ok(found)
    }

    /// Deletes visitors who have no conversation and whom nobody is recognised by any more, and the sites that are empty.
    pub async fn sweep_visitors(&self) -> sqlx::Result<()> {
        let any = query(
            "select 1 from visitor where visitor.created_at < $1
                 and not exists (select 1 from assignment where assignment.visitor = visitor.id)
             union all select 1 from visitor_token where last_used_at < $2
             union all select 1 from site where leaving_at is not null",
        );
        if any.bind(ago(UNUSED)).bind(ago(RECOGNISED)).fetch_optional(self.read()).await?.is_none() {
            return Ok(());
        }
        let mut write = self.write().await?;
        query("delete from visitor_token where last_used_at < $1").bind(ago(RECOGNISED)).execute(&mut *write).await?;
        // With the account goes the visitor. One who has a name since keeps the account.
        query(
            "delete from account where kind = 'visitor' and id in (
                 select visitor.account from visitor join site on site.id = visitor.site
                 where (visitor.created_at < $1 or site.leaving_at is not null)
                     and not exists (select 1 from assignment where assignment.visitor = visitor.id)
                     and not exists (select 1 from conversation where conversation.account = visitor.account))",
        )
        .bind(ago(UNUSED))
        .execute(&mut *write)
        .await?;
        query(
            "delete from site where leaving_at is not null
                 and not exists (select 1 from conversation where conversation.site = site.id)
                 and not exists (select 1 from visitor where visitor.site = site.id)",
        )
        .execute(&mut *write)
        .await?;
        write.commit().await
    }

    /// Whether the site still has something to be deleted.
    pub async fn is_site_kept(&self, site: SiteId) -> sqlx::Result<bool> {
        let row = query("select 1 from site where id = $1").bind(site.to_string()).fetch_optional(self.read()).await?;
        Ok(row.is_some())
    }
}
