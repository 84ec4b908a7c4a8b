//! What a search looks through: the titles and messages that an account may see, newest conversation first.
//!
//! There is no index to search in. It would have to be kept in the transactions that a person's message and a reply's end
//! wait for, and an account's messages are few enough to be read: what one search reads is limited (`server::search`).

use super::{Store, id};
use crate::model::{AccountId, ConversationId, MessageId, Role};
use futures::{Stream, StreamExt};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// How far a search has come: behind this message of this conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub updated_at: String,
    pub conversation: String,
    pub position: i64,
}

/// A conversation with one of its messages. Without one where it has none.
#[derive(Clone, Debug)]
pub struct Found {
    pub conversation: ConversationId,
    pub title: String,
    pub updated_at: String,
    pub message: Option<Said>,
}

#[derive(Clone, Debug)]
pub struct Said {
    pub id: MessageId,
    pub role: Role,
    pub text: String,
    pub created_at: String,
    pub position: i64,
}

fn found(row: &SqliteRow) -> sqlx::Result<Found> {
    let said = |message: &str| {
        Ok::<_, sqlx::Error>(Said {
            id: id(message)?,
            role: super::messages::role(row.try_get("role")?),
            text: row.try_get("text")?,
            created_at: row.try_get("created_at")?,
            position: row.try_get("position")?,
        })
    };
    Ok(Found {
        conversation: id(row.try_get("conversation")?)?,
        title: row.try_get("title")?,
        updated_at: row.try_get("updated_at")?,
        message: row.try_get::<Option<&str>, _>("message")?.map(said).transpose()?,
    })
}

impl Store {
    /// The account's messages from behind `after`, one after the other: newest conversation first, in each the newest message
    /// first. Open replies are left out.
    pub fn texts(&self, account: AccountId, after: Option<Place>) -> impl Stream<Item = sqlx::Result<Found>> {
        // Every real time sorts before this one.
        let end = Place { updated_at: "9999".into(), conversation: String::new(), position: 0 };
        let after = after.unwrap_or(end);
        let rows = sqlx::query(
            "select conversation.id as conversation, conversation.title, conversation.updated_at,
                    message.id as message, message.role, message.text, message.created_at, message.position
             from conversation
             left join message on message.conversation = conversation.id and message.status <> 'streaming'
             where (conversation.account = $1 or conversation.id in (select conversation from share where account = $1))
               and (conversation.updated_at < $2 or (conversation.updated_at = $2
                    and (conversation.id < $3 or (conversation.id = $3 and message.position < $4))))
             order by conversation.updated_at desc, conversation.id desc, message.position desc",
        )
        .bind(account.to_string())
        .bind(after.updated_at)
        .bind(after.conversation)
        .bind(after.position)
        .fetch(self.read());
        rows.map(|row| found(&row?))
    }
}
