//! What the wire formats have in common: turns, events, and how events become lines.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{
    anthropic::Anthropic,
    gemini::Gemini,
    http::Request,
    mistral::Mistral,
    ollama::Ollama,
    openai::OpenAi,
    responses::Responses,
    script::{LineEnd, Script},
    text::Piece,
};

/// What every request is said to have cost; the output costs a token per piece.
pub(crate) const INPUT_TOKENS: usize = 11;

/// Five, so that events of two or three lines meet every end everywhere. A LF never follows a CR: where a line is empty
/// the two would be one end.
const MIXED: [&[u8]; 5] = [b"\n", b"\r", b"\r", b"\r\n", b"\n"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Anthropic,
    OpenAi,
    Mistral,
    Responses,
    Gemini,
    Ollama,
}

/// Mistral speaks OpenAI's format at OpenAI's path, but differs in details: its base URL is told apart by this.
const MISTRAL: &str = "/mistral/";

impl Format {
    /// The format that a request asks for, with or without `/v1`; none if it is not for the model.
    pub(super) fn of(method: &str, path: &str) -> Option<Self> {
        match method {
            "POST" if path.ends_with("/messages") => Some(Self::Anthropic),
            "POST" if path.ends_with("/chat/completions") && path.starts_with(MISTRAL) => Some(Self::Mistral),
            "POST" if path.ends_with("/chat/completions") => Some(Self::OpenAi),
            "POST" if path.ends_with("/responses") => Some(Self::Responses),
            "POST" if path.ends_with("enerateContent") => Some(Self::Gemini),
            "POST" if path.ends_with("/api/chat") => Some(Self::Ollama),
            _ => None,
        }
    }

    pub(super) fn wire(self) -> &'static dyn Wire {
        match self {
            Self::Anthropic => &Anthropic,
            Self::OpenAi => &OpenAi,
            Self::Mistral => &Mistral,
            Self::Responses => &Responses,
            Self::Gemini => &Gemini,
            Self::Ollama => &Ollama,
        }
    }

    /// The text of the last user message, whose content is a string or a list of parts.
    pub(super) fn asked(self, body: &Value) -> Option<String> {
        let messages = match self {
            Self::Responses if body["input"].is_string() => return body["input"].as_str().map(str::to_owned),
            Self::Responses => &body["input"],
            Self::Gemini => &body["contents"],
            _ => &body["messages"],
        };
        let user = |message: &&Value| message["role"] == "user" || message["role"].is_null();
        let last = messages.as_array()?.iter().rfind(user)?;
        let content = if self == Self::Gemini { &last["parts"] } else { &last["content"] };
        let Some(parts) = content.as_array() else { return content.as_str().map(str::to_owned) };
        let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        Some(texts.join("\n"))
    }
}

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
    fn id_header(&self) -> &'static str;
    /// Before anything else.
    fn opening(&self, turn: &Turn) -> Vec<Event>;
    fn thinking(&self, turn: &Turn, piece: &Piece) -> Event;
    /// Between thinking and text.
    fn turning(&self, turn: &Turn) -> Vec<Event>;
    fn text(&self, turn: &Turn, piece: &Piece) -> Event;
    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event>;
    /// The body of an error, as the provider would give it with this status.
    fn error(&self, turn: &Turn, status: u16) -> Value;
    /// The event of an error in the middle of a stream.
    fn error_event(&self, turn: &Turn) -> Event;
    /// The whole answer at once.
    fn message(&self, turn: &Turn) -> Value;
    /// Lines that a reader must ignore.
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

/// What the provider would refuse in a request, so that a mistake shows here and not only with a real key.
pub(super) fn objection(format: Format, request: &Request, body: &Value) -> Option<String> {
    if !body.is_object() {
        return Some("the body is not a JSON object".into());
    }
    if !body["model"].is_string() && format != Format::Gemini {
        return Some("model: Field required".into());
    }
    if format.asked(body).is_none() {
        return Some("messages: at least one message is required".into());
    }
    match format {
        Format::Anthropic => anthropic_objects(&request.headers, body).map(str::to_owned),
        Format::Mistral if !body["stream_options"].is_null() => {
            Some("stream_options: Extra inputs are not permitted".into())
        }
        Format::Gemini => gemini_objects(body).map(|name| format!("Unknown name \"{name}\": Cannot find field.")),
        _ => None,
    }
}

fn anthropic_objects(headers: &BTreeMap<String, String>, body: &Value) -> Option<&'static str> {
    if !headers.contains_key("anthropic-version") {
        return Some("anthropic-version: header is required");
    }
    if !body["max_tokens"].is_u64() {
        return Some("max_tokens: Field required");
    }
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let ends_with_user = last.is_some_and(|last| last["role"] == "user");
    (!ends_with_user).then_some("This model does not support assistant message prefill.")
}

/// Gemini refuses what it does not know; this is what others know and it does not.
fn gemini_objects(body: &Value) -> Option<&'static str> {
    ["model", "messages", "stream", "system"].into_iter().find(|name| !body[*name].is_null())
}
