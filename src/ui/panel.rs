//! What can be open over the page. Its code is loaded on demand by `panels`, so that its callers know only these types.

use crate::model::ConversationId;
use leptos::prelude::AnyView;

/// What is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    /// The menu of a conversation in the list.
    Menu(ConversationId),
    /// The field for its new title, in its place in the list.
    Rename(ConversationId),
    /// Search, and everything that can be done by a word.
    Palette,
    /// The keys that do something.
    Keys,
}

/// The function that draws what is open.
pub type Drawn = fn() -> AnyView;
