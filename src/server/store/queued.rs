//! Messages that wait for the end of a reply.

use super::columns::{called, id};
use super::conversations::seen;
use super::news::News;
use super::sharing::may_write;
use super::sql::{Connection, Key, Row, query};
use super::{Store, writing};
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, MessageId, Queued};
use crate::server::quota::Writer;
use crate::server::times::now;

/// A message that can be sent now.
pub struct Due {
    pub conversation: ConversationId,
    pub account: AccountId,
    pub queued: Queued,
}

/// What is read of a message, with its author's name.
macro_rules! select_queued {
    ($rest:literal) => {
        concat!(
            "select queued.id, queued.conversation, queued.account, queued.text, queued.model, queued.created_at,
                    queued.refused, account.name
             from queued_message queued join account on account.id = queued.account
                  join conversation on conversation.id = queued.conversation ",
            $rest
        )
    };
}

fn due(row: &Row) -> sqlx::Result<Due> {
    let account = id(row.try_get("account")?)?;
    Ok(Due {
        conversation: id(row.try_get("conversation")?)?,
        account,
        queued: Queued {
            id: id(row.try_get("id")?)?,
            author: called(account, row.try_get("name")?),
            text: row.try_get("text")?,
            model: row.try_get("model")?,
            created_at: row.try_get("created_at")?,
            refused: row.try_get("refused")?,
        },
    })
}

impl Store {
    /// Keeps a message until the open reply has ended. `false` where it is kept already.
    ///
    /// # Errors
    /// 409 where another one of the account waits here; 403 where it may not write here.
    pub async fn queue(&self, writer: Writer, conversation: ConversationId, it: &Queued) -> Result<bool, Problem> {
        let news = [News::Conversation(conversation)];
        let mut write =
            self.write_beside(&[Key::Account(writer.account), Key::Conversation(conversation)], &news).await?;
        let stored = seen(&mut *write, writer.account, conversation).await?.ok_or(Problem::NotFound)?;
        stored.allows(Access::Participant)?;
        let before = query("select id from queued_message where conversation = $1 and account = $2")
            .bind(conversation.to_string())
            .bind(writer.account.to_string())
            .fetch_optional(&mut *write)
            .await?;
        if let Some(before) = before {
            return match id::<MessageId>(before.try_get("id")?)? == it.id {
                true => Ok(false),
                false => {
                    Err(Problem::Conflict("A message of yours waits here already. Send it, or take it back.".into()))
                }
            };
        }
        let sent =
            query("select 1 from message where id = $1").bind(it.id.to_string()).fetch_optional(&mut *write).await?;
        if sent.is_some() {
            return Err(Problem::Conflict("A message with this id was sent before.".into()));
        }
        writing::count(&mut write, writer).await?;
        query(
            "insert into queued_message (id, conversation, account, text, model, created_at)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(it.id.to_string())
        .bind(conversation.to_string())
        .bind(writer.account.to_string())
        .bind(&it.text)
        .bind(&it.model)
        .bind(&it.created_at)
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(true)
    }

    /// What waits in the conversation, in its order. What its author may no longer say is left out.
    pub async fn queued(&self, conversation: ConversationId) -> sqlx::Result<Vec<Queued>> {
        let rows = query(concat!(
            select_queued!("where queued.conversation = $1 and "),
            may_write!("queued.account"),
            " order by queued.created_at, queued.id"
        ))
        .bind(conversation.to_string())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| due(row).map(|due| due.queued)).collect()
    }

    /// The account's waiting message. `RowNotFound` where it is not there.
    pub async fn queued_by(&self, account: AccountId, message: MessageId) -> sqlx::Result<Due> {
        let row = query(select_queued!("where queued.id = $1 and queued.account = $2"))
            .bind(message.to_string())
            .bind(account.to_string())
            .fetch_one(self.read())
            .await?;
        due(&row)
    }

    /// Takes a message back that waits: its author may, and the conversation's owner.
    pub async fn take_back(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<(), Problem> {
        let news = [News::Conversation(conversation)];
        let mut write = self.write_beside(&[Key::Conversation(conversation)], &news).await?;
        let stored = seen(&mut *write, account, conversation).await?.ok_or(Problem::NotFound)?;
        stored.allows(Access::Participant)?;
        let gone = query(
            "delete from queued_message where id = $1 and conversation = $2
                 and (account = $3 or exists (select 1 from conversation
                                              where conversation.id = $2 and conversation.account = $3))",
        )
        .bind(message.to_string())
        .bind(conversation.to_string())
        .bind(account.to_string())
        .execute(&mut *write)
        .await?;
        if gone.rows_affected() == 0 {
            return Err(Problem::NotFound);
        }
        write.commit().await?;
        Ok(())
    }

    /// The first message of each conversation in which none is being written and the newest reply is done.
    pub async fn due(&self) -> sqlx::Result<Vec<Due>> {
        let rows = query(select_queued!(
            "where queued.refused is null and conversation.leaving_at is null
                 and not exists (select 1 from queued_message former
                                 where former.conversation = queued.conversation and former.refused is null
                                     and (former.created_at < queued.created_at
                                          or (former.created_at = queued.created_at and former.id < queued.id)))
                 and 'assistant done' = (select newest.role || ' ' || newest.status from message newest
                                         where newest.conversation = queued.conversation
                                         order by newest.position desc limit 1)
             order by queued.created_at"
        ))
        .fetch_all(self.read())
        .await?;
        rows.iter().map(due).collect()
    }

    /// Notes why a message could not be sent.
    pub async fn refuse(&self, conversation: ConversationId, message: MessageId, why: &str) -> sqlx::Result<()> {
        let news = [News::Conversation(conversation)];
        let mut write = self.write_beside(&[Key::Conversation(conversation)], &news).await?;
        query("update queued_message set refused = $2 where id = $1")
            .bind(message.to_string())
            .bind(why)
            .execute(&mut *write)
            .await?;
        write.commit().await
    }

    /// Forgets a message whose author may no longer write where it waits.
    pub async fn forget_queued(&self, conversation: ConversationId, message: MessageId) -> sqlx::Result<()> {
        let news = [News::Conversation(conversation)];
        let mut write = self.write_beside(&[Key::Conversation(conversation)], &news).await?;
        query("delete from queued_message where id = $1").bind(message.to_string()).execute(&mut *write).await?;
        write.commit().await
    }
}

/// A new message that is to wait.
pub fn made(id: MessageId, author: crate::model::Named, text: String, model: Option<String>) -> Queued {
    Queued { id, author, text, model, created_at: now(), refused: None }
}

/// What a guest has waiting becomes the account's. Where the account waits itself, its own message does.
pub(super) async fn inherit(write: &mut Connection, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    query(
        "update queued_message set account = $2 where account = $1
             and not exists (select 1 from queued_message own
                             where own.account = $2 and own.conversation = queued_message.conversation)",
    )
    .bind(guest.to_string())
    .bind(account.to_string())
    .execute(write)
    .await?;
    Ok(())
}
