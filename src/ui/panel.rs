//! What can be open over the page. Its code is loaded on demand by `panels`, so that its callers know only these types.

use crate::model::{ConversationId, MessageId};
use crate::ui::page::PageState;
use crate::ui::parts::toast::Undo;
use leptos::prelude::*;
use std::cell::RefCell;

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

thread_local! {
    /// What was typed since the palette or the list of models was asked for and before it was there: its code may have to
    /// be loaded first. A browser's page has one thread.
    static TYPED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From here on what is typed is meant for what opens.
pub fn begin_typing() {
    TYPED.set(Some(String::new()));
}

/// Keeps a letter for what opens. `false`: nothing is waited for.
pub fn keep(letter: &str) -> bool {
    TYPED.with_borrow_mut(|typed| typed.as_mut().map(|typed| typed.push_str(letter)).is_some())
}

/// What was typed, for what opens or, where it cannot, for nothing: it is not waited for any more.
pub fn take_typed() -> String {
    TYPED.take().unwrap_or_default()
}

/// The function that draws a panel. Some offer to undo what was done in them.
pub type Drawer = fn(Panel, RwSignal<Option<Undo>>) -> AnyView;

/// The function that opens a panel.
pub type Opener = fn(PageState, Panel, Drawer);
