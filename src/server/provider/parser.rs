//! How an answer's bytes become events: as Server-Sent Events, as lines of JSON, or as JSON in any layout. Pure.

use super::framing::{Event, Framing, TooLong};
use super::lines::Lines;
use super::sniff::{EXCERPT_BYTES, Shape, Start, excerpt};
use super::sse;
use super::values::Values;

/// Reassembles events from network chunks, whichever the framing.
pub(super) struct Parser {
    limit: usize,
    format: Format,
}

/// What the answer is.
enum Format {
    /// Too little has come to tell.
    Unknown(Start),
    Sse(sse::Parser),
    Lines {
        lines: Lines,
        limit: usize,
    },
    Values(Values),
    /// Not readable; its beginning, for an excerpt.
    Foreign(Vec<u8>),
}

impl Format {
    fn of(framing: Framing, limit: usize) -> Self {
        match framing {
            Framing::Sse => Self::Sse(sse::Parser::new(limit)),
            Framing::Lines => Self::Lines { lines: Lines::default(), limit },
        }
    }
}

impl Parser {
    /// A parser of the usual content of this framing, unless its media type is `doubtful`. Holds at most `limit` bytes.
    pub(super) fn new(expected: Framing, doubtful: bool, limit: usize) -> Self {
        Self { limit, format: Format::Unknown(Start::new(expected, doubtful)) }
    }

    /// Takes a chunk and adds the events that it completed.
    ///
    /// # Errors
    /// [`TooLong`] above the limit; the events before it have been added, and the stream is no longer usable.
    pub(super) fn push(&mut self, mut chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        match &mut self.format {
            Format::Sse(parser) => return parser.push(chunk, events),
            Format::Lines { lines, limit } => {
                while let Some(line) = lines.next(&mut chunk, *limit)? {
                    events.extend(of_line(line.into_owned()));
                }
            }
            Format::Values(values) => return values.push(chunk, events),
            Format::Foreign(page) => page.extend(chunk.iter().take(EXCERPT_BYTES - page.len())),
            Format::Unknown(start) => {
                let Some(shape) = start.push(chunk) else { return Ok(()) };
                return self.become_one(shape, events);
            }
        }
        Ok(())
    }

    /// The rest of the stream at its end, if it is an event.
    pub(super) fn end(&mut self) -> Option<Event> {
        match &mut self.format {
            Format::Sse(parser) => parser.end(),
            Format::Lines { lines, .. } => lines.rest().and_then(of_line),
            Format::Values(values) => values.end(),
            Format::Foreign(_) => None,
            Format::Unknown(start) => {
                let shape = start.end();
                // A few bytes without a line break: no event ends in them, and none is too long.
                let _ = self.become_one(shape, &mut Vec::new());
                self.end()
            }
        }
    }

    /// The excerpt of an unreadable answer, when enough of it has come, or all.
    pub(super) fn foreign(&self, is_all: bool) -> Option<String> {
        match &self.format {
            Format::Foreign(page) if is_all || page.len() == EXCERPT_BYTES => Some(excerpt(page)),
            _ => None,
        }
    }

    fn become_one(&mut self, shape: Shape, events: &mut Vec<Event>) -> Result<(), TooLong> {
        let format = match shape {
            Shape::Framed(framing) => Format::of(framing, self.limit),
            Shape::Values => Format::Values(Values::new(self.limit)),
            Shape::Foreign => Format::Foreign(Vec::new()),
        };
        let Format::Unknown(start) = std::mem::replace(&mut self.format, format) else { return Ok(()) };
        self.push(&start.into_bytes(), events)
    }
}

fn of_line(data: String) -> Option<Event> {
    (!data.trim().is_empty()).then(|| Event { name: String::new(), data })
}
