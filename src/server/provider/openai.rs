//! OpenAI's chat completions, and the many compatible servers: `POST {base}/chat/completions`, answered with unnamed
//! events that end with `[DONE]`.
//!
//! Servers differ, so this is lenient: content as text or as a list of chunks, thoughts under one of three names, no
//! `[DONE]` after a `finish_reason`, an error in place of a chunk, a whole message in place of its pieces.

use super::framing::{Event, Framing};
use super::lenient::{Content, List, Name, Object, Text, Thing, Word};
use super::quick::{self, Piece};
use super::request::data_url;
use super::speech::{Speech, is_error};
use super::tokens::Tokens;
use super::tool_call::{Call, Called};
use super::vendor::{Vendor, bearer, set};
use super::{Delta, FailureKind, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use crate::server::picture::Picture;
use crate::server::provider::error_body::Complaint;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "https://api.openai.com/v1",
    models: &["gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-6.1-sol", "gpt-5.4-mini"],
    framing: Framing::Sse,
    url: |base, _model| format!("{base}/chat/completions"),
    headers: bearer,
    body,
    choose,
    reserved: &["model", "messages", "stream", "n"],
    decoder: |origin| Box::new(Decoder::new(origin)),
};

/// No default limit on the reply and no default temperature: their names and bounds differ between servers.
fn body(request: &Request) -> Value {
    json!({
        "model": request.model,
        "stream": true,
        "stream_options": { "include_usage": true },
        "messages": messages(request),
    })
}

/// The conversation, as Mistral takes it too.
pub(super) fn messages(request: &Request) -> Vec<Value> {
    request.with_system().iter().map(|turn| turn.parts("text", image)).collect()
}

fn image(picture: &Picture) -> Value {
    json!({ "type": "image_url", "image_url": { "url": data_url(picture) } })
}

/// OpenAI's own models refuse the older name of the limit, `max_tokens`.
fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["temperature"], chosen.temperature);
    set(body, &["max_completion_tokens"], chosen.max_output_tokens);
    set(body, &["reasoning_effort"], chosen.effort.as_deref());
}

/// Reads the stream of one reply.
pub(super) struct Decoder {
    speech: Speech,
    usage: Usage,
    finish_reason: Option<String>,
    /// Text has come in pieces: a whole message after them repeats it.
    in_pieces: bool,
}

impl super::Decoder for Decoder {
    fn take_piece(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> bool {
        match quick::openai(&event.data).filter(|_| event.name != "error") {
            Some(Piece::Text(text)) => self.speech.say(text, deltas),
            Some(Piece::Thought(thought)) => self.speech.think(thought, deltas),
            None => return false,
        }
        self.in_pieces = self.in_pieces || self.speech.has_text();
        true
    }

    fn take(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> Option<Event> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.speech.finish(self.finish_reason.take().unwrap_or_else(|| "stop".into()), deltas);
            return None;
        }
        if event.name == "error" {
            self.speech.complain(&Complaint::read(data).unwrap_or_default(), deltas);
            return None;
        }
        match text::parse(data) {
            Ok(Object(Some(chunk))) if Chunk::is_one(&chunk) => self.read(chunk, data, deltas),
            // Keep-alives have no data, and events with a name are a server's own addition.
            _ => return self.speech.read_odd(event, !event.name.is_empty(), deltas),
        }
        None
    }

    fn end(&mut self) -> Vec<Delta> {
        self.speech.end(self.finish_reason.clone())
    }
}

impl Decoder {
    pub(super) fn new(origin: Arc<Origin>) -> Self {
        Self { speech: Speech::new(origin), usage: Usage::default(), finish_reason: None, in_pieces: false }
    }

    fn read(&mut self, chunk: Chunk, data: &str, deltas: &mut Vec<Delta>) {
        if let Some(error) = chunk.error.filter(is_error) {
            return self.speech.complain(&Complaint::of(&error), deltas);
        }
        // One answer was requested; the last chunk has none and brings the usage.
        if let Some(choice) = chunk.choices.into_items().next() {
            self.choose(choice, data, deltas);
        }
        deltas.extend(chunk.usage.0.and_then(|tokens| self.count(&tokens)));
    }

    fn choose(&mut self, choice: Choice, data: &str, deltas: &mut Vec<Delta>) {
        let Choice { delta, message, text, finish_reason: Word(reason) } = choice;
        if delta.0.is_none() && message.0.is_none() && text.0.is_empty() && reason.is_none() {
            self.speech.misread(data);
        }
        if let Some(said) = delta.0 {
            said.read(&mut self.speech, deltas);
            self.in_pieces = self.in_pieces || self.speech.has_text();
        }
        if let Some(said) = message.0.filter(|_| !self.in_pieces) {
            said.read(&mut self.speech, deltas);
        }
        self.speech.say(text.0, deltas);
        if reason.as_deref() == Some("error") {
            self.speech.fail(FailureKind::Server, deltas);
        }
        self.finish_reason = reason.or(self.finish_reason.take());
    }

    /// Some servers repeat the usage in every chunk; only a change is news.
    fn count(&mut self, tokens: &Tokens) -> Option<Delta> {
        let usage = tokens.usage();
        (std::mem::replace(&mut self.usage, usage) != usage).then_some(Delta::Usage(usage))
    }
}

/// All members that are read of any event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Chunk {
    choices: List<Choice>,
    usage: Object<Tokens>,
    error: Option<Value>,
}

impl Chunk {
    /// Whether it has any member of a chunk.
    fn is_one(&self) -> bool {
        self.choices.0.is_some() || self.usage.0.is_some() || self.error.as_ref().is_some_and(is_error)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    delta: Object<Said>,
    /// Of a whole answer, and what some servers send in place of each piece.
    message: Object<Said>,
    /// The name in the older completions.
    text: Text,
    finish_reason: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    content: Content<Part>,
    /// OpenAI's text where the model declines; it is the answer.
    refusal: Content<Part>,
    /// The name at DeepSeek and older vLLM.
    reasoning_content: Content<Part>,
    /// The name at OpenRouter and newer vLLM. Some send both, with equal text.
    reasoning: Content<Part>,
    /// OpenRouter, mostly beside `reasoning`, but not always.
    reasoning_details: List<Detail>,
    tool_calls: List<Call>,
    /// The older way to call a tool.
    function_call: Object<Called>,
    images: List<Thing>,
    audio: Object<Thing>,
}

impl Said {
    fn read(self, speech: &mut Speech, deltas: &mut Vec<Delta>) {
        let thoughts = [self.reasoning_content, self.reasoning].into_iter().map(text_of);
        match thoughts.into_iter().find(|thought| !thought.is_empty()) {
            Some(thought) => speech.think(thought, deltas),
            None => self.reasoning_details.into_items().for_each(|detail| detail.read(speech, deltas)),
        }
        say(self.content, speech, deltas);
        say(self.refusal, speech, deltas);
        let calls = self.tool_calls.into_items().filter_map(|call| call.function.0);
        calls.chain(self.function_call.0).for_each(|called| speech.call(&called.name.0));
        if !self.images.items().is_empty() || self.audio.0.is_some() {
            speech.leave_out();
        }
    }
}

/// OpenRouter's details of a thought: its text, a summary, or that it is encrypted.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    text: Text,
    summary: Text,
    data: Text,
}

impl Detail {
    fn read(self, speech: &mut Speech, deltas: &mut Vec<Delta>) {
        if self.text.0.is_empty() && self.summary.0.is_empty() && !self.data.0.is_empty() {
            speech.think_silently(deltas);
        }
        speech.think(if self.text.0.is_empty() { self.summary.0 } else { self.text.0 }, deltas);
    }
}

/// Mistral's chunk of a content: text, or thinking that is a list of chunks itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    #[serde(rename = "type")]
    kind: Name<PartKind>,
    text: Text,
    thinking: Content<Part>,
}

/// The parts that are not text.
enum PartKind {
    /// Content that cannot be shown.
    File,
    Other,
}

impl From<&str> for PartKind {
    fn from(name: &str) -> Self {
        match name {
            "image_url" | "image" | "output_image" | "input_audio" | "audio" | "file" => Self::File,
            _ => Self::Other,
        }
    }
}

fn say(content: Content<Part>, speech: &mut Speech, deltas: &mut Vec<Delta>) {
    let parts = match content {
        Content::Text(text) => return speech.say(text, deltas),
        Content::Parts(parts) => parts,
    };
    for part in parts {
        speech.think(text_of(part.thinking), deltas);
        speech.say(part.text.0, deltas);
        if let Some(PartKind::File) = part.kind.0 {
            speech.leave_out();
        }
    }
}

fn text_of(content: Content<Part>) -> String {
    match content {
        Content::Text(text) => text,
        Content::Parts(parts) => parts.into_iter().map(|part| part.text.0).collect(),
    }
}
