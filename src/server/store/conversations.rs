//! Conversations.

use super::columns::{access, called, id};
use super::columns_of::columns;
use super::news::News;
use super::search::index;
use super::sql::batch::Batch;
use super::sql::{Key, Lock, On, Row, query, query_scalar};
use super::{Store, used, writing};
use crate::contract::Changes;
use crate::error::Problem;
use crate::model::{Access, AccountId, Conversation, ConversationId, Named, Parameters, SiteId, Standing};
use crate::server::principal::ViewerId;
use crate::server::quota::Writer;

/// A conversation as it is stored: its model may be left to the default of the day.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: ConversationId,
    pub owner: Named,
    /// Whether anybody else may see it.
    pub is_shared: bool,
    /// What the caller may do here.
    pub access: Access,
    /// Whether the caller may know who the people here are.
    pub names: bool,
    /// Since when the caller has access, where the conversation is somebody else's.
    pub since: Option<String>,
    pub title: String,
    pub model: Option<String>,
    pub system: String,
    pub parameters: Parameters,
    pub created_at: String,
    pub updated_at: String,
    /// The site that it belongs to, from its first message to its deletion.
    pub site: Option<SiteId>,
}

impl Stored {
    /// Whether the caller may do what needs this access. Every route and transport decides by this function alone.
    ///
    /// # Errors
    /// 403: they may know that the conversation exists.
    pub fn allows(&self, needed: Access) -> Result<(), Problem> {
        let may = match self.access {
            Access::Owner | Access::Participant | Access::Reader => needed <= self.access,
            // What they do has functions of its own (`engine/desk`).
            Access::Visitor | Access::Agent => needed == Access::Reader,
        };
        if may {
            return Ok(());
        }
        let message = match needed {
            _ if self.site.is_some() => "That is not possible in a conversation of a site.".into(),
            Access::Owner => format!("Only {}, whose conversation this is, can do that.", self.owner.name),
            Access::Participant | Access::Reader | Access::Visitor | Access::Agent => {
                "You can read this conversation, but not write in it.".into()
            }
        };
        Err(Problem::Forbidden(message))
    }

    /// The conversation as it is shown, with the model that answers in it today.
    pub fn shown(self, default_model: &str) -> Conversation {
        Conversation {
            id: self.id,
            title: self.title,
            model: self.model.unwrap_or_else(|| default_model.to_owned()),
            system: self.system,
            parameters: self.parameters,
            owner: (self.is_shared && self.names).then_some(self.owner),
            created_at: self.created_at,
            updated_at: self.updated_at,
            queued: None,
            standing: Standing::default(),
        }
    }
}

/// Conversations as the caller sees them: `access`, `names` and `since` are expressions, the rest begins with joins.
macro_rules! select_conversations {
    ($access:literal, $names:literal, $since:literal, $rest:literal) => {
        concat!(
            "select ",
            columns!(conversation),
            ", owner.name as owner_name, ",
            $access,
            " as access, ",
            $names,
            " as names, ",
            $since,
            " as since,
              case when exists (select 1 from share others where others.conversation = conversation.id)
                     or exists (select 1 from public_link link where link.conversation = conversation.id)
                   then 1 else 0 end as is_shared
              from conversation join account owner on owner.id = conversation.account ",
            $rest
        )
    };
}

pub(super) use select_conversations;

/// The conversation $1, where it is the account's $2 or shared with it. Those of sites are not: they are found for visitors and
/// agents alone.
pub(super) const SEEN: &str = select_conversations!(
    "case when conversation.account = $2 then 'owner' else share.role end",
    "1",
    "share.created_at",
    "left join share on share.conversation = conversation.id and share.account = $2
     where conversation.id = $1 and conversation.leaving_at is null and conversation.site is null
         and (conversation.account = $2 or share.role is not null)"
);

/// The conversation, for an account that owns it or that it is shared with.
pub(super) async fn seen(
    read: impl On<'_>,
    account: AccountId,
    conversation: ConversationId,
) -> sqlx::Result<Option<Stored>> {
    let row = query(SEEN).bind(conversation.to_string()).bind(account.to_string()).fetch_optional(read).await?;
    row.as_ref().map(stored).transpose()
}

pub(super) fn stored(row: &Row) -> sqlx::Result<Stored> {
    Ok(Stored {
        id: id(row.try_get("id")?)?,
        owner: called(id(row.try_get("account")?)?, row.try_get("owner_name")?),
        is_shared: row.try_get::<i64>("is_shared")? != 0,
        access: match row.try_get("access")? {
            "visitor" => Access::Visitor,
            "agent" => Access::Agent,
            ladder => access(ladder),
        },
        names: row.try_get::<i64>("names")? != 0,
        since: row.try_get("since")?,
        title: row.try_get("title")?,
        model: row.try_get("model")?,
        system: row.try_get("system")?,
        parameters: serde_json::from_str(row.try_get("parameters")?)
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        site: row.try_get::<Option<&str>>("site")?.map(id).transpose()?,
    })
}

pub(super) fn json(parameters: &Parameters) -> String {
    serde_json::to_string(parameters).expect("numbers and words become JSON")
}

/// Where a page of the list ends: the last conversation's time and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPosition {
    pub updated_at: String,
    pub id: String,
}

impl Store {
    /// The conversation as the account sees it. `RowNotFound` when it is not there, or not for this account.
    pub async fn conversation(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<Stored> {
        seen(self.read(), account, conversation).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The conversation as its owner sees it.
    pub async fn conversation_of_owner(&self, conversation: ConversationId) -> sqlx::Result<Stored> {
        let row = query(select_conversations!(
            "'owner'",
            "1",
            "null",
            "where conversation.id = $1 and conversation.leaving_at is null"
        ))
        .bind(conversation.to_string())
        .fetch_one(self.read())
        .await?;
        stored(&row)
    }

    /// Whose conversation it is. `RowNotFound` when it is not there.
    pub async fn owner(&self, conversation: ConversationId) -> sqlx::Result<AccountId> {
        let owner: String = query_scalar("select account from conversation where id = $1")
            .bind(conversation.to_string())
            .fetch_one(self.read())
            .await?;
        id(&owner)
    }

    /// The conversation as this viewer sees it. `RowNotFound` when it is not there, or not for them.
    pub async fn conversation_for(&self, viewer: ViewerId, conversation: ConversationId) -> sqlx::Result<Stored> {
        match viewer {
            ViewerId::Account(account) => self.conversation(account, conversation).await,
            ViewerId::Visitor(token) => self.conversation_of_visitor(token, conversation).await,
            ViewerId::Agent(account) => self.conversation_of_agent(account, conversation).await,
            ViewerId::Public(link) => {
                let row = query(select_conversations!(
                    "'reader'",
                    "public_link.names",
                    "public_link.created_at",
                    "join public_link on public_link.conversation = conversation.id and public_link.token_hash = $2
                     where conversation.id = $1 and conversation.leaving_at is null and owner.disabled_at is null"
                ))
                .bind(conversation.to_string())
                .bind(link.to_string())
                .fetch_one(self.read())
                .await?;
                stored(&row)
            }
        }
    }

    /// Up to `limit` of the account's own conversations.
    pub async fn own_conversations(&self, account: AccountId, limit: i64) -> sqlx::Result<Vec<ConversationId>> {
        let ids: Vec<String> =
            query_scalar("select id from conversation where account = $1 and leaving_at is null limit $2")
                .bind(account.to_string())
                .bind(limit)
                .fetch_all(self.read())
                .await?;
        ids.iter().map(|text| id(text)).collect()
    }

    /// Up to `limit` of the conversations that the account sees, newest first, from behind `after`: those that it has put
    /// away, or the others.
    pub async fn conversations(
        &self,
        account: AccountId,
        after: Option<&ListPosition>,
        limit: i64,
        is_archived: bool,
    ) -> sqlx::Result<Vec<Stored>> {
        // Every real time sorts before this one.
        let end = ListPosition { updated_at: "9999".into(), id: String::new() };
        let after = after.unwrap_or(&end);
        // Its own and those of others each by its index, so that a long list costs no more than a page of it.
        let rows = query(select_conversations!(
            "case when conversation.account = $1 then 'owner' else share.role end",
            "1",
            "share.created_at",
            "left join share on share.conversation = conversation.id and share.account = $1
             where conversation.id in (
                select id from (
                    select id from conversation
                    where account = $1 and leaving_at is null and (updated_at < $2 or (updated_at = $2 and id < $3))
                        and $5 = case when exists (select 1 from list_entry where list_entry.conversation = conversation.id
                            and list_entry.account = $1 and list_entry.archived_at is not null) then 1 else 0 end
                    order by updated_at desc, id desc limit $4) as own
                union
                select id from conversation
                where id in (select conversation from share where share.account = $1) and leaving_at is null
                    and (updated_at < $2 or (updated_at = $2 and id < $3))
                    and $5 = case when exists (select 1 from list_entry where list_entry.conversation = conversation.id
                        and list_entry.account = $1 and list_entry.archived_at is not null) then 1 else 0 end)
             order by conversation.updated_at desc, conversation.id desc limit $4"
        ))
        .bind(account.to_string())
        .bind(&after.updated_at)
        .bind(&after.id)
        .bind(limit)
        .bind(i64::from(is_archived))
        .fetch_all(self.read())
        .await?;
        rows.iter().map(stored).collect()
    }

    /// Changes what `changes` names. Its time stays: only messages move a conversation in the lists. `RowNotFound` when the conversation is not there or another's.
    ///
    /// # Errors
    /// 429 and 409 where the account has written enough (`store/writing`).
    pub async fn change_conversation(
        &self,
        writer: Writer,
        conversation: ConversationId,
        changes: &Changes,
    ) -> Result<Stored, Problem> {
        let account = writer.account;
        let news = [News::Listed(conversation)];
        let mut write = self.write_beside(&[Key::Account(account), Key::Conversation(conversation)], &news).await?;
        writing::count(&mut write, writer).await?;
        let before = writing::bytes_of(&mut write, conversation).await?;
        let changed = query(
            "update conversation set title = coalesce($3, title), model = coalesce($4, model),
                    title_by = case when $3 is null then title_by else 'person' end,
                    system = coalesce($5, system), parameters = coalesce($6, parameters)
             where id = $1 and account = $2 and leaving_at is null",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(&changes.title)
        .bind(&changes.model)
        .bind(&changes.system)
        .bind(changes.parameters.as_ref().map(json))
        .execute(&mut *write)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(Problem::NotFound);
        }
        writing::check_bytes(&mut write, writer, conversation, before).await?;
        if changes.title.is_some() {
            index::rename(&mut write, conversation).await?;
        }
        let stored = seen(&mut *write, account, conversation).await?.ok_or(sqlx::Error::RowNotFound)?;
        write.commit().await?;
        Ok(stored)
    }

    /// Takes the one try to have a model name the conversation. `false`: its title is not one that was only cut from the
    /// first message, the try is spent, or the conversation is marked for deletion.
    pub async fn take_title(&self, conversation: ConversationId) -> sqlx::Result<bool> {
        // Looked at first: this is asked after every reply, and almost always the answer is no.
        let cut = query("select 1 from conversation where id = $1 and title_by = 'cut' and leaving_at is null")
            .bind(conversation.to_string())
            .fetch_optional(self.read())
            .await?;
        if cut.is_none() {
            return Ok(false);
        }
        let take = query(
            "update conversation set title_by = 'asked' where id = $1 and title_by = 'cut' and leaving_at is null",
        );
        let beside = Lock::Beside(&[Key::Conversation(conversation)]);
        let found = self.write_batch(Batch::write(beside).then(take.bind(conversation.to_string()))).await?;
        Ok(found.iter().any(|taken| taken.changed == Some(1)))
    }

    /// Writes the title that a model gave, unless a person has set one meanwhile or the conversation is marked for deletion.
    pub async fn give_title(&self, conversation: ConversationId, title: &str) -> sqlx::Result<Option<Stored>> {
        let mut write = self.write_beside(&[Key::Conversation(conversation)], &[News::Listed(conversation)]).await?;
        let row = query(
            "update conversation set title = $2, title_by = 'model'
             where id = $1 and title_by = 'asked' and leaving_at is null returning account",
        )
        .bind(conversation.to_string())
        .bind(title)
        .fetch_optional(&mut *write)
        .await?;
        let named = match row {
            Some(row) => {
                index::rename(&mut write, conversation).await?;
                seen(&mut *write, id(row.try_get("account")?)?, conversation).await?
            }
            None => None,
        };
        write.commit().await?;
        Ok(named)
    }

    /// Deletes the conversation with its messages, and the images that no other conversation uses. Its viewers, at every
    /// process, check their access again. `RowNotFound` if it does not exist or is another account's.
    pub async fn delete_conversation(&self, account: AccountId, conversation: ConversationId) -> sqlx::Result<()> {
        let mut write = self.write().await?;
        used::delete(&mut write, Some(self.process()), account, conversation).await?;
        write.commit().await?;
        self.let_go_of_all(conversation);
        Ok(())
    }
}
