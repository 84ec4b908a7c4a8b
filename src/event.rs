//! The events of a conversation, and the one fold that turns them into what a user sees.
//!
//! Server, browser and tests fold with the same functions: [`Draft::apply`] for the open reply, [`Thread::apply`]
//! for the conversation around it.

mod cursor;
mod thread;

pub use cursor::{Cursor, NotACursor};
pub use thread::{TAKEN_OVER, Thread};

use crate::model::{
    Access, Assignment, Conversation, ConversationId, Message, MessageId, Preferences, ReplyError, Status, Usage,
    is_none,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One entry of a journal. Large contents are boxed: almost all events are a few letters of a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// A user's message was added.
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
    /// The provider could not answer yet: a sentence about what is done meanwhile, shown until the first piece arrives.
    Waiting {
        reply: MessageId,
        message: String,
        /// The model that is asked from here on, if it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// The model thinks; the text may be empty if the provider does not show it.
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
    /// The conversation was deleted, or the viewer lost access.
    Deleted {
        conversation: ConversationId,
    },
    /// The account has chosen something for its browsers.
    Preferences {
        preferences: Box<Preferences>,
    },
    /// Who answers has changed, in a conversation of a site.
    Assignment {
        assignment: Box<Assignment>,
        /// The reply that this has ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended: Option<MessageId>,
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
            Self::Preferences { .. } => "preferences",
            Self::Assignment { .. } => "assignment",
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    pub conversation: Conversation,
    /// The access of the viewer whom this snapshot is for.
    #[serde(default)]
    pub access: Access,
    /// Who answers, in a conversation of a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// The newest messages on the way to the newest one, oldest first; an open reply is among them.
    pub messages: Vec<Message>,
    /// Whether there are messages before these.
    #[serde(default)]
    pub earlier: bool,
    pub draft: Option<Draft>,
    pub cursor: Cursor,
}

/// An account's conversations, newest first, as they stood at `cursor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List {
    pub items: Vec<Conversation>,
    /// Where the next page starts; none on the last.
    pub next: Option<String>,
    pub cursor: Cursor,
    /// What the account has chosen for its browsers, if anything; in events, and on the first page that the app gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Box<Preferences>>,
}

/// A reply as far as it is generated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Draft {
    pub reply: MessageId,
    pub text: String,
    pub thinking: String,
    /// How long it has thought, in milliseconds, without the current stretch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_ms: Option<u64>,
    /// When the current stretch of thinking began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_since: Option<String>,
    /// What the reply waits for, as a sentence; only set if it is not the model.
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

    /// A reply as far as the store has it, for replies in no journal of this process.
    pub fn stored(message: &Message) -> Self {
        Self {
            text: message.text.clone(),
            thinking: message.thinking.clone(),
            thinking_ms: message.thinking_ms,
            thinking_since: message.thinking_since.clone(),
            ..Self::new(message.id)
        }
    }

    /// How much of the reply there is, as `store/other_process` counts it.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.thinking.len() + self.thinking_since.as_ref().map_or(0, String::len)
    }

    /// Writes the draft into the reply's message.
    pub fn write_to(&self, message: &mut Message) {
        message.text.clone_from(&self.text);
        message.thinking.clone_from(&self.thinking);
        message.thinking_ms = self.thinking_ms;
        message.thinking_since.clone_from(&self.thinking_since);
    }

    /// The one fold: the reply's state after `event`. Events of other replies, and any after the end, change nothing.
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
