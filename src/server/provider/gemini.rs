//! Gemini's `POST /v1beta/models/{model}:streamGenerateContent?alt=sse`, answered with unnamed events.
//!
//! No event is marked as the last: a reply is complete at the end of the stream, where a reason was given before. Empty
//! candidates and unknown parts are ignored.

use super::framing::{Event, Framing};
use super::lenient::{Count, Flag, List, Object, Text, Thing, Word};
use super::quick::{self, Piece};
use super::request::{Message, base64};
use super::speech::{Speech, is_error};
use super::tokens::{comes_on_top, usage};
use super::tool_call::Called;
use super::vendor::{Vendor, set};
use super::{Delta, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use crate::server::picture::Picture;
use crate::server::provider::error_body::Complaint;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "https://generativelanguage.googleapis.com",
    models: &[
        "gemini-3.8-flash",
        "gemini-3.7-flash",
        "gemini-3.6-flash",
        "gemini-3.1-pro-preview",
        "gemini-3.1-flash-lite",
    ],
    framing: Framing::Sse,
    url,
    headers: |key| key.map(|key| ("x-goog-api-key", key.to_owned())).into_iter().collect(),
    body,
    choose,
    reserved: &["contents", "systemInstruction", "model"],
    decoder: |origin| Box::new(Decoder::new(origin)),
};

fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["generationConfig", "temperature"], chosen.temperature);
    set(body, &["generationConfig", "maxOutputTokens"], chosen.max_output_tokens);
    set(body, &["generationConfig", "thinkingConfig", "thinkingLevel"], chosen.effort.as_deref());
}

/// The setting is without the version; where it ends with it, the version is not repeated. Google writes `models/`
/// before its ids.
fn url(base: &str, model: &str) -> String {
    let base = base.trim_end_matches("/v1beta");
    let model = escaped(model.trim_start_matches("models/"));
    format!("{base}/v1beta/models/{model}:streamGenerateContent?alt=sse")
}

/// A model's id is any text from the settings, and here a part of an address.
fn escaped(model: &str) -> String {
    model.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes everything");
        }
        escaped
    })
}

fn body(request: &Request) -> Value {
    let mut body = json!({ "contents": request.messages().iter().map(content).collect::<Vec<_>>() });
    if !request.system.is_empty() {
        body["systemInstruction"] = json!({ "parts": [{ "text": request.system }] });
    }
    body
}

fn content(turn: &Message<'_>) -> Value {
    let role = if turn.role == "assistant" { "model" } else { "user" };
    let image =
        |picture: &&Picture| json!({ "inline_data": { "mime_type": picture.media_type, "data": base64(picture) } });
    let parts: Vec<_> = turn.images.iter().map(image).chain([json!({ "text": turn.content })]).collect();
    json!({ "role": role, "parts": parts })
}

/// Reads the stream of one reply.
struct Decoder {
    speech: Speech,
    usage: Usage,
    /// Why the model stopped, or why it was not asked at all.
    reason: Option<String>,
}

impl super::Decoder for Decoder {
    fn take_piece(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> bool {
        let Some((piece, tokens)) = quick::gemini::<Object<Tokens>>(&event.data) else { return false };
        match piece {
            Piece::Text(text) => self.speech.say(text, deltas),
            Piece::Thought(thought) => self.speech.think(thought, deltas),
        }
        deltas.extend(tokens.0.and_then(|tokens| self.count(&tokens)));
        true
    }

    fn take(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> Option<Event> {
        match text::parse(event.data.trim()) {
            Ok(Object(Some(chunk))) if Chunk::is_one(&chunk) => self.read(chunk, deltas),
            // Events with a name are not Google's.
            _ => return self.speech.read_odd(event, !matches!(event.name.as_str(), "" | "error"), deltas),
        }
        None
    }

    fn end(&mut self) -> Vec<Delta> {
        self.speech.end(self.reason.clone())
    }
}

impl Decoder {
    fn new(origin: Arc<Origin>) -> Self {
        Self { speech: Speech::new(origin), usage: Usage::default(), reason: None }
    }

    fn read(&mut self, chunk: Chunk, deltas: &mut Vec<Delta>) {
        if let Some(error) = chunk.error.filter(is_error) {
            return self.speech.complain(&Complaint::of(&error), deltas);
        }
        let blocked = chunk.prompt_feedback.0.and_then(|feedback| feedback.block_reason.0);
        self.reason = blocked.or(self.reason.take());
        // One answer was requested.
        if let Some(candidate) = chunk.candidates.into_items().next() {
            let parts = candidate.content.0.map(|content| content.parts).unwrap_or_default();
            parts.into_items().for_each(|part| self.part(part, deltas));
            let reason = candidate.finish_reason.0.filter(|reason| reason != NO_REASON);
            self.reason = reason.or(self.reason.take());
        }
        deltas.extend(chunk.usage_metadata.0.and_then(|tokens| self.count(&tokens)));
    }

    /// A thought may have no text but a signature; viewers should know once that the model thinks.
    fn part(&mut self, part: Part, deltas: &mut Vec<Delta>) {
        if part.thought.0 {
            if part.text.0.is_empty() {
                self.speech.think_silently(deltas);
            }
            return self.speech.think(part.text.0, deltas);
        }
        self.speech.say(part.text.0, deltas);
        // Google runs the model's code itself, and the model continues.
        if part.executable_code.0.is_some() || part.code_execution_result.0.is_some() {
            self.speech.part();
        }
        if let Some(called) = part.function_call.0 {
            self.speech.call(&called.name.0);
        }
        if part.inline_data.0.is_some() || part.file_data.0.is_some() {
            self.speech.leave_out();
        }
    }

    /// Every chunk repeats the counts so far; only a change is news. Thoughts are paid for as output, and are counted
    /// beside it, unless the sum says otherwise. What a tool has added to the prompt is counted beside the prompt.
    fn count(&mut self, tokens: &Tokens) -> Option<Delta> {
        let (said, thought) = (tokens.candidates_token_count.or_zero(), tokens.thoughts_token_count.or_zero());
        let read = tokens.prompt_token_count.or_zero().saturating_add(tokens.tool_use_prompt_token_count.or_zero());
        let beside = comes_on_top(tokens.total_token_count, read.saturating_add(said), thought) != Some(false);
        let usage = usage(read, said.saturating_add(if beside { thought } else { 0 }));
        (std::mem::replace(&mut self.usage, usage) != usage).then_some(Delta::Usage(usage))
    }
}

/// The value for "no reason" where protocol buffers have no null.
const NO_REASON: &str = "FINISH_REASON_UNSPECIFIED";

/// All members that are read of any event.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chunk {
    candidates: List<Candidate>,
    prompt_feedback: Object<Feedback>,
    usage_metadata: Object<Tokens>,
    error: Option<Value>,
}

impl Chunk {
    /// Whether it has any member of a chunk.
    fn is_one(&self) -> bool {
        let says = self.candidates.0.is_some() || self.prompt_feedback.0.is_some() || self.usage_metadata.0.is_some();
        says || self.error.as_ref().is_some_and(is_error)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Object<Content>,
    finish_reason: Word,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: List<Part>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part {
    text: Text,
    thought: Flag,
    function_call: Object<Called>,
    executable_code: Object<Thing>,
    code_execution_result: Object<Thing>,
    inline_data: Object<Thing>,
    file_data: Object<Thing>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    block_reason: Word,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: Count,
    tool_use_prompt_token_count: Count,
    candidates_token_count: Count,
    thoughts_token_count: Count,
    total_token_count: Count,
}
