//! How conversations stand in one account's list: pinned, put away, read.

use super::columns::{id, texts};
use super::columns_of::columns;
use super::conversations::{Stored, seen, select_conversations, stored};
use super::news::News;
use super::sql::{Builder, Connection, Key, query, query_scalar};
use super::{Store, writing};
use crate::contract::Placement;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, MessageId, Standing};
use crate::server::quota::Writer;
use crate::server::times::now;
use serde_json::Value;
use std::collections::HashMap;

/// Pinned conversations of one account: all of them are at the top of each first page of the list.
pub const MAX_PINNED: i64 = 50;

impl Store {
    /// How each of these stands in the account's list.
    pub async fn standings(
        &self,
        account: AccountId,
        ids: &[ConversationId],
    ) -> sqlx::Result<HashMap<ConversationId, Standing>> {
        let mut query = Builder::new(
            "select conversation.id,
                    case when entry.pinned_at is null then 0 else 1 end as pinned,
                    case when entry.archived_at is null then 0 else 1 end as archived,
                    case when exists (select 1 from message open
                                      where open.conversation = conversation.id and open.status = 'streaming')
                         then 1 else 0 end as running,
                    case when (select max(ended.finished_at) from message ended
                               where ended.conversation = conversation.id and ended.role = 'assistant'
                                   and ended.finished_at is not null) > coalesce(entry.read_to, '')
                         then 1 else 0 end as unread
             from conversation left join list_entry entry on entry.conversation = conversation.id and entry.account = ",
        );
        query.push_bind(account.to_string()).push(" where conversation.id in ");
        let rows = query.push_list(ids.iter().map(ConversationId::to_string)).build().fetch_all(self.read()).await?;
        rows.iter()
            .map(|row| {
                let is = |name: &str| row.try_get::<i64>(name).map(|number| Some(number != 0));
                let (running, unread) = (is("running")?, is("unread")?);
                Ok((
                    id(row.try_get("id")?)?,
                    Standing { running, unread, pinned: is("pinned")?, archived: is("archived")? },
                ))
            })
            .collect()
    }

    /// The conversations that the account has pinned, newest first.
    pub async fn pinned(&self, account: AccountId) -> sqlx::Result<Vec<Stored>> {
        let rows = query(select_conversations!(
            "case when conversation.account = $1 then 'owner' else share.role end",
            "1",
            "share.created_at",
            "left join share on share.conversation = conversation.id and share.account = $1
             where conversation.id in (select list_entry.conversation from list_entry
                                       where list_entry.account = $1 and list_entry.pinned_at is not null
                                           and list_entry.archived_at is null)
                 and conversation.leaving_at is null and (conversation.account = $1 or share.role is not null)
             order by conversation.updated_at desc, conversation.id desc limit $2"
        ))
        .bind(account.to_string())
        .bind(MAX_PINNED)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(stored).collect()
    }

    /// Notes that the account has seen the end of this reply. `false` where nothing is new: the reply is still being written,
    /// or what ended later was seen.
    pub async fn mark_read(
        &self,
        writer: Writer,
        conversation: ConversationId,
        reply: MessageId,
    ) -> Result<bool, Problem> {
        let news = [News::Account(writer.account)];
        let mut write =
            self.write_beside(&[Key::Account(writer.account), Key::Conversation(conversation)], &news).await?;
        seen(&mut *write, writer.account, conversation).await?.ok_or(Problem::NotFound)?;
        let ended: Option<Option<String>> =
            query_scalar("select finished_at from message where id = $1 and conversation = $2")
                .bind(reply.to_string())
                .bind(conversation.to_string())
                .fetch_optional(&mut *write)
                .await?;
        let Some(ended) = ended.ok_or(Problem::NotFound)? else { return Ok(false) };
        let read = query(
            "insert into list_entry (conversation, account, read_to) values ($1, $2, $3)
             on conflict (conversation, account) do update set read_to = excluded.read_to
                where list_entry.read_to is null or list_entry.read_to < excluded.read_to",
        )
        .bind(conversation.to_string())
        .bind(writer.account.to_string())
        .bind(ended)
        .execute(&mut *write)
        .await?;
        let is_new = 0 < read.rows_affected();
        if is_new {
            writing::count(&mut write, writer).await?;
        }
        write.commit().await?;
        Ok(is_new)
    }

    /// Pins the conversation or puts it away, or neither any more. What `placement` does not say stays.
    ///
    /// # Errors
    /// 409 where as many are pinned as can be.
    pub async fn place(&self, writer: Writer, id: ConversationId, placement: Placement) -> Result<(), Problem> {
        let news = [News::Account(writer.account)];
        let mut write = self.write_beside(&[Key::Account(writer.account), Key::Conversation(id)], &news).await?;
        seen(&mut *write, writer.account, id).await?.ok_or(Problem::NotFound)?;
        writing::count(&mut write, writer).await?;
        for (column, is_so) in [("pinned_at", placement.pinned), ("archived_at", placement.archived)] {
            let Some(is_so) = is_so else { continue };
            set(&mut write, writer.account, id, column, is_so).await?;
        }
        if placement.pinned == Some(true) {
            check_pinned(&mut write, writer.account).await?;
        }
        write.commit().await?;
        Ok(())
    }

    /// All that is known of the account's list, for its export.
    pub(super) async fn list_in_full(&self, account: AccountId) -> sqlx::Result<Vec<Value>> {
        let rows = query(
            "select conversation, pinned_at, archived_at, read_to from list_entry where account = $1 order by conversation",
        )
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| texts(row, &["conversation", "pinned_at", "archived_at", "read_to"])).collect()
    }
}

async fn set(
    write: &mut Connection,
    account: AccountId,
    conversation: ConversationId,
    column: &'static str,
    is_so: bool,
) -> sqlx::Result<()> {
    let mut query = Builder::new("insert into list_entry (conversation, account, ");
    query.push(column).push(") values (");
    query.push_bind(conversation.to_string()).push(", ").push_bind(account.to_string()).push(", ");
    query.push_bind(is_so.then(now)).push(") on conflict (conversation, account) do update set ");
    query.push(column).push(" = excluded.").push(column).build().execute(write).await?;
    Ok(())
}

async fn check_pinned(write: &mut Connection, account: AccountId) -> Result<(), Problem> {
    let pinned: i64 = query_scalar("select count(*) from list_entry where account = $1 and pinned_at is not null")
        .bind(account.to_string())
        .fetch_one(write)
        .await?;
    if pinned <= MAX_PINNED {
        return Ok(());
    }
    Err(Problem::Conflict(format!("You have pinned {MAX_PINNED} conversations, which is as many as can be.")))
}

/// The list of a guest becomes the account's. What the account has put anywhere itself stays so.
pub(super) async fn inherit(write: &mut Connection, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    query(
        "insert into list_entry (conversation, account, pinned_at, archived_at, read_to)
         select conversation, $2, pinned_at, archived_at, read_to from list_entry where account = $1
         on conflict (conversation, account) do nothing",
    )
    .bind(guest.to_string())
    .bind(account.to_string())
    .execute(write)
    .await?;
    Ok(())
}
