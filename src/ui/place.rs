//! Where the page is.

use crate::browser;
use crate::model::ConversationId;
use server_fn::client::try_set_server_url;
use uuid::Uuid;

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Start,
    Conversation(ConversationId),
}

impl Place {
    /// The place of a page of ours. An id that cannot be read becomes the nil one: it is nobody's, so the server answers
    /// that it is not there.
    pub fn parse(path: &str) -> Self {
        match path.split_once("/c/") {
            Some((_, id)) => Self::Conversation(id.parse().unwrap_or(ConversationId(Uuid::nil()))),
            None => Self::Start,
        }
    }

    /// The place that a link leads to; none where it leads elsewhere.
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

/// What a public link's page asks for is under the link as well: that is its right to ask. Called once, before anything is
/// asked.
pub fn ask_there() {
    let path = browser::path();
    if let Some((link, _)) = path.split_once("/c/").filter(|(link, _)| !link.is_empty()) {
        // Fails where it is set already.
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
        let here = Place::Conversation(ConversationId::new());
        assert_eq!(Place::parse(&here.path()), here);
        assert_eq!(Place::parse(&format!("/p/0123abcd{}", here.path())), here, "under a public link");
        assert_eq!(Place::parse("/"), Place::Start);
    }

    #[test]
    fn an_unreadable_id_is_nobodys() {
        assert_eq!(Place::parse("/c/../etc"), Place::Conversation(ConversationId(Uuid::nil())));
    }

    #[test]
    fn only_links_to_our_places_are_followed_here() {
        let here = Place::Conversation(ConversationId::new());
        assert_eq!(Place::of_link(&here.path()), Some(here));
        assert_eq!(Place::of_link("/"), Some(Place::Start));
        for elsewhere in ["", "#text", "/healthz", "/c/1", "https://example.com/", "//example.com/", "/?x"] {
            assert_eq!(Place::of_link(elsewhere), None, "{elsewhere}");
        }
    }
}
