//! Creating conversations: alone, or with their first message.

use super::conversations::{Stored, json, seen};
use super::news::News;
use super::sql::{Connection, Key, query};
use super::{Store, used, writing};
use crate::contract::Changes;
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, Named};
use crate::server::quota::Writer;
use crate::server::secret::Hash;
use crate::server::times::now;

/// The answer where a new conversation's id belongs to another account, or to a deleted conversation.
pub fn taken() -> Problem {
    Problem::Conflict("This id is taken. Use a new one.".into())
}

/// Creates a conversation. `false`: its id is taken; the caller then drops the transaction without a commit.
///
/// # Errors
/// 429 and 409 where the account has made enough (`store/writing`).
pub(super) async fn make(
    write: &mut Connection,
    writer: Writer,
    conversation: ConversationId,
    settings: Changes,
    created_at: &str,
) -> Result<bool, Problem> {
    if used::is_used(&mut *write, conversation).await? {
        return Ok(false);
    }
    writing::count(&mut *write, writer).await?;
    writing::check_conversations(&mut *write, writer).await?;
    let made = query(
        "insert into conversation (id, account, title, title_by, model, system, parameters, created_at, updated_at)
         values ($1, $2, $3, case when $3 = '' then 'none' else 'person' end, $4, $5, $6, $7, $7) on conflict (id) do nothing",
    )
    .bind(conversation.to_string())
    .bind(writer.account.to_string())
    .bind(settings.title.unwrap_or_default())
    .bind(settings.model)
    .bind(settings.system.unwrap_or_default())
    .bind(json(&settings.parameters.unwrap_or_default()))
    .bind(created_at)
    .execute(&mut *write)
    .await?
    .rows_affected();
    if made == 0 {
        return Ok(false);
    }
    writing::check_bytes(write, writer, conversation, 0).await?;
    Ok(true)
}

impl Stored {
    /// A conversation that `owner` is about to create.
    pub fn planned(id: ConversationId, owner: Named, settings: Changes) -> Self {
        let created_at = now();
        Self {
            id,
            owner,
            is_shared: false,
            access: Access::Owner,
            names: true,
            since: None,
            title: settings.title.unwrap_or_default(),
            model: settings.model,
            system: settings.system.unwrap_or_default(),
            parameters: settings.parameters.unwrap_or_default(),
            site: None,
            updated_at: created_at.clone(),
            created_at,
        }
    }
}

impl Store {
    /// Makes a conversation, or finds the one that the same account made with this id. `None`: the id is another's, or that of
    /// a conversation that was deleted.
    ///
    /// # Errors
    /// 429 and 409 where the account has made enough (`store/writing`).
    pub async fn add_conversation(
        &self,
        writer: Writer,
        conversation: ConversationId,
        settings: Changes,
    ) -> Result<Option<(Stored, bool)>, Problem> {
        let account = writer.account;
        let news = [News::Listed(conversation)];
        let mut write = self.write_beside(&[Key::Account(account), Key::Conversation(conversation)], &news).await?;
        if let Some(before) = seen(&mut *write, account, conversation).await? {
            return Ok(Some(before).filter(|stored| stored.access == Access::Owner).map(|stored| (stored, false)));
        }
        if !make(&mut write, writer, conversation, settings, &now()).await? {
            return Ok(None);
        }
        let found = seen(&mut *write, account, conversation).await?;
        write.commit().await?;
        Ok(found.map(|stored| (stored, true)))
    }

    /// Whether the account cannot use this id: it belongs to another account, or to a deleted conversation.
    pub async fn is_taken(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<bool> {
        let row = query(
            "select 1 from conversation where id = $1 and account <> $2
             union all select 1 from used_conversation where id_hash = $3",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(Hash::of(&conversation.to_string()).to_string())
        .fetch_optional(self.read())
        .await?;
        Ok(row.is_some())
    }
}
