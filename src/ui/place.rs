//! Where the page is, by its address.

use crate::model::ConversationId;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use uuid::Uuid;

/// What the address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Start,
    Conversation(ConversationId),
}

impl Place {
    /// The page's place, as it changes.
    pub fn here() -> Memo<Self> {
        let pathname = use_location().pathname;
        Memo::new(move |_| pathname.with(|path| Self::parse(path)))
    }

    /// An id that cannot be read becomes the nil one. It is nobody's, so the server answers that it is not there.
    fn parse(path: &str) -> Self {
        match path.strip_prefix("/c/") {
            Some(id) => Self::Conversation(id.parse().unwrap_or(ConversationId(Uuid::nil()))),
            None => Self::Start,
        }
    }

    pub fn conversation(self) -> Option<ConversationId> {
        match self {
            Self::Start => None,
            Self::Conversation(id) => Some(id),
        }
    }
}

pub fn address(id: ConversationId) -> String {
    format!("/c/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_conversation() {
        let id = ConversationId::new();
        assert_eq!(Place::parse(&address(id)), Place::Conversation(id));
        assert_eq!(Place::parse("/"), Place::Start);
    }

    #[test]
    fn an_unreadable_id_is_nobodys() {
        assert_eq!(Place::parse("/c/../etc"), Place::Conversation(ConversationId(Uuid::nil())));
    }
}
