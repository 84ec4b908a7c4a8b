//! What an answer consists of: events, in one of two framings. `parser` cuts its bytes into them.

/// The byte order mark, which some servers put first.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One piece of an answer that a decoder reads by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty when there was none (the standard then says `message`), and for lines of JSON.
    pub name: String,
    /// The `data` lines, joined by line feeds; or the line.
    pub data: String,
}

/// A line, or the lines of one event together, exceed the limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too long")]
pub struct TooLong;

/// How a model API divides its answer.
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

    /// Whether this media type fits such an answer. A single JSON object is a line, too.
    pub(super) fn reads(self, media_type: &str) -> bool {
        match self {
            Self::Sse => media_type == "text/event-stream",
            Self::Lines => media_type.ends_with("json") || media_type.ends_with("jsonl"),
        }
    }
}
