//! A line's JSON to an event.
//!
//! serde's own way to read a tagged enum keeps the whole object in a buffer of its own making first. That code would be
//! a tenth of what a browser downloads, so the line is read twice instead: first its type, then its members.

use super::{Line, Topic};
use crate::event::{Cursor, Event};
use crate::json::{Unreadable, read};
use crate::model::{Assignment, Conversation, ConversationId, Message, MessageId, Preferences, ReplyError, Usage};
use serde::Deserialize;

/// The members that every line has.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    id: Cursor,
    #[serde(default)]
    topic: Topic,
    first: Option<u64>,
}

#[derive(Deserialize)]
struct OfMessage {
    message: Box<Message>,
}

#[derive(Deserialize)]
struct OfConversation {
    conversation: Box<Conversation>,
}

#[derive(Deserialize)]
struct OfPreferences {
    preferences: Box<Preferences>,
}

#[derive(Deserialize)]
struct OfAssignment {
    assignment: Box<Assignment>,
    #[serde(default)]
    ended: Option<MessageId>,
}

/// The members of all other events together. Which of them an event must have is checked as it is made.
#[derive(Deserialize)]
struct Members {
    from: Option<Cursor>,
    reply: Option<MessageId>,
    text: Option<String>,
    since: Option<String>,
    ms: Option<u64>,
    model: Option<String>,
    parent: Option<MessageId>,
    created_at: Option<String>,
    #[serde(default)]
    left_out: u32,
    #[serde(default)]
    images_left_out: u32,
    usage: Option<Usage>,
    stop_reason: Option<String>,
    kind: Option<String>,
    message: Option<String>,
    retryable: Option<bool>,
    retry_after_ms: Option<u64>,
    conversation: Option<ConversationId>,
}

impl Line {
    /// Reads a line. An event that this version does not know is an error, as is a member that is missing.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let text = text.as_bytes();
        let Head { kind, id, topic, first } = read(text)?;
        let event = match kind.as_str() {
            "snapshot" => Event::Snapshot(Box::new(read(text)?)),
            "list" => Event::List(Box::new(read(text)?)),
            "message" => Event::Message { message: read::<OfMessage>(text)?.message },
            "conversation" => Event::Conversation { conversation: read::<OfConversation>(text)?.conversation },
            "preferences" => Event::Preferences { preferences: read::<OfPreferences>(text)?.preferences },
            "assignment" => {
                let OfAssignment { assignment, ended } = read(text)?;
                Event::Assignment { assignment, ended }
            }
            _ => event(&kind, read(text)?)?,
        };
        Ok(Self { id, topic, first, event })
    }
}

fn event(kind: &str, members: Members) -> Result<Event, Unreadable> {
    let reply = || member(members.reply);
    Ok(match kind {
        "resumed" => Event::Resumed { from: member(members.from)? },
        "reply" => Event::Reply {
            reply: reply()?,
            model: member(members.model)?,
            parent: members.parent,
            created_at: member(members.created_at)?,
            left_out: members.left_out,
            images_left_out: members.images_left_out,
        },
        "waiting" => Event::Waiting { reply: reply()?, message: member(members.message)?, model: members.model },
        "thinking" => {
            Event::Thinking { reply: reply()?, text: member(members.text)?, since: members.since, ms: members.ms }
        }
        "token" => Event::Token { reply: reply()?, text: member(members.text)? },
        "done" => Event::Done { reply: reply()?, usage: members.usage, stop_reason: members.stop_reason },
        "stopped" => Event::Stopped { reply: reply()?, usage: members.usage },
        "interrupted" => Event::Interrupted { reply: reply()? },
        "error" => Event::Error {
            reply: reply()?,
            usage: members.usage,
            error: Box::new(ReplyError {
                kind: member(members.kind)?,
                message: member(members.message)?,
                retryable: member(members.retryable)?,
                retry_after_ms: members.retry_after_ms,
            }),
        },
        "deleted" => Event::Deleted { conversation: member(members.conversation)? },
        _ => return Err(Unreadable),
    })
}

fn member<T>(found: Option<T>) -> Result<T, Unreadable> {
    found.ok_or(Unreadable)
}
