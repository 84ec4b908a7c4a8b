//! Which topics are in memory, and which of them somebody follows.

use super::{Journals, Topic, lock};
use crate::model::{AccountId, ConversationId};
use std::collections::HashSet;
use std::sync::Arc;

impl Journals {
    /// Whether the topic has a journal in memory: then somebody may come back to it.
    pub fn is_kept(&self, topic: Topic) -> bool {
        lock(&self.topics).contains_key(&topic)
    }

    /// The accounts whose list has a journal in memory.
    pub fn lists(&self) -> HashSet<AccountId> {
        let topics = lock(&self.topics);
        let accounts = topics.keys().filter_map(|topic| match topic {
            Topic::Account(id) => Some(*id),
            Topic::Conversation(_) => None,
        });
        accounts.collect()
    }

    /// The conversations that have a journal in memory.
    pub fn conversations(&self) -> HashSet<ConversationId> {
        let topics = lock(&self.topics);
        let conversations = topics.keys().filter_map(|topic| match topic {
            Topic::Conversation(id) => Some(*id),
            Topic::Account(_) => None,
        });
        conversations.collect()
    }

    /// The conversations that have a reader or a writer at this moment.
    pub fn followed(&self) -> HashSet<ConversationId> {
        let topics = lock(&self.topics);
        let followed = topics.iter().filter(|(_, journal)| 1 < Arc::strong_count(journal));
        let conversations = followed.filter_map(|(topic, _)| match topic {
            Topic::Conversation(id) => Some(*id),
            Topic::Account(_) => None,
        });
        conversations.collect()
    }
}
