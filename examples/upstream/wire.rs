//! What the wire formats have in common: turns, events, and how events become lines.

use serde_json::Value;

use super::{
    format::Format,
    script::{LineEnd, Script},
    text::Piece,
};

/// What every request is said to have cost; the output costs a token per piece.
pub(crate) const INPUT_TOKENS: usize = 11;

/// Five, so that events of two or three lines meet every end everywhere. A LF never follows a CR: where a line is empty
/// the two would be one end.
const MIXED: [&[u8]; 5] = [b"\n", b"\r", b"\r", b"\r\n", b"\n"];

/// One request to answer.
pub(super) struct Turn {
    pub(super) format: Format,
    pub(super) script: Script,
    pub(super) id: usize,
    /// As the request names it, in its body or in its path.
    pub(super) model: Value,
    pub(super) streaming: bool,
    /// OpenAI: whether `stream_options` ask for usage.
    pub(super) wants_usage: bool,
}

impl Turn {
    pub(super) fn new(format: Format, script: Script, id: usize, path: &str, body: &Value) -> Self {
        let streaming = match format {
            Format::Gemini => path.ends_with(":streamGenerateContent"),
            // On, unless the request says otherwise.
            Format::Ollama => body["stream"] != false,
            _ => body["stream"] == true,
        };
        let model = match format {
            Format::Gemini => path.rsplit('/').next().and_then(|last| last.split(':').next()).into(),
            _ => body["model"].clone(),
        };
        let wants_usage = body["stream_options"]["include_usage"] == true;
        Self { format, script, id, model, streaming, wants_usage }
    }

    pub(super) fn stop_reason<'a>(&'a self, usual: &'a str) -> &'a str {
        self.script.stop_reason.as_deref().unwrap_or(usual)
    }

    pub(super) fn error_kind<'a>(&'a self, usual: &'a str) -> &'a str {
        self.script.error_kind.as_deref().unwrap_or(usual)
    }

    pub(super) fn error_message(&self) -> &str {
        self.script.error_message.as_deref().unwrap_or("This error was scripted.")
    }
}

/// A provider's format. Events are made per piece, so they stay cheap: text is not parsed or printed again.
/// A Server-Sent Event of an unknown name, with `data` without a colon, and fields that change nothing.
pub(super) const ODD_EVENT: &[&str] =
    &["event: surprise", "data", "", "id: 7", "retry: 1000", "surprise: not to be shown", ""];

pub(super) trait Wire: Sync {
    /// What a stream of it is called.
    fn content_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }
    /// Whether an event is a line, and not a Server-Sent Event.
    fn in_lines(&self) -> bool {
        false
    }
    /// The name of the header that carries the request's id.
    fn id_header(&self) -> &'static str {
        "x-request-id"
    }
    /// Before anything else.
    fn opening(&self, turn: &Turn) -> Vec<Event>;
    fn thinking(&self, turn: &Turn, piece: &Piece) -> Event;
    /// Between thinking and text.
    fn turning(&self, _turn: &Turn) -> Vec<Event> {
        Vec::new()
    }
    fn text(&self, turn: &Turn, piece: &Piece) -> Event;
    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event>;
    /// The body of an error, as the provider would give it with this status.
    fn error(&self, turn: &Turn, status: u16) -> Value;
    /// The event of an error in the middle of a stream.
    fn error_event(&self, turn: &Turn) -> Event;
    /// The whole answer as one JSON document.
    fn message(&self, turn: &Turn) -> Value;
    /// Lines that a reader of this format must ignore; a Server-Sent Event's reader also [`ODD_EVENT`].
    fn noise(&self) -> &'static [&'static str];
}

pub(super) struct Event {
    pub(super) name: Option<&'static str>,
    pub(super) data: Vec<u8>,
}

/// Writes lines as the script wants them.
pub(super) struct Framer {
    line_end: LineEnd,
    space: &'static str,
    /// Each event is a line and nothing else.
    bare: bool,
    lines: usize,
}

impl Framer {
    pub(super) fn new(turn: &Turn) -> Self {
        let script = &turn.script;
        let space = if script.no_space { "" } else { " " };
        Self { line_end: script.line_end, space, bare: turn.format.wire().in_lines(), lines: 0 }
    }

    pub(super) fn events(&mut self, events: &[Event]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in events {
            if self.bare {
                self.line(&mut bytes, &[&event.data]);
                continue;
            }
            if let Some(name) = event.name {
                self.line(&mut bytes, &[b"event:", self.space.as_bytes(), name.as_bytes()]);
            }
            self.line(&mut bytes, &[b"data:", self.space.as_bytes(), &event.data]);
            self.line(&mut bytes, &[]);
        }
        bytes
    }

    pub(super) fn lines(&mut self, lines: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            self.line(&mut bytes, &[line.as_bytes()]);
        }
        bytes
    }

    fn line(&mut self, bytes: &mut Vec<u8>, parts: &[&[u8]]) {
        for part in parts {
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(match self.line_end {
            LineEnd::Lf => b"\n",
            LineEnd::Cr => b"\r",
            LineEnd::Crlf => b"\r\n",
            LineEnd::Mixed => MIXED[self.lines % MIXED.len()],
        });
        self.lines += 1;
    }
}
