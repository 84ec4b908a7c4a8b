//! Replies that another process on this database is generating. During an update two processes work side by side.

use super::Store;
use super::columns::id;
use super::news::News;
use super::presence::Sole;
use super::sharing::may_write;
use super::sql::batch::Batch;
use super::sql::fault::is_deadlock;
use super::sql::{Builder, Lock, Row, query, query_scalar};
use crate::model::{AccountId, ConversationId, MessageId};
use crate::server::times::now;
use std::collections::HashSet;

/// How many conversations one statement names.
pub(super) const ASKED_TOGETHER: usize = 500;

/// A dead process may still store drafts of the same replies, in another order: PostgreSQL ends one of two transactions that
/// wait for each other, and this one is done again.
const DEADLOCKS: usize = 3;

/// What is looked at of open replies.
macro_rules! open_replies {
    () => {
        "select id, conversation, coalesce(process, '') as process, octet_length(text) + octet_length(thinking)
                + octet_length(coalesce(thinking_since, '')) as length, stop_asked
         from message where status = 'streaming'"
    };
}

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

fn other_reply(row: &Row) -> sqlx::Result<OtherReply> {
    Ok(OtherReply {
        reply: id(row.try_get("id")?)?,
        conversation: id(row.try_get("conversation")?)?,
        process: row.try_get("process")?,
        length: row.try_get("length")?,
        stop_asked: row.try_get::<i64>("stop_asked")? != 0,
    })
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

    /// Tells the other nodes whether this one shares its journals with them.
    pub fn is_joined(&self, is_joined: bool) {
        self.presence.is_joined(is_joined);
    }

    /// Whether this node lives, and its viewers' journals are its own: what it writes is told by the store alone.
    pub fn is_apart(&self, process: &str) -> bool {
        self.presence.is_apart(process)
    }

    /// Whether there is any such node.
    pub fn is_any_apart(&self) -> bool {
        self.presence.is_any_apart()
    }

    /// The processes that were found dead since this was last asked.
    pub fn found_dead(&self) -> Vec<String> {
        self.presence.gone()
    }

    /// Tells the other nodes what this one is set up with, as a hash.
    pub fn is_set_up_with(&self, config: String) {
        self.presence.is_set_up_with(config);
    }

    /// The right to do what one process does for all of them, for as long as it is kept. None: another one does it.
    pub async fn sole(&self) -> anyhow::Result<Option<Sole>> {
        self.presence.sole().await
    }

    /// Whether others have declared this process dead, on PostgreSQL.
    pub(super) async fn is_declared_dead(&self, process: &str) -> sqlx::Result<bool> {
        let dead = query("select 1 from node where process = $1 and dead_at is not null").bind(process);
        Ok(dead.fetch_optional(self.read()).await?.is_some())
    }

    /// All other processes that have open replies.
    pub async fn open_processes(&self) -> sqlx::Result<Vec<String>> {
        query_scalar(
            "select distinct coalesce(process, '') as process from message
             where status = 'streaming' and coalesce(process, '') <> $1",
        )
        .bind(self.process())
        .fetch_all(self.read())
        .await
    }

    /// The open replies of all other processes.
    pub async fn open_elsewhere(&self) -> sqlx::Result<Vec<OtherReply>> {
        let rows = query(concat!(open_replies!(), " and coalesce(process, '') <> $1"))
            .bind(self.process())
            .fetch_all(self.read())
            .await?;
        rows.iter().map(other_reply).collect()
    }

    /// The open replies in these conversations, of whichever process.
    pub async fn open_among(&self, conversations: &[ConversationId]) -> sqlx::Result<Vec<OtherReply>> {
        let mut found = Vec::new();
        for some in conversations.chunks(ASKED_TOGETHER) {
            let mut open = Builder::new(concat!(open_replies!(), " and conversation in ("));
            let mut ids = open.separated(", ");
            some.iter().for_each(|conversation| _ = ids.push_bind(conversation.to_string()));
            open.push(")");
            let rows = open.build().fetch_all(self.read()).await?;
            found.extend(rows.iter().map(other_reply).collect::<sqlx::Result<Vec<_>>>()?);
        }
        Ok(found)
    }

    /// This reply, where it is open, of whichever process.
    pub async fn open_reply_of(&self, reply: MessageId) -> sqlx::Result<Option<OtherReply>> {
        let row =
            query(concat!(open_replies!(), " and id = $1")).bind(reply.to_string()).fetch_optional(self.read()).await?;
        row.as_ref().map(other_reply).transpose()
    }

    /// Those of these accounts' lists that have one of these conversations.
    pub async fn lists_with(&self, conversations: &[ConversationId]) -> sqlx::Result<HashSet<AccountId>> {
        let mut found = HashSet::new();
        for some in conversations.chunks(ASKED_TOGETHER) {
            let mut lists = Builder::new("select account from conversation where id in (");
            let mut ids = lists.separated(", ");
            some.iter().for_each(|conversation| _ = ids.push_bind(conversation.to_string()));
            lists.push(") union select account from share where conversation in (");
            let mut ids = lists.separated(", ");
            some.iter().for_each(|conversation| _ = ids.push_bind(conversation.to_string()));
            lists.push(")");
            for row in lists.build().fetch_all(self.read()).await? {
                found.insert(id(row.try_get("account")?)?);
            }
        }
        Ok(found)
    }

    /// Marks the open replies of a process as interrupted (promise S7). Returns the conversation of each.
    pub async fn interrupt_replies_of(&self, process: &str) -> sqlx::Result<Vec<ConversationId>> {
        for _ in 0..DEADLOCKS {
            match self.try_to_interrupt(process).await {
                Err(error) if is_deadlock(&error) => {}
                done => return done,
            }
        }
        self.try_to_interrupt(process).await
    }

    async fn try_to_interrupt(&self, process: &str) -> sqlx::Result<Vec<ConversationId>> {
        let mut write = self.write().await?;
        let interrupted = query(
            "update message set status = 'interrupted', finished_at = $2, process = null, thinking_since = null
             where status = 'streaming' and coalesce(process, '') = $1 returning conversation",
        )
        .bind(process)
        .bind(now())
        .fetch_all(&mut *write)
        .await?;
        let interrupted =
            interrupted.iter().map(|row| id(row.try_get("conversation")?)).collect::<sqlx::Result<Vec<_>>>()?;
        let news: Vec<_> = interrupted.iter().copied().map(News::Listed).collect();
        self.tell_in(&mut write, &news).await?;
        write.commit().await?;
        Ok(interrupted)
    }

    /// Marks one open reply as interrupted, in whichever process: that process is fenced off.
    pub async fn interrupt_reply(&self, reply: MessageId) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        let row = query(
            "update message set status = 'interrupted', finished_at = $2, process = null
             where id = $1 and status = 'streaming' returning conversation",
        )
        .bind(reply.to_string())
        .bind(now())
        .fetch_optional(&mut *write)
        .await?;
        if let Some(row) = row {
            self.tell_in(&mut write, &[News::Listed(id(row.try_get("conversation")?)?)]).await?;
        }
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
}
