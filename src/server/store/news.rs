//! News: what a transaction has changed for viewers at other nodes, written by that transaction itself. Whatever becomes of
//! the node that wrote it, the others find it, and look again.
//!
//! On PostgreSQL only, where it goes in the command that begins the transaction and costs no round trip. Two processes on a
//! file of SQLite know of each other only during an update, and look at each other's replies.

use super::Store;
use super::sql::batch::Batch;
use super::sql::{Connection, Lock, query};
use crate::model::{AccountId, ConversationId};
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// Longer than any transaction takes, and than a node stands still that is not taken for dead.
pub const KEEP: Duration = Duration::from_secs(60);

/// The database's clock, in milliseconds since 1970.
macro_rules! clock {
    () => {
        "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)"
    };
}

/// What is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// A conversation, and not how lists show it.
    Conversation(ConversationId),
    /// A conversation, and the lists that have it.
    Listed(ConversationId),
    /// An account's list.
    Account(AccountId),
}

impl News {
    fn topic(self) -> String {
        match self {
            Self::Conversation(id) => format!("conversation/{id}"),
            Self::Listed(id) => format!("listed/{id}"),
            Self::Account(id) => format!("account/{id}"),
        }
    }

    /// None: a newer version has written it.
    pub(super) fn read(topic: &str) -> Option<Self> {
        match topic.split_once('/')? {
            ("conversation", id) => id.parse().ok().map(Self::Conversation),
            ("listed", id) => id.parse().ok().map(Self::Listed),
            ("account", id) => id.parse().ok().map(Self::Account),
            _ => None,
        }
    }
}

impl Store {
    /// The statement that writes them; none where nobody reads it. It has no values but ids, which are safe in a text.
    pub(super) fn telling(&self, news: &[News]) -> Option<String> {
        if news.is_empty() || !self.has_nodes() {
            return None;
        }
        let rows = news.iter().map(|news| {
            let (id, topic, process) = (uuid::Uuid::now_v7(), news.topic(), self.process());
            format!(concat!("('{}', '{}', '{}', ", clock!(), ")"), id, topic, process)
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        Some(format!("insert into news (id, topic, process, at) values {rows}"))
    }

    /// Writes them in a transaction that has begun.
    pub(super) async fn tell_in(&self, write: &mut Connection, news: &[News]) -> sqlx::Result<()> {
        match self.telling(news) {
            Some(statement) => write.command(AssertSqlSafe(statement)).await,
            None => Ok(()),
        }
    }

    /// Deletes what every node has seen.
    pub async fn forget_news(&self) -> sqlx::Result<()> {
        if self.has_nodes() {
            let old = query(concat!("delete from news where at < ", clock!(), " - $1")).bind(KEEP.as_millis() as i64);
            self.write_batch(Batch::write(Lock::None).then(old)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for news in [
            News::Conversation(ConversationId::new()),
            News::Listed(ConversationId::new()),
            News::Account(AccountId::new()),
        ] {
            assert_eq!(News::read(&news.topic()), Some(news));
        }
        assert_eq!(News::read("of a later version/x"), None);
        assert_eq!(News::read("listed/x"), None);
    }
}
