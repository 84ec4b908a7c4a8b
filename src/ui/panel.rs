//! What can be open over the page. Its code is loaded on demand by `panels`, so that its callers know only these types.

use crate::model::{ConversationId, MessageId};
use crate::ui::page::PageState;

/// The id of the element that panels are drawn in.
pub const PLACE: &str = "panels";

/// The id of the browser's list of models.
pub const PICKER: &str = "model";

/// The id of the button that asks which model should reply instead.
pub fn again(reply: MessageId) -> String {
    format!("again-{reply}")
}

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
    /// Who has the conversation.
    Sharing(ConversationId),
    /// The conversations that were put away.
    Archive,
    /// How this browser shows everything, and the way to the account.
    Settings,
}

/// The function that opens a panel.
pub type Opener = fn(PageState, Panel);
