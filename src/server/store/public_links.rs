//! Public links, by which anyone may read a conversation. A conversation has one at most.

use super::Store;
use super::columns::id;
use super::columns_of::columns;
use super::news::News;
use super::revocations::{Revoked, note_by};
use super::sql::{query, query_scalar};
use super::writing;
use crate::error::Problem;
use crate::model::ConversationId;
use crate::server::quota::Writer;
use crate::server::secret::Hash;
use crate::server::times::now;

/// A conversation's public link, as its owner sees it.
#[derive(Clone, Debug)]
pub struct PublicLink {
    /// Whether the names of people are shown.
    pub names: bool,
    pub created_at: String,
}

impl Store {
    pub async fn public_link(&self, conversation: ConversationId) -> sqlx::Result<Option<PublicLink>> {
        let row = query(concat!("select ", columns!(public_link), " from public_link where conversation = $1"))
            .bind(conversation.to_string())
            .fetch_optional(self.read())
            .await?;
        let read = row.map(|row| {
            let names = row.try_get::<i64>("names")? != 0;
            Ok(PublicLink { names, created_at: row.try_get("created_at")? })
        });
        read.transpose()
    }

    /// Creates a link. The former one ends.
    ///
    /// # Errors
    /// 429 where the account has reached its write limit; 404 where the conversation is deleted by now.
    pub async fn set_public_link(
        &self,
        writer: Writer,
        conversation: ConversationId,
        link: Hash,
        names: bool,
    ) -> Result<(), Problem> {
        let mut write = self.write_telling(&[News::Listed(conversation)]).await?;
        writing::count(&mut write, writer).await?;
        let set = query(
            "insert into public_link (conversation, token_hash, names, created_at)
             select $1, $2, $3, $4 where exists (select 1 from conversation where id = $1 and leaving_at is null)
             on conflict (conversation) do update set
                token_hash = excluded.token_hash, names = excluded.names, created_at = excluded.created_at",
        )
        .bind(conversation.to_string())
        .bind(link.to_string())
        .bind(i64::from(names))
        .bind(now())
        .execute(&mut *write)
        .await?;
        if set.rows_affected() == 0 {
            return Err(Problem::NotFound);
        }
        note_by(&mut write, Some(self.process()), Revoked::PublicLink(conversation)).await?;
        Ok(write.commit().await?)
    }

    /// Withdraws the link. `false`: there is none.
    pub async fn end_public_link(&self, conversation: ConversationId) -> sqlx::Result<bool> {
        let mut write = self.write_telling(&[News::Listed(conversation)]).await?;
        let gone = query("delete from public_link where conversation = $1")
            .bind(conversation.to_string())
            .execute(&mut *write)
            .await?
            .rows_affected();
        if gone == 0 {
            return Ok(false);
        }
        note_by(&mut write, Some(self.process()), Revoked::PublicLink(conversation)).await?;
        write.commit().await?;
        Ok(true)
    }

    /// The conversation that this link opens. A disabled account's link opens nothing.
    pub async fn public_conversation(&self, link: Hash) -> sqlx::Result<Option<ConversationId>> {
        let found: Option<String> = query_scalar(
            "select public_link.conversation from public_link
             join conversation on conversation.id = public_link.conversation
             join account on account.id = conversation.account
             where public_link.token_hash = $1 and conversation.leaving_at is null and account.disabled_at is null",
        )
        .bind(link.to_string())
        .fetch_optional(self.read())
        .await?;
        found.map(|found| id(&found)).transpose()
    }
}
