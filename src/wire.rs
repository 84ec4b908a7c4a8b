//! Events to bytes and back, the same JSON on every transport.
//!
//! An event is encoded once, as `{"type":…,…}`. SSE carries the rest of the object as `data` and the type as the
//! event's name; a line (NDJSON) carries the type and the id inside.

mod presence;
mod read;

pub use presence::{Looking, Presence};

use crate::event::{Cursor, Event};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A longer line is not from our server: the longest event is a snapshot of 50 long messages.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// An event's JSON, made once and framed for each transport.
#[derive(Clone, Debug)]
pub struct Body {
    kind: &'static str,
    /// The object's members after `type`, and the closing brace.
    members: String,
}

impl Body {
    pub fn new(event: &Event) -> Self {
        let mut members = serde_json::to_string(event).expect("an event is always valid JSON");
        members.drain(..tag_bytes(event));
        Self { kind: event.kind(), members }
    }

    /// Several neighbouring pieces as one. `first` is the seq of the first; the id that it is sent with is the last's.
    pub fn merged(event: &Event, first: u64) -> Self {
        let Self { kind, members } = Self::new(event);
        Self { kind, members: format!(r#""first":{first},{members}"#) }
    }

    /// One Server-Sent Event (WHATWG HTML, 9.2). JSON has no raw line breaks, so `data` is one line.
    pub fn sse(&self, id: Cursor) -> String {
        format!("event: {}\nid: {id}\ndata: {{{}\n\n", self.kind, self.members)
    }

    /// The JSON with `type` and `id` inside, as one line.
    pub fn line(&self, topic: Topic, id: impl fmt::Display) -> String {
        let topic = match topic {
            Topic::Conversation => "",
            Topic::List => r#""topic":"list","#,
        };
        format!("{{\"type\":\"{}\",\"id\":\"{id}\",{topic}{}\n", self.kind, self.members)
    }
}

/// An event as [`Body::sse`] writes it, straight into one buffer.
pub fn sse(event: &Event, id: Cursor) -> Vec<u8> {
    let mut frame = format!("event: {}\nid: {id}\ndata: {{", event.kind()).into_bytes();
    let start = frame.len();
    serde_json::to_writer(&mut frame, event).expect("an event is always valid JSON");
    frame.drain(start..start + tag_bytes(event));
    frame.extend_from_slice(b"\n\n");
    frame
}

/// The length of an event's JSON up to its other members: serde writes the tag first, and every event has members behind
/// it.
fn tag_bytes(event: &Event) -> usize {
    r#"{"type":"","#.len() + event.kind().len()
}

/// The journal, of the two on one connection, that an event belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    #[default]
    Conversation,
    List,
}

/// A line as the browser reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub id: Cursor,
    pub topic: Topic,
    /// Several pieces merged into one: the seq of the first. The id is that of the last.
    pub first: Option<u64>,
    pub event: Event,
}

impl Line {
    /// Whether this line directly follows `cursor`, is old, or leaves a gap. Before the first
    /// snapshot there is no cursor.
    pub fn order(&self, cursor: Option<Cursor>) -> Order {
        if matches!(self.event, Event::Snapshot(_) | Event::List(_)) {
            return Order::Next;
        }
        let Some(cursor) = cursor.filter(|cursor| cursor.epoch == self.id.epoch) else {
            return Order::Gap;
        };
        if let Event::Resumed { from } = self.event {
            // An earlier start is harmless: repeated events are old.
            return if from.epoch == cursor.epoch && from.seq <= cursor.seq { Order::Old } else { Order::Gap };
        }
        let first = self.first.unwrap_or(self.id.seq);
        if self.id.seq <= cursor.seq {
            return Order::Old;
        }
        // Pieces that were merged across the cursor cannot be split here; the server splits them there when it is asked
        // again.
        if first == cursor.seq + 1 { Order::Next } else { Order::Gap }
    }
}

/// How a line follows a cursor (promise S2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Next,
    Old,
    Gap,
}

/// Reassembles lines from network chunks, which end anywhere: inside a line, inside a character.
#[derive(Default)]
pub struct Lines {
    buffer: Vec<u8>,
}

/// The stream cannot be read any further.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the stream is too long")]
pub struct TooLong;

impl Lines {
    /// Takes a chunk and returns the lines that it completed, without their line ends. Empty lines are keep-alives.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut lines = Vec::new();
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.buffer.extend_from_slice(&rest[..end]);
            lines.push(String::from_utf8_lossy(&self.buffer).into_owned());
            self.buffer.clear();
            rest = &rest[end + 1..];
        }
        if self.buffer.len() + rest.len() > MAX_LINE_BYTES {
            return Err(TooLong);
        }
        self.buffer.extend_from_slice(rest);
        Ok(lines)
    }
}
