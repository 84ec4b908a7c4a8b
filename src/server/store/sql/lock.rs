//! What a write transaction keeps others from doing meanwhile.
//!
//! On SQLite each write transaction is alone anyway. On PostgreSQL it is what its lock says.

use crate::model::{AccountId, ConversationId, SiteId};
use sha2::{Digest, Sha256};

/// Which other write transactions wait for this one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lock<'a> {
    /// All of them.
    Alone,
    /// Those that are alone, and those that share a key with it. What writes into a conversation has the
    /// conversation's key; what counts something of an account has the account's.
    Beside(&'a [Key]),
    /// None: it is one statement, which is right whatever others write at the same time.
    None,
}

/// What a transaction writes into, or counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Conversation(ConversationId),
    Account(AccountId),
    /// What counts against a site's budget.
    Site(SiteId),
}

/// What all write transactions of PostgreSQL lock, alone or beside each other. No key's number, but any number would do.
const ALL: i64 = 0x5256_4c54;

/// A lock as a transaction keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Alone,
    /// In the one order in which everybody takes them, so that no two wait for each other.
    Beside(Vec<i64>),
    None,
}

impl Key {
    /// The number that PostgreSQL knows it by.
    fn number(self) -> i64 {
        let named = match self {
            Self::Conversation(id) => format!("conversation:{id}"),
            Self::Account(id) => format!("account:{id}"),
            Self::Site(id) => format!("site:{id}"),
        };
        let hash = Sha256::digest(named.as_bytes());
        i64::from_be_bytes(hash[..8].try_into().expect("a SHA-256 has 32 bytes"))
    }
}

impl From<Lock<'_>> for Held {
    fn from(lock: Lock<'_>) -> Self {
        match lock {
            Lock::Alone => Self::Alone,
            Lock::None => Self::None,
            Lock::Beside(keys) => {
                let mut numbers: Vec<_> = keys.iter().map(|key| key.number()).collect();
                numbers.sort_unstable();
                numbers.dedup();
                Self::Beside(numbers)
            }
        }
    }
}

impl Held {
    /// What begins a transaction of PostgreSQL with it, in one round trip. Each statement afterwards sees what those have
    /// written for which it waited; a lock inside of a statement would not do that. `news` is a statement that is part of
    /// the transaction.
    pub(super) fn begin(&self, news: Option<&str>) -> String {
        let mut begin = match self {
            Self::Alone => format!("begin; select pg_advisory_xact_lock({ALL})"),
            Self::None => "begin".into(),
            Self::Beside(keys) => {
                let each = keys.iter().map(|key| format!("; select pg_advisory_xact_lock({key})"));
                format!("begin; select pg_advisory_xact_lock_shared({ALL}){}", each.collect::<String>())
            }
        };
        if let Some(news) = news {
            begin.push_str("; ");
            begin.push_str(news);
        }
        begin
    }
}
