//! Consecutive JSON values, in any layout: on a line each, over many lines, as the elements of one list. Pure.
//!
//! Used for whole answers to a stream request, and for streams of JSON under any media type. Only the end of each value
//! is found here; the decoder judges whether it makes sense.

use super::framing::{Event, TooLong};

/// Finds the values.
pub(super) struct Values {
    /// The most bytes that one value may take.
    limit: usize,
    value: Vec<u8>,
    /// Lists and objects that are open inside the value.
    depth: usize,
    in_text: bool,
    escaped: bool,
    begun: bool,
}

impl Values {
    /// Holds at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, value: Vec::new(), depth: 0, in_text: false, escaped: false, begun: false }
    }

    /// Takes a chunk and adds the values that it completed.
    ///
    /// # Errors
    /// [`TooLong`] above the limit; the values before it have been added.
    pub(super) fn push(&mut self, chunk: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        for &byte in chunk {
            if self.take(byte) {
                events.extend(self.end());
            } else if self.limit < self.value.len() {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// What the end of the stream left over, if it is something.
    pub(super) fn end(&mut self) -> Option<Event> {
        (self.depth, self.in_text, self.escaped) = (0, false, false);
        let value = std::mem::take(&mut self.value);
        let data = String::from_utf8_lossy(value.trim_ascii()).into_owned();
        (!data.is_empty()).then(|| Event { name: String::new(), data })
    }

    /// Whether the value ends with this byte.
    fn take(&mut self, byte: u8) -> bool {
        if self.value.is_empty() && self.is_between(byte) {
            return false;
        }
        self.value.push(byte);
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = 0 < self.depth,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            // Anything but a list or an object is read as a line.
            b'\n' | b'\r' => return self.depth == 0,
            _ => {}
        }
        false
    }

    /// Whether this byte stands between values: blank, a comma, the brackets of the one list around them.
    fn is_between(&mut self, byte: u8) -> bool {
        let first = !self.begun;
        match byte {
            b'[' if first => {}
            _ if byte.is_ascii_whitespace() => return true,
            b',' | b']' => {}
            _ => {
                self.begun = true;
                return false;
            }
        }
        self.begun = true;
        true
    }
}
