//! Open replies: at most one in each conversation, whichever process writes it (the index `message_one_open`).

use super::Store;
use super::columns::id;
use super::news::News;
use super::sql::query;
use crate::model::{ConversationId, MessageId};
use crate::server::times::now;

/// An open reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReply {
    pub reply: MessageId,
    /// Who generates it. Empty: nobody does.
    pub process: String,
}

impl Store {
    /// The conversation's open reply.
    pub async fn open_reply_in(&self, conversation: ConversationId) -> sqlx::Result<Option<OpenReply>> {
        let row = query(
            "select id, coalesce(process, '') as process from message where conversation = $1 and status = 'streaming'",
        )
        .bind(conversation.to_string())
        .fetch_optional(self.read())
        .await?;
        row.map(|row| Ok(OpenReply { reply: id(row.try_get("id")?)?, process: row.try_get("process")? })).transpose()
    }

    /// The open replies of this process, each with its conversation.
    pub async fn open_here(&self) -> sqlx::Result<Vec<(MessageId, ConversationId)>> {
        let rows = query("select id, conversation from message where status = 'streaming' and process = $1")
            .bind(self.process())
            .fetch_all(self.read())
            .await?;
        rows.iter().map(|row| Ok((id(row.try_get("id")?)?, id(row.try_get("conversation")?)?))).collect()
    }

    /// Marks an open reply of this process as interrupted. `false`: it is not open any more.
    pub async fn interrupt_own(&self, reply: MessageId) -> sqlx::Result<bool> {
        let mut write = self.write().await?;
        let row = query(
            "update message set status = 'interrupted', finished_at = $3, process = null, thinking_since = null
             where id = $1 and status = 'streaming' and process = $2 returning conversation",
        )
        .bind(reply.to_string())
        .bind(self.process())
        .bind(now())
        .fetch_optional(&mut write)
        .await?;
        if let Some(row) = &row {
            self.tell_in(&mut write, &[News::Listed(id(row.try_get("conversation")?)?)]).await?;
        }
        write.commit().await?;
        Ok(row.is_some())
    }
}
