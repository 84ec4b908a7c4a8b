//! The routes of the page.

use crate::browser;
use crate::model::{ConversationId, MessageId};
use server_fn::client::try_set_server_url;
use uuid::Uuid;

/// The element id of a message's row, for links and for scrolling.
pub fn anchor(id: MessageId) -> String {
    format!("m-{id}")
}

/// The route that an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Start,
    Conversation(ConversationId),
}

impl Route {
    /// The route of one of our paths. An invalid id becomes the nil UUID, which no conversation has, so the server
    /// answers 404.
    pub fn parse(path: &str) -> Self {
        match path.split_once("/c/") {
            Some((_, id)) => Self::Conversation(id.parse().unwrap_or(ConversationId(Uuid::nil()))),
            None => Self::Start,
        }
    }

    /// The route that a link leads to; none for other addresses.
    pub fn of_link(href: &str) -> Option<Self> {
        let place = Self::parse(href);
        (place.path() == href).then_some(place)
    }

    pub fn path(self) -> String {
        match self {
            Self::Start => "/".into(),
            Self::Conversation(id) => format!("/c/{id}"),
        }
    }

    pub fn conversation(self) -> Option<ConversationId> {
        match self {
            Self::Start => None,
            Self::Conversation(id) => Some(id),
        }
    }
}

/// The page for sharing and leaving a conversation. The server renders it.
pub fn sharing(id: ConversationId) -> String {
    format!("/c/{id}/sharing")
}

/// On a public link's page, sends all requests below the link's path, which grants the access. Called once, before the
/// first request.
pub fn ask_there() {
    let path = browser::path();
    if let Some((link, _)) = path.split_once("/c/").filter(|(link, _)| !link.is_empty()) {
        // Fails if it is set already.
        let _ = try_set_server_url(link.to_owned().leak());
    }
}

/// Whether this is a public link's page.
pub fn is_public() -> bool {
    browser::path().starts_with("/p/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_conversation() {
        let here = Route::Conversation(ConversationId::new());
        assert_eq!(Route::parse(&here.path()), here);
        assert_eq!(Route::parse(&format!("/p/0123abcd{}", here.path())), here, "under a public link");
        assert_eq!(Route::parse("/"), Route::Start);
    }

    #[test]
    fn an_unreadable_id_is_nobodys() {
        assert_eq!(Route::parse("/c/../etc"), Route::Conversation(ConversationId(Uuid::nil())));
    }

    #[test]
    fn only_links_to_our_places_are_followed_here() {
        let here = Route::Conversation(ConversationId::new());
        assert_eq!(Route::of_link(&here.path()), Some(here));
        assert_eq!(Route::of_link("/"), Some(Route::Start));
        for elsewhere in ["", "#text", "/healthz", "/c/1", "https://example.com/", "//example.com/", "/?x"] {
            assert_eq!(Route::of_link(elsewhere), None, "{elsewhere}");
        }
    }
}
