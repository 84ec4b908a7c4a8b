//! What happens in a conversation, and the one fold that turns it into what a person sees.
//!
//! Server, browser and tests fold with the same functions: [`Draft::apply`] for the open reply, [`Thread::apply`]
//! for the conversation around it.

use crate::model::{Access, Conversation, ConversationId, Message, MessageId, ReplyError, Status, Usage, is_none};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// A place in a journal: everything up to `seq` of the journal's life `epoch` has been seen.
///
/// Opaque to clients: `epoch:seq`, the epoch in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub epoch: u64,
    pub seq: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{}", self.epoch, self.seq)
    }
}

/// Not a cursor of ours. Whoever follows with it starts over from a snapshot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (epoch, seq) = text.split_once(':').ok_or(NotACursor)?;
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| NotACursor)?;
        let seq = seq.parse().map_err(|_| NotACursor)?;
        Ok(Self { epoch, seq })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One entry of a journal. What is large is boxed: almost all events are a few letters of a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// Start over from here. The first event of a follow, unless it is `resumed`.
    Snapshot(Box<Snapshot>),
    /// Start over from here, for an account's list of conversations.
    List(Box<List>),
    /// What follows continues after this cursor.
    Resumed {
        from: Cursor,
    },
    /// A person's message was added.
    Message {
        message: Box<Message>,
    },
    /// Generation began. The reply answers `parent`.
    Reply {
        reply: MessageId,
        model: String,
        parent: Option<MessageId>,
        created_at: String,
        /// How many of the conversation's first messages the model is not shown.
        #[serde(default, skip_serializing_if = "is_none")]
        left_out: u32,
        /// How many of the conversation's images the model is not shown.
        #[serde(default, skip_serializing_if = "is_none")]
        images_left_out: u32,
    },
    /// The provider could not answer yet: what is being done about it, in a sentence, until the first piece arrives.
    Waiting {
        reply: MessageId,
        message: String,
        /// The model that is asked from here on, where it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// The model thinks; the text may be empty when it does so in silence.
    Thinking {
        reply: MessageId,
        text: String,
        /// When it began; in the first event of each stretch of thinking.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<String>,
        /// How long it has thought in this reply, in milliseconds; in the event that ends a stretch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ms: Option<u64>,
    },
    Token {
        reply: MessageId,
        text: String,
    },
    Done {
        reply: MessageId,
        usage: Option<Usage>,
        stop_reason: Option<String>,
    },
    Stopped {
        reply: MessageId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
    Interrupted {
        reply: MessageId,
    },
    Error {
        reply: MessageId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
        #[serde(flatten)]
        error: Box<ReplyError>,
    },
    /// A title or a setting changed, or a conversation appeared in the list.
    Conversation {
        conversation: Box<Conversation>,
    },
    /// The conversation is gone.
    Deleted {
        conversation: ConversationId,
    },
}

impl Event {
    /// The event's name on every transport.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Snapshot(_) => "snapshot",
            Self::List(_) => "list",
            Self::Resumed { .. } => "resumed",
            Self::Message { .. } => "message",
            Self::Reply { .. } => "reply",
            Self::Waiting { .. } => "waiting",
            Self::Thinking { .. } => "thinking",
            Self::Token { .. } => "token",
            Self::Done { .. } => "done",
            Self::Stopped { .. } => "stopped",
            Self::Interrupted { .. } => "interrupted",
            Self::Error { .. } => "error",
            Self::Conversation { .. } => "conversation",
            Self::Deleted { .. } => "deleted",
        }
    }

    /// The reply that this event is about.
    pub fn reply(&self) -> Option<MessageId> {
        match self {
            Self::Reply { reply, .. }
            | Self::Waiting { reply, .. }
            | Self::Thinking { reply, .. }
            | Self::Token { reply, .. }
            | Self::Done { reply, .. }
            | Self::Stopped { reply, .. }
            | Self::Interrupted { reply }
            | Self::Error { reply, .. } => Some(*reply),
            _ => None,
        }
    }

    /// The state that this event ends a reply with.
    pub fn outcome(&self) -> Option<Status> {
        match self {
            Self::Done { .. } => Some(Status::Done),
            Self::Stopped { .. } => Some(Status::Stopped),
            Self::Interrupted { .. } => Some(Status::Interrupted),
            Self::Error { .. } => Some(Status::Failed),
            _ => None,
        }
    }
}

/// A conversation as it stood at `cursor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub conversation: Conversation,
    /// What whoever asked may do here.
    #[serde(default)]
    pub access: Access,
    /// The newest messages on the way to the newest one, oldest first; an open reply is among them.
    pub messages: Vec<Message>,
    /// Whether there are messages before these.
    #[serde(default)]
    pub earlier: bool,
    pub draft: Option<Draft>,
    pub cursor: Cursor,
}

/// An account's conversations, newest first, as they stood at `cursor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List {
    pub items: Vec<Conversation>,
    /// Where the next page starts; none on the last.
    pub next: Option<String>,
    pub cursor: Cursor,
}

/// A reply as far as it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub reply: MessageId,
    pub text: String,
    pub thinking: String,
    /// How long it has thought, in milliseconds, without what is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_ms: Option<u64>,
    /// When the thinking began that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_since: Option<String>,
    /// What the reply waits for, in a sentence, where it does not simply wait for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    pub status: Status,
}

impl Draft {
    pub fn new(reply: MessageId) -> Self {
        Self {
            reply,
            text: String::new(),
            thinking: String::new(),
            thinking_ms: None,
            thinking_since: None,
            waiting: None,
            status: Status::Streaming,
        }
    }

    /// A reply as far as the store has it, where no journal of this process does.
    pub fn stored(message: &Message) -> Self {
        Self {
            text: message.text.clone(),
            thinking: message.thinking.clone(),
            thinking_ms: message.thinking_ms,
            thinking_since: message.thinking_since.clone(),
            ..Self::new(message.id)
        }
    }

    /// Writes what this says into the reply's message.
    pub fn write_to(&self, message: &mut Message) {
        message.text.clone_from(&self.text);
        message.thinking.clone_from(&self.thinking);
        message.thinking_ms = self.thinking_ms;
        message.thinking_since.clone_from(&self.thinking_since);
    }

    /// The one fold: what the reply is after `event`. Events of other replies, and any after the end, change nothing.
    pub fn apply(&mut self, event: &Event) {
        if event.reply() != Some(self.reply) || !self.status.is_open() {
            return;
        }
        self.waiting = None;
        match event {
            Event::Waiting { message, .. } => self.waiting = Some(message.clone()),
            Event::Token { text, .. } => self.text.push_str(text),
            Event::Thinking { text, since, ms, .. } => {
                self.thinking.push_str(text);
                self.think(since.as_ref(), *ms);
            }
            _ => self.status = event.outcome().unwrap_or(self.status),
        }
    }

    fn think(&mut self, since: Option<&String>, ms: Option<u64>) {
        if since.is_some() {
            self.thinking_since = since.cloned();
        }
        if ms.is_some() {
            self.thinking_ms = ms;
            self.thinking_since = None;
        }
    }
}

/// A conversation as a viewer holds it: the fold of its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    pub conversation: Conversation,
    pub access: Access,
    pub messages: Vec<Message>,
    pub earlier: bool,
    pub draft: Option<Draft>,
    pub deleted: bool,
}

impl From<Snapshot> for Thread {
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { conversation, access, messages, earlier, draft, .. } = snapshot;
        Self { conversation, access, messages, earlier, draft, deleted: false }
    }
}

impl Thread {
    /// Folds one event. Each is to be applied once and in order; `wire::Line::order` sees to that.
    ///
    /// A snapshot may know more than its cursor covers, for the store is read after the journal. Being told that again
    /// changes nothing.
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
            Event::Conversation { conversation } => self.conversation.clone_from(conversation),
            Event::Deleted { .. } => self.deleted = true,
            Event::List(_) | Event::Resumed { .. } => {}
            _ => self.advance(event),
        }
    }

    /// Puts a message behind its parent. What stood there belongs to another branch and is no longer shown.
    fn place(&mut self, message: Message) {
        if let Some(known) = self.messages.iter_mut().find(|known| known.id == message.id) {
            *known = message;
            return;
        }
        let behind = |known: &Message| Some(known.id) == message.parent;
        let keep = self.messages.iter().position(behind).map_or(0, |index| index + 1);
        if keep == 0 {
            // Its parent, if any, is further up than what is shown.
            self.earlier = message.parent.is_some();
        }
        self.messages.truncate(keep);
        self.messages.push(message);
    }

    fn has_ended(&self, reply: MessageId) -> bool {
        self.messages.iter().any(|message| message.id == reply && !message.status.is_open())
    }

    /// Keeps the text of a draft whose end was not heard of before the next reply began.
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
