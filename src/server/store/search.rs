//! The data that a search reads: the titles and messages that an account may see, newest conversation first.
//!
//! There is no full-text index. It would have to be updated in the transactions that a user's message and a reply's end
//! wait for, and an account's messages are few enough to be read: one search reads a limited number (`server::search`).
//! Each step follows an index, so that nothing is read or sorted beyond a page of results.

use super::Store;
use super::columns::id;
use super::sql::{Row, query};
use crate::model::{AccountId, ConversationId, MessageId, Role};
use futures::{Stream, StreamExt, TryStreamExt, stream};

/// How many messages are read at a time: a search often stops after a few, and others wait for the connection.
const TEXTS_TOGETHER: usize = 16;

/// How far a search has come: after this message of this conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPosition {
    pub updated_at: String,
    pub conversation: String,
    pub position: i64,
}

/// A conversation to look through.
#[derive(Clone, Debug)]
pub struct Titled {
    pub id: ConversationId,
    pub title: String,
    pub updated_at: String,
}

#[derive(Clone, Debug)]
pub struct FoundText {
    pub id: MessageId,
    pub role: Role,
    pub text: String,
    pub created_at: String,
    pub position: i64,
}

fn said(row: &Row) -> sqlx::Result<FoundText> {
    Ok(FoundText {
        id: id(row.try_get("id")?)?,
        role: super::messages::role(row.try_get("role")?),
        text: row.try_get("text")?,
        created_at: row.try_get("created_at")?,
        position: row.try_get("position")?,
    })
}

impl Store {
    /// Up to `limit` of the conversations that the account sees, newest first, from the one at `from` on: that one too,
    /// unless it has changed meanwhile.
    pub async fn titles(
        &self,
        account: AccountId,
        from: Option<&SearchPosition>,
        limit: i64,
    ) -> sqlx::Result<Vec<Titled>> {
        // Every real time sorts before this one.
        let (updated_at, conversation) =
            from.map_or(("9999", ""), |from| (from.updated_at.as_str(), from.conversation.as_str()));
        // The account's own and those shared with it each by an index, as in the list.
        let rows = query(
            "select id, title, updated_at from conversation
             where id in (
                select id from (
                    select id from conversation
                    where account = $1 and leaving_at is null and (updated_at < $2 or (updated_at = $2 and id <= $3))
                    order by updated_at desc, id desc limit $4) as own
                union
                select id from conversation
                where id in (select conversation from share where share.account = $1) and leaving_at is null
                    and (updated_at < $2 or (updated_at = $2 and id <= $3)))
             order by updated_at desc, id desc limit $4",
        )
        .bind(account.to_string())
        .bind(updated_at)
        .bind(conversation)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            let (title, updated_at) = (row.try_get("title")?, row.try_get("updated_at")?);
            Ok(Titled { id: id(row.try_get("id")?)?, title, updated_at })
        });
        read.collect()
    }

    /// The conversation's messages before this position, newest first, in single steps. Open replies are left out.
    pub fn texts(&self, conversation: ConversationId, before: i64) -> impl Stream<Item = sqlx::Result<FoundText>> {
        let pages = stream::try_unfold(Some(before), move |before| async move {
            let Some(before) = before else { return Ok::<_, sqlx::Error>(None) };
            let texts = self.texts_before(conversation, before).await?;
            let next = texts.last().filter(|_| texts.len() == TEXTS_TOGETHER).map(|text| text.position);
            Ok(Some((stream::iter(texts).map(Ok), next)))
        });
        pages.try_flatten()
    }

    async fn texts_before(&self, conversation: ConversationId, before: i64) -> sqlx::Result<Vec<FoundText>> {
        let rows = query(
            "select id, role, text, created_at, position from message
             where conversation = $1 and position < $2 and status <> 'streaming' order by position desc limit $3",
        )
        .bind(conversation.to_string())
        .bind(before)
        .bind(TEXTS_TOGETHER as i64)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(said).collect()
    }
}
