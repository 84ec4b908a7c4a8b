//! Lines out of network chunks, which end anywhere: inside a line break, inside a character. Pure.
//!
//! A line ends with LF, CR or both, as in Server-Sent Events. Lines of JSON end with LF only, but a bare CR between two
//! values is white space in JSON, so one rule serves both.

use super::framing::{BYTE_ORDER_MARK, TooLong};
use std::borrow::Cow;

/// The line that has begun, and what the last byte means for the next.
#[derive(Default)]
pub(super) struct Lines {
    /// Searched once per chunk and never again, however long it grows.
    line: Vec<u8>,
    /// A line has ended: no byte order mark can stand at the front of the next.
    begun: bool,
    /// The last byte was a CR: an LF right after it belongs to that line break.
    after_cr: bool,
}

impl Lines {
    /// The next line that ends in this chunk, which is advanced past what was read; none when no line ends in it.
    ///
    /// # Errors
    /// [`TooLong`] when the line takes more than `room` bytes.
    pub(super) fn next<'c>(&mut self, chunk: &mut &'c [u8], room: usize) -> Result<Option<Cow<'c, str>>, TooLong> {
        if self.after_cr && !chunk.is_empty() {
            self.after_cr = false;
            *chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
        }
        let end = chunk.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (part, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
        if room < self.line.len() + part.len() {
            return Err(TooLong);
        }
        *chunk = self.behind_break(rest);
        if end.is_none() {
            self.line.extend_from_slice(part);
            return Ok(None);
        }
        if self.line.is_empty() {
            return Ok(Some(self.decode(part)));
        }
        self.line.extend_from_slice(part);
        let line = std::mem::take(&mut self.line);
        Ok(Some(Cow::Owned(self.decode(&line).into_owned())))
    }

    /// The last line, if the stream ended without its line break.
    pub(super) fn rest(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        (!line.is_empty()).then(|| self.decode(&line).into_owned())
    }

    fn behind_break<'c>(&mut self, rest: &'c [u8]) -> &'c [u8] {
        match rest {
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
            [b'\r', rest @ ..] => {
                self.after_cr = rest.is_empty();
                rest
            }
            _ => rest,
        }
    }

    /// A line break is never part of a character, so a line can be decoded by itself.
    fn decode<'c>(&mut self, mut line: &'c [u8]) -> Cow<'c, str> {
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        String::from_utf8_lossy(line)
    }
}
