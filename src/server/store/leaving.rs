//! Conversations that are marked for deletion: nobody sees them any more, and for some seconds their owner can bring them
//! back. Every query that decides who sees a conversation has the condition `leaving_at is null`.

use super::columns::id;
use super::conversations::{Stored, seen};
use super::news::News;
use super::revocations::{Revoked, note_by};
use super::sql::query;
use super::{Store, sharing, used, writing};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId};
use crate::server::quota::Writer;
use crate::server::times::now;

impl Store {
    /// Marks the conversation. Its viewers, at every process, check their access again. `RowNotFound` where it does not
    /// exist, is another account's, or is marked already.
    pub async fn mark_leaving(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        // First of all: a viewer that is checked again finds the journal ended, and learns that it is deleted.
        note_by(&mut write, Some(self.process()), Revoked::Conversation(conversation)).await?;
        sharing::note_all(&mut write, Some(self.process()), account, conversation).await?;
        query(
            "update conversation set leaving_at = $3 where id = $1 and account = $2 and leaving_at is null returning id",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(now())
        .fetch_one(&mut *write)
        .await?;
        write.commit().await
    }

    /// Whether the account has marked this conversation.
    pub async fn is_leaving(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<bool> {
        let row = query("select 1 from conversation where id = $1 and account = $2 and leaving_at is not null")
            .bind(conversation.to_string())
            .bind(account.to_string())
            .fetch_optional(self.read())
            .await?;
        Ok(row.is_some())
    }

    /// Whether the conversation is there, and not marked.
    pub async fn is_there(&self, conversation: ConversationId) -> sqlx::Result<bool> {
        let row = query("select 1 from conversation where id = $1 and leaving_at is null")
            .bind(conversation.to_string())
            .fetch_optional(self.read())
            .await?;
        Ok(row.is_some())
    }

    /// Removes the mark. Lists and viewers at every process learn that it is back. `NotFound` where there is none: the conversation is deleted by now.
    ///
    /// # Errors
    /// 429 and 409 where the account has written enough, or has as much as it may (`store/writing`).
    pub async fn unmark_leaving(&self, writer: Writer, conversation: ConversationId) -> Result<Stored, Problem> {
        let mut write = self.write_telling(&[News::Listed(conversation)]).await?;
        writing::count(&mut write, writer).await?;
        writing::check_conversations(&mut write, writer).await?;
        let back = query(
            "update conversation set leaving_at = null where id = $1 and account = $2 and leaving_at is not null",
        )
        .bind(conversation.to_string())
        .bind(writer.account.to_string())
        .execute(&mut *write)
        .await?;
        if back.rows_affected() == 0 {
            return Err(Problem::NotFound);
        }
        // Its instructions and title count again.
        writing::check_bytes(&mut write, writer, conversation, 0).await?;
        sharing::note_all(&mut write, Some(self.process()), writer.account, conversation).await?;
        let stored = seen(&mut *write, writer.account, conversation).await?.ok_or(sqlx::Error::RowNotFound)?;
        write.commit().await?;
        Ok(stored)
    }

    /// The conversations that were marked before this time, with their owners.
    pub async fn marked_before(&self, time: &str) -> sqlx::Result<Vec<(AccountId, ConversationId)>> {
        let rows = query(
            "select account, id from conversation where leaving_at is not null and leaving_at < $1 order by leaving_at",
        )
        .bind(time)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| Ok((id(row.try_get("account")?)?, id(row.try_get("id")?)?))).collect()
    }

    /// Deletes the conversation if it was marked before this time and still is: it may have been brought back meanwhile,
    /// or another process was quicker.
    pub async fn delete_marked(
        &self,
        account: AccountId,
        conversation: ConversationId,
        time: &str,
    ) -> sqlx::Result<bool> {
        let mut write = self.write().await?;
        let marked = query("select 1 from conversation where id = $1 and account = $2 and leaving_at < $3")
            .bind(conversation.to_string())
            .bind(account.to_string())
            .bind(time)
            .fetch_optional(&mut *write)
            .await?;
        if marked.is_none() {
            return Ok(false);
        }
        used::delete(&mut write, Some(self.process()), account, conversation).await?;
        write.commit().await?;
        self.let_go_of_all(conversation);
        Ok(true)
    }
}
