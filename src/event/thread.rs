//! The fold of a conversation's journal.

use super::{Draft, Event, Snapshot};
use crate::model::{Access, Assignment, Conversation, Message, MessageId, Status, Versions};

/// Why a reply ended that an agent has taken over from.
pub const TAKEN_OVER: &str = "taken_over";

/// A conversation as a viewer has it: the fold of its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    pub conversation: Conversation,
    pub access: Access,
    pub assignment: Option<Assignment>,
    pub messages: Vec<Message>,
    pub earlier: bool,
    pub draft: Option<Draft>,
    pub deleted: bool,
}

impl From<Snapshot> for Thread {
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { conversation, access, assignment, messages, earlier, draft, .. } = snapshot;
        Self { conversation, access, assignment, messages, earlier, draft, deleted: false }
    }
}

impl Thread {
    /// Folds one event. Each is to be applied once and in order; `wire::Line::order` sees to that.
    ///
    /// A snapshot may know more than its cursor covers, for the store is read after the journal. Applying those events
    /// again changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Snapshot(snapshot) => *self = Self::from((**snapshot).clone()),
            Event::Message { message } => self.place((**message).clone()),
            Event::Reply { reply, .. } if self.has_ended(*reply) => {}
            Event::Reply { reply, model, parent, created_at, left_out, images_left_out } => {
                self.set_aside();
                let message = Message::opened(*reply, *parent, model, created_at.clone());
                self.place(Message { left_out: *left_out, images_left_out: *images_left_out, ..message });
                self.draft = Some(Draft::new(*reply));
            }
            Event::Conversation { conversation } => {
                let queued = conversation.queued.clone().or(self.conversation.queued.take());
                self.conversation = Conversation { queued, ..(**conversation).clone() };
            }
            Event::Deleted { .. } => self.deleted = true,
            Event::Assignment { assignment, ended } => self.assign(assignment, *ended),
            Event::List(_) | Event::Resumed { .. } | Event::Preferences { .. } => {}
            _ => self.advance(event),
        }
    }

    /// Takes what is newer than what is known: changes of many conversations at once may be told out of order.
    fn assign(&mut self, assignment: &Assignment, ended: Option<MessageId>) {
        if let Some(message) = self.messages.iter_mut().find(|message| Some(message.id) == ended) {
            message.stop_reason = Some(TAKEN_OVER.into());
        }
        if self.assignment.as_ref().is_none_or(|known| known.number < assignment.number) {
            self.assignment = Some(assignment.clone());
        }
    }

    /// Puts a message after its parent. Messages that were there belong to another branch and are no longer shown.
    fn place(&mut self, message: Message) {
        if let Some(known) = self.messages.iter_mut().find(|known| known.id == message.id) {
            let versions = known.versions;
            *known = Message { versions, ..message };
            return;
        }
        let behind = |known: &Message| Some(known.id) == message.parent;
        let keep = self.messages.iter().position(behind).map_or(0, |index| index + 1);
        if keep == 0 {
            // Its parent, if any, is before the messages that are shown.
            self.earlier = message.parent.is_some();
        }
        let former = self.messages.drain(keep..).next().filter(|former| former.parent == message.parent);
        let versions = former.map(|former| {
            let count = former.versions.map_or(1, |versions| versions.count) + 1;
            Versions { number: count, count }
        });
        self.messages.push(Message { versions, ..message });
    }

    fn has_ended(&self, reply: MessageId) -> bool {
        self.messages.iter().any(|message| message.id == reply && !message.status.is_open())
    }

    /// Keeps the text of a draft whose end did not arrive before the next reply began.
    fn set_aside(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        if let Some(message) = self.messages.iter_mut().find(|message| message.id == draft.reply) {
            draft.write_to(message);
            message.thinking_since = None;
        }
    }

    fn ask_instead(&mut self, reply: MessageId, model: &str) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.id == reply && message.status.is_open())
            && message.model.as_deref() != Some(model)
        {
            let former = message.model.replace(model.to_owned());
            message.asked = message.asked.take().or(former);
        }
    }

    fn advance(&mut self, event: &Event) {
        if let Some(draft) = &mut self.draft {
            draft.apply(event);
        }
        if let Event::Waiting { reply, model: Some(model), .. } = event {
            self.ask_instead(*reply, model);
        }
        let (Some(reply), Some(status)) = (event.reply(), event.outcome()) else { return };
        if self.draft.as_ref().is_some_and(|draft| draft.reply == reply) {
            self.set_aside();
        }
        let open = |message: &&mut Message| message.id == reply && message.status.is_open();
        if let Some(message) = self.messages.iter_mut().find(open) {
            finish(message, status, event);
        }
    }
}

fn finish(message: &mut Message, status: Status, event: &Event) {
    message.status = status;
    match event {
        Event::Done { usage, stop_reason, .. } => {
            message.usage = *usage;
            message.stop_reason.clone_from(stop_reason);
        }
        Event::Stopped { usage, .. } => message.usage = *usage,
        Event::Error { error, usage, .. } => {
            message.usage = *usage;
            message.error = Some((**error).clone());
        }
        _ => {}
    }
}
