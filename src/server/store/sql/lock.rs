//! What a write transaction keeps others from doing meanwhile.
//!
//! On SQLite each write transaction is alone anyway. On PostgreSQL it is what its lock says.

use crate::model::{AccountId, ConversationId};
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
}

/// A lock as a batch keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
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
