//! What can be open over the page. Its code is loaded on demand by `panels`, so that its callers know only these types.

use crate::model::ConversationId;
use crate::ui::page::PageState;

/// The id of the element that panels are drawn in.
pub const PLACE: &str = "panels";

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

/// The function that opens a panel.
pub type Opener = fn(PageState, Panel);
