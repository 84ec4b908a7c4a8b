//! Gemini's `POST /v1beta/models/{model}:streamGenerateContent?alt=sse`, answered with unnamed events.
//!
//! No event says that it was the last: a reply is complete at the end of the stream, where a reason was given before.
//! Candidates that say nothing and parts that are not known are ignored.

use super::complaint::Complaint;
use super::framing::{Event, Framing};
use super::request::{Message, base64};
use super::vendor::{Vendor, set};
use super::{Delta, Failure, FailureKind, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use crate::server::picture::Picture;
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

/// The setting is without the version; with it, it can only mean the same. Google writes `models/` before its ids.
fn url(base: &str, model: &str) -> String {
    let base = base.trim_end_matches("/v1beta");
    let model = escaped(model.trim_start_matches("models/"));
    format!("{base}/v1beta/models/{model}:streamGenerateContent?alt=sse")
}

/// A model's id is any text that somebody wrote, and here a part of an address.
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
    origin: Arc<Origin>,
    usage: Usage,
    /// The viewers know that the model thinks.
    thinking: bool,
    /// Why the model stopped, or why it was not asked at all.
    reason: Option<String>,
}

impl super::Decoder for Decoder {
    fn push(&mut self, event: &Event) -> Vec<Delta> {
        let data = event.data.trim();
        match text::parse::<Chunk>(data) {
            Ok(chunk) => self.read(chunk),
            // Events with a name are not Google's.
            Err(_) if data.is_empty() || !event.name.is_empty() => Vec::new(),
            Err(_) => vec![Delta::Failed(Failure::of(FailureKind::Protocol, &self.origin))],
        }
    }

    fn end(&self) -> Delta {
        match &self.reason {
            Some(reason) => Delta::Finished { reason: reason.clone() },
            None => Delta::Failed(Failure::of(FailureKind::Truncated, &self.origin)),
        }
    }
}

impl Decoder {
    fn new(origin: Arc<Origin>) -> Self {
        Self { origin, usage: Usage::default(), thinking: false, reason: None }
    }

    fn read(&mut self, chunk: Chunk) -> Vec<Delta> {
        if let Some(error) = &chunk.error {
            return vec![Delta::Failed(Complaint::of(error).failure(&self.origin))];
        }
        let mut deltas = Vec::new();
        let blocked = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason);
        self.reason = blocked.or(self.reason.take());
        // One answer was asked for.
        if let Some(candidate) = chunk.candidates.unwrap_or_default().into_iter().next() {
            let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
            deltas.extend(parts.into_iter().filter_map(|part| self.part(part)));
            self.reason = candidate.finish_reason.or(self.reason.take());
        }
        deltas.extend(chunk.usage_metadata.and_then(|tokens| self.count(&tokens)));
        deltas
    }

    /// A thought may have no text but a signature; that the model thinks is still worth knowing, once.
    fn part(&mut self, part: Part) -> Option<Delta> {
        let text = part.text.unwrap_or_default();
        if !part.thought {
            return (!text.is_empty()).then_some(Delta::Text(text));
        }
        let known = std::mem::replace(&mut self.thinking, true);
        (!known || !text.is_empty()).then_some(Delta::Thinking(text))
    }

    /// Every chunk repeats the counts so far; only a change is news. Thoughts are paid for as output.
    fn count(&mut self, tokens: &Tokens) -> Option<Delta> {
        let (said, thought) = (tokens.candidates_token_count.unwrap_or(0), tokens.thoughts_token_count.unwrap_or(0));
        let usage = Usage {
            input_tokens: tokens.prompt_token_count.unwrap_or(0),
            output_tokens: said.saturating_add(thought),
            ..Usage::default()
        };
        (std::mem::replace(&mut self.usage, usage) != usage).then_some(Delta::Usage(usage))
    }
}

/// All that is read of any event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}
