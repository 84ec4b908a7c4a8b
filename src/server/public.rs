//! A conversation that everybody may read who has its public link: what they are not shown, and who they are to the rest
//! of the server.

use crate::event::{Event, Snapshot};
use crate::model::{Conversation, Message, Parameters};

/// A snapshot as passers-by see it. `names`: they may know who the people are.
pub fn snapshot(snapshot: &mut Snapshot, names: bool) {
    conversation(&mut snapshot.conversation, names);
    snapshot.messages.iter_mut().for_each(|it| message(it, names));
}

/// What was said, and by whom where names are shown; not what it has cost, nor what stands beside it.
pub fn message(message: &mut Message, names: bool) {
    message.usage = None;
    message.versions = None;
    if !names {
        message.author = None;
    }
}

/// Without what the owner has told the model before everything else.
fn conversation(conversation: &mut Conversation, names: bool) {
    conversation.system = String::new();
    conversation.parameters = Parameters::default();
    if !names {
        conversation.owner = None;
    }
}

/// An event as passers-by see it; none where they see it as it is.
pub fn event(told: &Event, names: bool) -> Option<Event> {
    let mut told = match told {
        Event::Message { .. } | Event::Conversation { .. } => told.clone(),
        Event::Done { .. } | Event::Stopped { .. } | Event::Error { .. } => told.clone(),
        _ => return None,
    };
    match &mut told {
        Event::Message { message: said } => message(said, names),
        Event::Conversation { conversation: changed } => conversation(changed, names),
        Event::Done { usage, .. } | Event::Stopped { usage, .. } | Event::Error { usage, .. } => *usage = None,
        _ => {}
    }
    Some(told)
}
