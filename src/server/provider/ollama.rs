//! Ollama's own API: `POST /api/chat`, answered with a JSON object per line, the last of which says `done`.

use super::complaint::Complaint;
use super::framing::{Event, Framing};
use super::request::{Message, base64};
use super::vendor::{Vendor, bearer, set};
use super::{Delta, Failure, FailureKind, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where Ollama listens when nobody told it otherwise.
const PORT: u16 = 11434;

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "http://127.0.0.1:11434",
    // Whoever runs it decides.
    models: &[],
    framing: Framing::Lines,
    url: |base, _model| format!("{base}/api/chat"),
    // Ollama itself wants no key; what stands before it may.
    headers: bearer,
    body,
    choose,
    reserved: &["model", "messages", "stream"],
    decoder: |origin| Box::new(Decoder { origin }),
};

fn body(request: &Request) -> Value {
    let messages: Vec<_> = request.with_system().iter().map(message).collect();
    json!({ "model": request.model, "stream": true, "messages": messages })
}

fn message(turn: &Message<'_>) -> Value {
    let mut message = json!({ "role": turn.role, "content": turn.content });
    if !turn.images.is_empty() {
        message["images"] = turn.images.iter().map(|picture| base64(picture)).collect();
    }
    message
}

/// Its models with an effort take it as the way in which they think.
fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["options", "temperature"], chosen.temperature);
    set(body, &["options", "num_predict"], chosen.max_output_tokens);
    set(body, &["think"], chosen.effort.as_deref());
}

/// The address that `OLLAMA_HOST` means, as Ollama's own clients read it: scheme, host and port may each be missing.
/// What is no address stays none, for [`super::address`] to refuse.
pub fn address(host: &str) -> String {
    let host = host.trim();
    if host.contains("://") {
        return host.to_owned();
    }
    let host = host.trim_end_matches('/');
    let (name, path) = host.split_once('/').map_or((host, String::new()), |(name, path)| (name, format!("/{path}")));
    // An IPv6 address has colons of its own, in brackets.
    let (name, port) = match name.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.to_owned()),
        _ => (name, PORT.to_string()),
    };
    let name = if name.is_empty() { "127.0.0.1" } else { name };
    format!("http://{name}:{port}{path}")
}

/// Reads the stream of one reply.
struct Decoder {
    origin: Arc<Origin>,
}

impl super::Decoder for Decoder {
    fn push(&mut self, event: &Event) -> Vec<Delta> {
        let Ok(line) = text::parse::<Line>(&event.data) else {
            return vec![self.failed(FailureKind::Protocol)];
        };
        if let Some(error) = &line.error {
            return vec![Delta::Failed(Complaint::of(error).failure(&self.origin))];
        }
        let Said { thinking, content } = line.message.unwrap_or_default();
        let thinking = thinking.filter(|text| !text.is_empty()).map(Delta::Thinking);
        let text = content.filter(|text| !text.is_empty()).map(Delta::Text);
        let mut deltas: Vec<_> = thinking.into_iter().chain(text).collect();
        if line.done {
            let count = |count: Option<u64>| count.unwrap_or(0);
            // A prompt that was in the cache as a whole is not counted.
            let usage = Usage {
                input_tokens: count(line.prompt_eval_count),
                output_tokens: count(line.eval_count),
                ..Usage::default()
            };
            deltas.push(Delta::Usage(usage));
            deltas.push(Delta::Finished { reason: line.done_reason.unwrap_or_else(|| "stop".into()) });
        }
        deltas
    }

    fn end(&self) -> Delta {
        self.failed(FailureKind::Truncated)
    }
}

impl Decoder {
    fn failed(&self, kind: FailureKind) -> Delta {
        Delta::Failed(Failure::of(kind, &self.origin))
    }
}

/// All that is read of any line.
#[derive(Deserialize)]
struct Line {
    message: Option<Said>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    error: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Said {
    content: Option<String>,
    thinking: Option<String>,
}
