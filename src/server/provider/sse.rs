//! Server-Sent Events as a client reads them (WHATWG HTML, 9.2.6): bytes in, events out.
//!
//! Pure. `id` and `retry` are ignored: they serve reconnecting, and a paid request is never repeated mid-reply.
//!
//! One deviation: an event that the end of the stream left without its blank line is returned by [`Parser::end`], where
//! the standard drops it. Some servers forget the line break after their last `data`, and a complete reply must not
//! fail for that. The decoder judges whether the event is whole.

use super::framing::{Event, TooLong};
use super::lines::Lines;

/// Reassembles events from network chunks.
pub struct Parser {
    /// The most bytes that one event may take.
    limit: usize,
    lines: Lines,
    event: Event,
}

impl Parser {
    /// A parser that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, lines: Lines::default(), event: Event::default() }
    }

    /// Takes a chunk and adds the events that it completed.
    ///
    /// # Errors
    /// [`TooLong`] above the limit; the events before it have been added, and the stream is no longer usable.
    pub fn push(&mut self, mut chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        while let Some(line) = self.lines.next(&mut chunk, self.room())? {
            if line.is_empty() {
                events.extend(self.dispatch());
            } else {
                self.field(&line);
            }
        }
        Ok(())
    }

    /// The rest of the stream at its end, if it has data.
    pub fn end(&mut self) -> Option<Event> {
        if let Some(line) = self.lines.rest() {
            self.field(&line);
        }
        self.dispatch()
    }

    /// The space that the current event leaves for its next line.
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.event.data.len())
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.event.data.is_empty() {
                    self.event.data.reserve_exact(value.len() + 1);
                }
                self.event.data.push_str(value);
                self.event.data.push('\n');
            }
            // A comment has an empty name.
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Event> {
        let mut event = std::mem::take(&mut self.event);
        // Every data line added a line feed, so no line feed means no data line, and then there is no event.
        event.data.pop()?;
        Some(event)
    }
}
