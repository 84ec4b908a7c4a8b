//! OpenAI's chat completions, and the many servers that speak the same: `POST {base}/chat/completions`, answered with
//! unnamed events that end with `[DONE]`.
//!
//! Servers differ, so this reads what is meant: content as text or as a list of chunks, thoughts under either of two
//! names, no `[DONE]` behind a `finish_reason`, an error in place of a chunk.

use super::complaint::Complaint;
use super::framing::{Event, Framing};
use super::request::data_url;
use super::vendor::{Vendor, bearer, set};
use super::{Delta, Failure, FailureKind, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use crate::server::picture::Picture;
use serde::Deserialize;
use serde::de::IgnoredAny;
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

/// No limit on the reply and no temperature that nobody asked for: their names and bounds differ between servers.
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
    origin: Arc<Origin>,
    usage: Usage,
    finish_reason: Option<String>,
}

impl super::Decoder for Decoder {
    fn push(&mut self, event: &Event) -> Vec<Delta> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.finish_reason.get_or_insert_with(|| "stop".into());
            return vec![self.end()];
        }
        if event.name == "error" {
            return vec![self.failed(&Complaint::read(data).unwrap_or_default())];
        }
        match text::parse::<Chunk>(data) {
            Ok(chunk) => self.read(chunk),
            // Keep-alives have no data, and events with a name are a server's own addition.
            Err(_) if data.is_empty() || !event.name.is_empty() => Vec::new(),
            Err(_) => vec![Delta::Failed(Failure::of(FailureKind::Protocol, &self.origin))],
        }
    }

    fn end(&self) -> Delta {
        match &self.finish_reason {
            Some(reason) => Delta::Finished { reason: reason.clone() },
            None => Delta::Failed(Failure::of(FailureKind::Truncated, &self.origin)),
        }
    }
}

impl Decoder {
    pub(super) fn new(origin: Arc<Origin>) -> Self {
        Self { origin, usage: Usage::default(), finish_reason: None }
    }

    fn failed(&self, complaint: &Complaint) -> Delta {
        Delta::Failed(complaint.failure(&self.origin))
    }

    fn read(&mut self, chunk: Chunk) -> Vec<Delta> {
        if let Some(error) = &chunk.error {
            return vec![self.failed(&Complaint::of(error))];
        }
        let mut deltas = Vec::new();
        // One answer was asked for; the last chunk has none and brings the usage.
        if let Some(choice) = chunk.choices.unwrap_or_default().into_iter().next() {
            choice.delta.unwrap_or_default().read(&mut deltas);
            if choice.finish_reason.as_deref() == Some("error") {
                deltas.push(Delta::Failed(Failure::of(FailureKind::Server, &self.origin)));
            }
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        deltas.extend(self.count(chunk.usage.as_ref()));
        deltas
    }

    /// Some servers repeat the usage in every chunk; only a change is news.
    fn count(&mut self, usage: Option<&Value>) -> Option<Delta> {
        let usage = usage.filter(|usage| usage.is_object())?;
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (input_tokens, output_tokens) = (count("prompt_tokens"), count("completion_tokens"));
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        (std::mem::replace(&mut self.usage, usage) != usage).then_some(Delta::Usage(usage))
    }
}

/// All that is read of any event.
#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Said>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Said {
    content: Option<Content>,
    /// OpenAI's words where the model declines; they are its answer.
    refusal: Option<Content>,
    /// DeepSeek and older vLLM.
    reasoning_content: Option<Content>,
    /// OpenRouter and newer vLLM. Some send both, alike.
    reasoning: Option<Content>,
}

impl Said {
    fn read(self, deltas: &mut Vec<Delta>) {
        let thoughts = [self.reasoning_content, self.reasoning].into_iter().flatten();
        deltas.extend(thoughts.filter_map(|thought| piece(thought.into_text(), Delta::Thinking)).next());
        for said in [self.content, self.refusal].into_iter().flatten() {
            said.read(deltas);
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
    Other(IgnoredAny),
}

/// Mistral's chunk of a content: text, or thinking that is a list of chunks again.
#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    thinking: Option<Content>,
}

impl Content {
    fn read(self, deltas: &mut Vec<Delta>) {
        let Self::Parts(parts) = self else {
            deltas.extend(piece(self.into_text(), Delta::Text));
            return;
        };
        for part in parts {
            deltas.extend(part.thinking.and_then(|thought| piece(thought.into_text(), Delta::Thinking)));
            deltas.extend(part.text.and_then(|text| piece(text, Delta::Text)));
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
            Self::Other(_) => String::new(),
        }
    }
}

fn piece(text: String, kind: fn(String) -> Delta) -> Option<Delta> {
    (!text.is_empty()).then(|| kind(text))
}
