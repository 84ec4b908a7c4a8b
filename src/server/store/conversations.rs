//! Conversations.

use super::{Store, id, images, now};
use crate::api::Changes;
use crate::model::{AccountId, Conversation, ConversationId, Parameters};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// A conversation as it is stored: its model may be left to the default of the day.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: ConversationId,
    pub account: AccountId,
    pub title: String,
    pub model: Option<String>,
    pub system: String,
    pub parameters: Parameters,
    pub created_at: String,
    pub updated_at: String,
}

impl Stored {
    /// The conversation as it is shown, with the model that answers in it today.
    pub fn shown(self, default_model: &str) -> Conversation {
        Conversation {
            id: self.id,
            title: self.title,
            model: self.model.unwrap_or_else(|| default_model.to_owned()),
            system: self.system,
            parameters: self.parameters,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

fn stored(row: &SqliteRow) -> sqlx::Result<Stored> {
    Ok(Stored {
        id: id(row.try_get("id")?)?,
        account: id(row.try_get("account")?)?,
        title: row.try_get("title")?,
        model: row.try_get("model")?,
        system: row.try_get("system")?,
        parameters: serde_json::from_str(row.try_get("parameters")?)
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
    })
}

fn json(parameters: &Parameters) -> String {
    serde_json::to_string(parameters).expect("numbers and words become JSON")
}

/// Where a page of the list ends: the last conversation's time and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub updated_at: String,
    pub id: String,
}

impl Store {
    /// Makes a conversation, or finds the one that the same account made with this id. `None`: the id is another's.
    pub async fn add_conversation(
        &self,
        account: AccountId,
        conversation: ConversationId,
        settings: Changes,
    ) -> sqlx::Result<Option<(Stored, bool)>> {
        let mut write = self.write().await?;
        let made = sqlx::query(
            "insert into conversation (id, account, title, title_by, model, system, parameters, created_at, updated_at)
             values ($1, $2, $3, case when $3 = '' then 'none' else 'person' end, $4, $5, $6, $7, $7) on conflict (id) do nothing",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(settings.title.unwrap_or_default())
        .bind(settings.model)
        .bind(settings.system.unwrap_or_default())
        .bind(json(&settings.parameters.unwrap_or_default()))
        .bind(now())
        .execute(&mut *write)
        .await?
        .rows_affected();
        let row = sqlx::query("select * from conversation where id = $1 and account = $2")
            .bind(conversation.to_string())
            .bind(account.to_string())
            .fetch_optional(&mut *write)
            .await?;
        write.commit().await?;
        row.map(|row| Ok((stored(&row)?, made > 0))).transpose()
    }

    /// The account's conversation. `RowNotFound` when it is not there or another's.
    pub async fn conversation(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<Stored> {
        let row = sqlx::query("select * from conversation where id = $1 and account = $2")
            .bind(conversation.to_string())
            .bind(account.to_string())
            .fetch_one(self.read())
            .await?;
        stored(&row)
    }

    /// Whose conversation it is. `RowNotFound` when it is not there.
    pub async fn owner(&self, conversation: ConversationId) -> sqlx::Result<AccountId> {
        let owner: String = sqlx::query_scalar("select account from conversation where id = $1")
            .bind(conversation.to_string())
            .fetch_one(self.read())
            .await?;
        super::id(&owner)
    }

    /// Up to `limit` of the account's conversations, newest first, from behind `after`.
    pub async fn conversations(
        &self,
        account: AccountId,
        after: Option<&Place>,
        limit: i64,
    ) -> sqlx::Result<Vec<Stored>> {
        // Every real time sorts before this one.
        let end = Place { updated_at: "9999".into(), id: String::new() };
        let after = after.unwrap_or(&end);
        let rows = sqlx::query(
            "select * from conversation
             where account = $1 and (updated_at < $2 or (updated_at = $2 and id < $3))
             order by updated_at desc, id desc limit $4",
        )
        .bind(account.to_string())
        .bind(&after.updated_at)
        .bind(&after.id)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(stored).collect()
    }

    /// Changes what `changes` names. `RowNotFound` when the conversation is not there or another's.
    pub async fn change_conversation(
        &self,
        account: AccountId,
        conversation: ConversationId,
        changes: &Changes,
    ) -> sqlx::Result<Stored> {
        let mut write = self.write().await?;
        let row = sqlx::query(
            "update conversation set title = coalesce($3, title), model = coalesce($4, model),
                    title_by = case when $3 is null then title_by else 'person' end,
                    system = coalesce($5, system), parameters = coalesce($6, parameters), updated_at = $7
             where id = $1 and account = $2 returning *",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(&changes.title)
        .bind(&changes.model)
        .bind(&changes.system)
        .bind(changes.parameters.as_ref().map(json))
        .bind(now())
        .fetch_one(&mut *write)
        .await?;
        write.commit().await?;
        stored(&row)
    }

    /// Takes the one try to have a model name the conversation. `false`: its title is not one that was only cut from the
    /// first message, or the try is spent.
    pub async fn take_title(&self, conversation: ConversationId) -> sqlx::Result<bool> {
        // Looked at first: this is asked after every reply, and almost always the answer is no.
        let cut = sqlx::query("select 1 from conversation where id = $1 and title_by = 'cut'")
            .bind(conversation.to_string())
            .fetch_optional(self.read())
            .await?;
        if cut.is_none() {
            return Ok(false);
        }
        let mut write = self.write().await?;
        let taken = sqlx::query("update conversation set title_by = 'asked' where id = $1 and title_by = 'cut'")
            .bind(conversation.to_string())
            .execute(&mut *write)
            .await?
            .rows_affected();
        write.commit().await?;
        Ok(0 < taken)
    }

    /// Writes the title that a model gave, unless a person has set one meanwhile.
    pub async fn give_title(&self, conversation: ConversationId, title: &str) -> sqlx::Result<Option<Stored>> {
        let mut write = self.write().await?;
        let row = sqlx::query(
            "update conversation set title = $2, title_by = 'model' where id = $1 and title_by = 'asked' returning *",
        )
        .bind(conversation.to_string())
        .bind(title)
        .fetch_optional(&mut *write)
        .await?;
        write.commit().await?;
        row.as_ref().map(stored).transpose()
    }

    /// Deletes the conversation with its messages, and the images that are in no other. `RowNotFound` when it is not there or another's.
    pub async fn delete_conversation(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        let images = images::only_in(&mut write, conversation).await?;
        let gone = sqlx::query("delete from conversation where id = $1 and account = $2")
            .bind(conversation.to_string())
            .bind(account.to_string())
            .execute(&mut *write)
            .await?
            .rows_affected();
        if gone == 0 {
            return Err(sqlx::Error::RowNotFound);
        }
        images::delete_all(&mut write, &images).await?;
        write.commit().await?;
        self.let_go_of_all(conversation);
        Ok(())
    }
}
