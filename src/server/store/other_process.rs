//! Replies that another process on this database is generating. During an update two processes work side by side.

use super::Store;
use super::columns::id;
use super::sharing::may_write;
use super::sql::batch::Batch;
use super::sql::{Lock, query};
use crate::model::{AccountId, ConversationId, MessageId};
use crate::server::times::now;

/// An open reply of another process, alive or dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherReply {
    pub reply: MessageId,
    pub conversation: ConversationId,
    pub process: String,
    /// How much of it is stored; the unit does not matter.
    pub length: i64,
    pub stop_asked: bool,
}

impl Store {
    /// This run of the server. Written beside the replies that it generates, so that a stale process is fenced off.
    pub fn process(&self) -> &str {
        self.presence.process()
    }

    /// Whether the process of this id is alive.
    pub fn lives(&self, process: &str) -> std::io::Result<bool> {
        self.presence.lives(process)
    }

    /// The open replies of all other processes.
    pub async fn open_elsewhere(&self) -> sqlx::Result<Vec<OtherReply>> {
        let rows = query(
            "select id, conversation, coalesce(process, '') as process, octet_length(text) + octet_length(thinking)
                    + octet_length(coalesce(thinking_since, '')) as length,
                    stop_asked
             from message where status = 'streaming' and coalesce(process, '') <> $1",
        )
        .bind(self.process())
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            Ok(OtherReply {
                reply: id(row.try_get("id")?)?,
                conversation: id(row.try_get("conversation")?)?,
                process: row.try_get("process")?,
                length: row.try_get("length")?,
                stop_asked: row.try_get::<i64>("stop_asked")? != 0,
            })
        });
        read.collect()
    }

    /// Marks the open replies of a process as interrupted (promise S7). Returns the conversation of each.
    pub async fn interrupt_replies_of(&self, process: &str) -> sqlx::Result<Vec<ConversationId>> {
        let mut write = self.write().await?;
        let interrupted = query(
            "update message set status = 'interrupted', finished_at = $2, process = null, thinking_since = null
             where status = 'streaming' and coalesce(process, '') = $1 returning conversation",
        )
        .bind(process)
        .bind(now())
        .fetch_all(&mut *write)
        .await?;
        write.commit().await?;
        interrupted.iter().map(|row| id(row.try_get("conversation")?)).collect()
    }

    /// Marks one open reply as interrupted, in whichever process: that process is fenced off.
    pub async fn interrupt_reply(&self, reply: MessageId) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        query(
            "update message set status = 'interrupted', finished_at = $2, process = null
             where id = $1 and status = 'streaming'",
        )
        .bind(reply.to_string())
        .bind(now())
        .execute(&mut *write)
        .await?;
        write.commit().await
    }

    /// Asks the process that generates the reply to stop it. `asker`: the account that wants this; nothing is written
    /// where it may no longer write in the conversation.
    pub async fn ask_to_stop(&self, reply: MessageId, asker: Option<AccountId>) -> sqlx::Result<()> {
        let stop = query(concat!(
            "update message set stop_asked = 1 where id = $1 and status = 'streaming'
                and ($2 is null or exists (select 1 from conversation where conversation.id = message.conversation and ",
            may_write!("$2"),
            "))"
        ));
        let stop = stop.bind(reply.to_string()).bind(asker.map(|asker| asker.to_string()));
        self.write_batch(Batch::write(Lock::None).then(stop)).await?;
        Ok(())
    }

    /// The replies of this process that others have asked to stop.
    pub async fn asked_to_stop(&self) -> sqlx::Result<Vec<MessageId>> {
        let rows = query("select id from message where status = 'streaming' and process = $1 and stop_asked = 1")
            .bind(self.process())
            .fetch_all(self.watch())
            .await?;
        rows.iter().map(|row| id(row.try_get("id")?)).collect()
    }
}
