//! Server-Sent Events as a client reads them (WHATWG HTML, 9.2.6): bytes in, events out.
//!
//! Pure. `id` and `retry` are ignored: they serve reconnecting, and a paid request is never sent again mid-reply.
//!
//! One deviation: an event that the end of the stream left without its blank line is returned by [`Parser::end`], where
//! the standard drops it. Some servers forget the line break behind their last `data`, and a complete reply must not
//! fail for that. Whether the event is whole is then the decoder's to judge.

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty when there was none (the standard then says `message`).
    pub name: String,
    /// The `data` lines, joined by line feeds.
    pub data: String,
}

/// A line, or the lines of one event together, are longer than the parser may hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too long")]
pub struct TooLong;

/// Reassembles events from network chunks, which end anywhere: inside a line break, inside a character.
pub struct Parser {
    /// The most bytes that one event may take.
    limit: usize,
    /// The line that has begun but not ended. Searched once per chunk and never again, however long it grows.
    line: Vec<u8>,
    event: Event,
    /// No line has ended yet: a byte order mark may stand at the front of this one.
    first: bool,
    /// The last byte was a CR: an LF right behind it belongs to the same line break.
    after_cr: bool,
}

impl Parser {
    /// A parser that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, line: Vec::new(), event: Event::default(), first: true, after_cr: false }
    }

    /// Takes a chunk and adds the events that it completed.
    ///
    /// # Errors
    /// [`TooLong`] above the limit; the events before it have been added, and the stream is of no more use.
    pub fn push(&mut self, mut chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            self.hold(&chunk[..end])?;
            events.extend(self.end_line());
            let (line_break, rest) = chunk[end..].split_at(1);
            self.after_cr = line_break == b"\r" && rest.is_empty();
            chunk = if line_break == b"\r" { rest.strip_prefix(b"\n").unwrap_or(rest) } else { rest };
        }
        self.hold(chunk)
    }

    /// What the end of the stream left over, if it has data.
    pub fn end(&mut self) -> Option<Event> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.dispatch()
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.limit < self.event.data.len() + self.line.len() + bytes.len() {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Option<Event> {
        let held = std::mem::take(&mut self.line);
        let mut bytes = held.as_slice();
        if std::mem::take(&mut self.first) {
            bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        }
        if bytes.is_empty() {
            return self.dispatch();
        }
        // A line break is never part of a character, so a line can be decoded by itself.
        self.field(&String::from_utf8_lossy(bytes));
        None
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
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
