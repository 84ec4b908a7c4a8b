//! Visitors: how they are recognised, and what they have.

use super::rights::answers_on;
use crate::model::{AccountId, Conversation, ConversationId, SiteId, VisitorId};
use crate::server::quota::days;
use crate::server::secret::Hash;
use crate::server::store::Store;
use crate::server::store::columns::id;
use crate::server::store::revocations::{Revoked, note_by};
use crate::server::store::sql::batch::Batch;
use crate::server::store::sql::{Lock, query};
use crate::server::times::{ago, now};
use std::time::Duration;

/// How long a visitor is recognised after the last use.
pub const RECOGNISED: Duration = Duration::from_secs(180 * 86_400);
/// The last use is written at most as often.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// Somebody who writes on a site.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub id: VisitorId,
    pub site: SiteId,
    pub account: AccountId,
    pub blocked_until: Option<String>,
    /// Messages, and answers asked for, today.
    pub said_today: u64,
    /// The time of the last use is to be written.
    pub is_stale: bool,
}

/// A visitor's conversation in their list.
#[derive(Clone, Debug)]
pub struct OwnConversation {
    pub id: ConversationId,
    pub title: String,
    pub created_at: String,
    pub updated_at: String,
}

impl OwnConversation {
    /// As its visitor sees it.
    pub fn shown(self) -> Conversation {
        Conversation {
            id: self.id,
            title: self.title,
            model: String::new(),
            system: String::new(),
            parameters: Default::default(),
            owner: None,
            created_at: self.created_at,
            updated_at: self.updated_at,
            queued: None,
            standing: Default::default(),
        }
    }
}

impl Store {
    /// The visitor that this is the token of, on this site. None: nobody, or the site is closed to visitors.
    pub async fn visitor(&self, token: Hash, site: SiteId) -> sqlx::Result<Option<Visitor>> {
        let row = query(
            "select visitor.id, visitor.account, visitor.blocked_until, visitor_token.last_used_at,
                    case when visitor.said_on = $4 then visitor.said else 0 end as said_today
             from visitor_token join visitor on visitor.id = visitor_token.visitor join site on site.id = visitor.site
             where visitor_token.token_hash = $1 and visitor.site = $2 and visitor_token.last_used_at > $3
                 and site.disabled_at is null and site.leaving_at is null",
        )
        .bind(token.to_string())
        .bind(site.to_string())
        .bind(ago(RECOGNISED))
        .bind(days().0.to_string())
        .fetch_optional(self.read())
        .await?;
        let read = row.map(|row| {
            Ok(Visitor {
                id: id(row.try_get("id")?)?,
                site,
                account: id(row.try_get("account")?)?,
                blocked_until: row.try_get("blocked_until")?,
                said_today: row.try_get::<i64>("said_today")?.max(0).unsigned_abs(),
                is_stale: row.try_get::<String>("last_used_at")? < ago(TOUCH_EVERY),
            })
        });
        read.transpose()
    }

    pub async fn touch_visitor(&self, token: Hash) -> sqlx::Result<()> {
        let touch = query("update visitor_token set last_used_at = $2 where token_hash = $1 and last_used_at < $2");
        let touch = touch.bind(token.to_string()).bind(now());
        self.write_batch(Batch::write(Lock::None).then(touch)).await?;
        Ok(())
    }

    /// The visitor's conversations, the newest first.
    pub async fn conversations_of_visitor(&self, visitor: VisitorId, limit: i64) -> sqlx::Result<Vec<OwnConversation>> {
        let rows = query(
            "select conversation.id, conversation.title, conversation.created_at, conversation.updated_at
             from assignment join conversation on conversation.id = assignment.conversation
             where assignment.visitor = $1 and conversation.leaving_at is null
             order by conversation.updated_at desc, conversation.id desc limit $2",
        )
        .bind(visitor.to_string())
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            Ok(OwnConversation {
                id: id(row.try_get("id")?)?,
                title: row.try_get("title")?,
                created_at: row.try_get("created_at")?,
                updated_at: row.try_get("updated_at")?,
            })
        });
        read.collect()
    }

    /// Ends what a browser is recognised by. Its streams end.
    pub async fn forget_visitor(&self, token: Hash) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query("delete from visitor_token where token_hash = $1").bind(token.to_string()).execute(&mut *write).await?;
        note_by(&mut write, Some(self.process()), Revoked::Visitor(token)).await?;
        write.commit().await
    }

    /// Keeps a visitor out until this time; none lets them in again. Their streams end. `RowNotFound`: there is none on a
    /// site of the agent.
    pub async fn block_visitor(
        &self,
        agent: AccountId,
        visitor: VisitorId,
        until: Option<&str>,
    ) -> sqlx::Result<SiteId> {
        let mut write = self.write().await?;
        let row = query(concat!(
            "update visitor set blocked_until = $3 where id = $1 and ",
            answers_on!("visitor.site", "$2"),
            " returning site"
        ))
        .bind(visitor.to_string())
        .bind(agent.to_string())
        .bind(until)
        .fetch_one(&mut *write)
        .await?;
        let site = id(row.try_get("site")?)?;
        note_by(&mut write, Some(self.process()), Revoked::Site(site)).await?;
        write.commit().await?;
        Ok(site)
    }
}
