//! A conversation as readers with its public link see it: what is hidden from them, and their identity for the rest of
//! the server.

use crate::event::{Event, Snapshot};
use crate::model::{Conversation, Message, Parameters};

/// A snapshot for readers with the public link. `names`: they may see people's names.
pub fn snapshot(snapshot: &mut Snapshot, names: bool) {
    conversation(&mut snapshot.conversation, names);
    snapshot.messages.iter_mut().for_each(|it| message(it, names));
}

/// The texts, and their authors where names are shown; no costs, and no sibling versions.
pub fn message(message: &mut Message, names: bool) {
    message.usage = None;
    message.versions = None;
    if !names {
        message.author = None;
    }
}

/// Without the owner's system prompt.
fn conversation(conversation: &mut Conversation, names: bool) {
    conversation.system = String::new();
    conversation.parameters = Parameters::default();
    // What is not said yet is for those who may speak.
    conversation.queued = None;
    if !names {
        conversation.owner = None;
    }
}

/// An event for readers with the public link; none where it needs no change.
pub fn event(told: &Event, names: bool) -> Option<Event> {
    let mut told = match told {
        Event::Message { .. } | Event::Conversation { .. } => told.clone(),
        Event::Done { .. } | Event::Stopped { .. } | Event::Error { .. } => told.clone(),
        // By name, so that a new event has to be decided on here.
        Event::Snapshot(_) | Event::List(_) | Event::Resumed { .. } | Event::Deleted { .. } => return None,
        // Of an account.
        Event::Preferences { .. } => return None,
        // Of sites, whose conversations have no public link.
        Event::Assignment { .. } => return None,
        Event::Reply { .. } | Event::Waiting { .. } | Event::Thinking { .. } | Event::Token { .. } => return None,
        Event::Interrupted { .. } => return None,
    };
    match &mut told {
        Event::Message { message: said } => message(said, names),
        Event::Conversation { conversation: changed } => conversation(changed, names),
        Event::Done { usage, .. } | Event::Stopped { usage, .. } | Event::Error { usage, .. } => *usage = None,
        _ => {}
    }
    Some(told)
}
