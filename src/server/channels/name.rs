//! Channels by their names.

use crate::model::{AccountId, ConversationId};
use std::sync::Arc;

/// The protocol's limit.
const LONGEST: usize = 164;

/// A channel's name, as the protocol allows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Arc<str>);

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// `private-conversations.{id}`: the events of a conversation.
    Conversation(ConversationId),
    /// `presence-conversations.{id}`: who is viewing it.
    Audience(ConversationId),
    /// `private-accounts.{id}`: an account's list of conversations.
    Account(AccountId),
    /// Not one of Rivulet's: a trusted backend publishes there, and signs who may listen.
    Other,
}

impl Name {
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-=@,.;".contains(c);
        let fits = (1..=LONGEST).contains(&text.len());
        (fits && text.chars().all(allowed)).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn channel(&self) -> Channel {
        let Some((kind, id)) = self.0.split_once('.') else { return Channel::Other };
        match kind {
            "private-conversations" => id.parse().map_or(Channel::Other, Channel::Conversation),
            "presence-conversations" => id.parse().map_or(Channel::Other, Channel::Audience),
            "private-accounts" => id.parse().map_or(Channel::Other, Channel::Account),
            _ => Channel::Other,
        }
    }

    /// Whether subscribing needs a signature.
    pub fn is_private(&self) -> bool {
        self.0.starts_with("private-") || self.is_presence()
    }

    /// Whether its subscribers see each other.
    pub fn is_presence(&self) -> bool {
        self.0.starts_with("presence-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_the_protocol_writes_them() {
        let id = ConversationId::new();
        let channel = |text: String| Name::parse(&text).unwrap().channel();
        assert_eq!(channel(format!("private-conversations.{id}")), Channel::Conversation(id));
        assert_eq!(channel(format!("presence-conversations.{id}")), Channel::Audience(id));
        assert_eq!(channel(format!("private-accounts.{id}")), Channel::Account(AccountId(id.0)));
        for other in ["private-conversations.42", "orders", "private-App.Models.User.1", "conversations.1"] {
            assert_eq!(channel(other.into()), Channel::Other);
        }
        for wrong in ["", "a b", "#a", "é", "a/b", &"a".repeat(165)] {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
    }
}
