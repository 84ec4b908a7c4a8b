//! How an answer's bytes become events: as Server-Sent Events, or as lines of JSON. Pure.

use super::lines::Lines;
use super::sse;

/// One piece of an answer that a decoder reads by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty when there was none (the standard then says `message`), and for lines of JSON.
    pub name: String,
    /// The `data` lines, joined by line feeds; or the line.
    pub data: String,
}

/// A line, or the lines of one event together, are longer than may be held.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too long")]
pub struct TooLong;

/// What a model API cuts its answer into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-Sent Events.
    Sse,
    /// A JSON object per line (NDJSON).
    Lines,
}

impl Framing {
    /// The media type to ask for.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    /// Whether an answer of this media type can be read. A lone object of JSON is a line, too.
    pub(super) fn reads(self, media_type: &str) -> bool {
        match self {
            Self::Sse => media_type == "text/event-stream",
            Self::Lines => media_type.ends_with("json") || media_type.ends_with("jsonl"),
        }
    }

    /// A parser that holds at most `limit` bytes.
    pub(super) fn parser(self, limit: usize) -> Parser {
        match self {
            Self::Sse => Parser::Sse(sse::Parser::new(limit)),
            Self::Lines => Parser::Lines { lines: Lines::default(), limit },
        }
    }
}

/// Reassembles events from network chunks, whichever the framing.
pub(super) enum Parser {
    Sse(sse::Parser),
    Lines { lines: Lines, limit: usize },
}

impl Parser {
    /// Takes a chunk and adds the events that it completed.
    ///
    /// # Errors
    /// [`TooLong`] above the limit; the events before it have been added, and the stream is of no more use.
    pub(super) fn push(&mut self, mut chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let (lines, limit) = match self {
            Self::Sse(parser) => return parser.push(chunk, events),
            Self::Lines { lines, limit } => (lines, *limit),
        };
        while let Some(line) = lines.next(&mut chunk, limit)? {
            events.extend(of_line(line.into_owned()));
        }
        Ok(())
    }

    /// What the end of the stream left over, if it is something.
    pub(super) fn end(&mut self) -> Option<Event> {
        match self {
            Self::Sse(parser) => parser.end(),
            Self::Lines { lines, .. } => lines.rest().and_then(of_line),
        }
    }
}

fn of_line(data: String) -> Option<Event> {
    (!data.trim().is_empty()).then(|| Event { name: String::new(), data })
}
