//! Anthropic's Messages API: `POST /v1/messages`, answered with named events.
//!
//! A reply is complete only behind `message_stop`. Event types and block types that are not known are ignored, as the
//! API's documentation asks.

use super::complaint::Complaint;
use super::framing::{Event, Framing};
use super::request::base64;
use super::vendor::{Vendor, set};
use super::{Decoder as _, Delta, Failure, FailureKind, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use crate::server::picture::Picture;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The API wants a limit on each reply. The largest that no model still served rejects; thinking counts towards it.
const MAX_TOKENS: u32 = 32_000;

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "https://api.anthropic.com",
    models: &["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-1", "claude-sonnet-4-6"],
    framing: Framing::Sse,
    url,
    headers,
    body,
    choose,
    reserved: &["model", "messages", "stream", "system"],
    decoder: |origin| Box::new(Decoder::new(origin)),
};

/// The setting is without `/v1`; with it, it can only mean the same.
fn url(base: &str, _model: &str) -> String {
    format!("{}/v1/messages", base.trim_end_matches("/v1"))
}

fn headers(key: Option<&str>) -> Vec<(&'static str, String)> {
    let version = ("anthropic-version", "2023-06-01".to_owned());
    key.map(|key| ("x-api-key", key.to_owned())).into_iter().chain([version]).collect()
}

/// No temperature and no thinking budget that nobody asked for: newer models reject both.
fn body(request: &Request) -> Value {
    let mut body = json!({
        "model": request.model,
        "max_tokens": MAX_TOKENS,
        "stream": true,
        "messages": request.messages().iter().map(|turn| turn.parts("text", image)).collect::<Vec<_>>(),
    });
    if !request.system.is_empty() {
        body["system"] = request.system.as_str().into();
    }
    body
}

fn image(picture: &Picture) -> Value {
    let source = json!({ "type": "base64", "media_type": picture.media_type, "data": base64(picture) });
    json!({ "type": "image", "source": source })
}

fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["temperature"], chosen.temperature);
    set(body, &["max_tokens"], chosen.max_output_tokens);
    set(body, &["output_config", "effort"], chosen.effort.as_deref());
}

/// Reads the stream of one reply.
struct Decoder {
    origin: Arc<Origin>,
    usage: Usage,
    stop_reason: Option<String>,
    /// The viewers know that the model thinks.
    thinking: bool,
    complete: bool,
}

impl super::Decoder for Decoder {
    fn push(&mut self, event: &Event) -> Vec<Delta> {
        if event.name == "error" {
            return vec![self.failed(&Complaint::read(&event.data).unwrap_or_default())];
        }
        match text::parse::<Data>(&event.data) {
            Ok(data) => self.read(data).into_iter().collect(),
            Err(_) if !carries_the_reply(&event.name) => Vec::new(),
            Err(_) => vec![Delta::Failed(Failure::of(FailureKind::Protocol, &self.origin))],
        }
    }

    fn end(&self) -> Delta {
        if !self.complete {
            return Delta::Failed(Failure::of(FailureKind::Truncated, &self.origin));
        }
        Delta::Finished { reason: self.stop_reason.clone().unwrap_or_else(|| "end_turn".into()) }
    }
}

impl Decoder {
    fn new(origin: Arc<Origin>) -> Self {
        Self { origin, usage: Usage::default(), stop_reason: None, thinking: false, complete: false }
    }

    fn failed(&self, complaint: &Complaint) -> Delta {
        Delta::Failed(complaint.failure(&self.origin))
    }

    fn read(&mut self, data: Data) -> Option<Delta> {
        match data {
            Data::MessageStart { message } => self.count(message.usage?),
            Data::ContentBlockStart { content_block } => self.begin(content_block),
            Data::ContentBlockDelta { delta: Change::TextDelta { text } } => said(text),
            Data::ContentBlockDelta { delta: Change::ThinkingDelta { thinking } } => self.thought(thinking),
            Data::MessageDelta { delta, usage } => {
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
                self.count(usage?)
            }
            Data::MessageStop => {
                self.complete = true;
                Some(self.end())
            }
            Data::Error { error } => Some(self.failed(&Complaint::of(&error))),
            Data::ContentBlockDelta { delta: Change::Other } | Data::Unknown => None,
        }
    }

    /// A block may begin with text. A thinking one may stay without any for minutes, which viewers should know.
    fn begin(&mut self, block: Block) -> Option<Delta> {
        match block {
            Block::Text { text } => said(text),
            Block::Thinking { thinking } if !thinking.is_empty() => self.thought(thinking),
            Block::Thinking { .. } | Block::RedactedThinking => {
                let known = std::mem::replace(&mut self.thinking, true);
                (!known).then(|| Delta::Thinking(String::new()))
            }
            Block::Other => None,
        }
    }

    fn thought(&mut self, thinking: String) -> Option<Delta> {
        if thinking.is_empty() {
            return None;
        }
        self.thinking = true;
        Some(Delta::Thinking(thinking))
    }

    /// The counts are cumulative and stand in two events: the input in the first, the output in the last.
    fn count(&mut self, usage: Value) -> Option<Delta> {
        let count = |name: &str, known: u64| usage.get(name).and_then(Value::as_u64).unwrap_or(0).max(known);
        self.usage = Usage {
            input_tokens: count("input_tokens", self.usage.input_tokens),
            output_tokens: count("output_tokens", self.usage.output_tokens),
            ..Usage::default()
        };
        Some(Delta::Usage(self.usage))
    }
}

/// Whether an event of this name must be understood. One without a name may be any.
fn carries_the_reply(name: &str) -> bool {
    name.is_empty() || name.starts_with("message_") || name.starts_with("content_block_")
}

fn said(text: String) -> Option<Delta> {
    (!text.is_empty()).then_some(Delta::Text(text))
}

/// The events that say something here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Data {
    MessageStart {
        message: Shell,
    },
    ContentBlockStart {
        content_block: Block,
    },
    ContentBlockDelta {
        delta: Change,
    },
    MessageDelta {
        delta: Ending,
        usage: Option<Value>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Unknown,
}

/// The message before it has content.
#[derive(Deserialize)]
struct Shell {
    usage: Option<Value>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
    },
    RedactedThinking,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Change {
    TextDelta {
        text: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Ending {
    stop_reason: Option<String>,
}
