//! What an answer is, judged by its first bytes. Pure.
//!
//! A media type tells what a server was configured to say, and proxies change it: whole answers to a stream request and
//! streams called `text/plain` are accepted. Of anything else (a login page, mostly) the failure has an excerpt.

use super::framing::{BYTE_ORDER_MARK, Framing};

/// How many bytes are read of a body that is not an answer: its title is at its beginning.
pub(super) const EXCERPT_BYTES: usize = 4 << 10;
/// The fields of Server-Sent Events.
const FIELDS: [&[u8]; 4] = [b"data", b"event", b"id", b"retry"];

/// What the first bytes are the beginning of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Framed(Framing),
    /// JSON in any layout.
    Values,
    /// Not the answer of a model API.
    Foreign,
}

/// The beginning of an answer, until it is known what it is.
pub(super) struct Start {
    expected: Framing,
    /// The media type does not fit: only a recognised beginning is accepted.
    doubtful: bool,
    bytes: Vec<u8>,
}

impl Start {
    pub(super) fn new(expected: Framing, doubtful: bool) -> Self {
        Self { expected, doubtful, bytes: Vec::new() }
    }

    /// Takes a chunk. Returns what the answer is, as soon as that is known.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Option<Shape> {
        self.bytes.extend_from_slice(chunk);
        // Leading blanks mean nothing in any format.
        let blanks = self.bytes.len() - self.bytes.trim_ascii_start().len();
        self.bytes.drain(..blanks);
        if self.bytes.starts_with(BYTE_ORDER_MARK) {
            self.bytes.drain(..BYTE_ORDER_MARK.len());
            return self.push(b"");
        }
        self.shape()
    }

    /// What it is if nothing follows.
    pub(super) fn end(&self) -> Shape {
        if self.doubtful && !self.bytes.is_empty() { Shape::Foreign } else { Shape::Framed(self.expected) }
    }

    /// The bytes so far.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn shape(&self) -> Option<Shape> {
        let (&first, rest) = self.bytes.split_first()?;
        match first {
            b'{' if self.expected == Framing::Lines => match rest.first()? {
                b'"' | b'}' => Some(Shape::Framed(Framing::Lines)),
                _ => Some(Shape::Values),
            },
            b'{' | b'[' => Some(Shape::Values),
            b':' => Some(Shape::Framed(Framing::Sse)),
            b'<' => Some(Shape::Foreign),
            _ if BYTE_ORDER_MARK.starts_with(&self.bytes) => None,
            _ => self.field(),
        }
    }

    /// Whether it begins with a field.
    fn field(&self) -> Option<Shape> {
        let end = self.bytes.iter().position(|byte| matches!(byte, b':' | b'\r' | b'\n'));
        let name = &self.bytes[..end.unwrap_or(self.bytes.len())];
        if end.is_some() && FIELDS.contains(&name) {
            return Some(Shape::Framed(Framing::Sse));
        }
        let may_become_one = end.is_none() && FIELDS.iter().any(|field| field.starts_with(name));
        let other = if self.doubtful { Shape::Foreign } else { Shape::Framed(self.expected) };
        (!may_become_one).then_some(other)
    }
}

/// A page's title, or its text without markup.
pub(super) fn excerpt(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let page = page.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let title = between(page, "<title", "</title").and_then(|title| Some(title.split_once('>')?.1));
    if let Some(title) = title.filter(|title| !title.trim().is_empty()) {
        return title.to_owned();
    }
    let mut words = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        words.extend([before, " "]);
        let code = ["script", "style"]
            .iter()
            .find(|name| tag.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name)));
        let skipped = match code {
            Some(name) => find(tag, &format!("</{name}")).map_or("", |end| &tag[end..]),
            None => tag,
        };
        rest = skipped.split_once('>').map_or("", |(_, rest)| rest);
    }
    words + rest
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let rest = &text[find(text, start)? + start.len()..];
    Some(&rest[..find(rest, end)?])
}

/// The position of these words, which are in small ASCII letters.
fn find(text: &str, words: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(words)
}
