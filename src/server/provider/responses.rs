//! OpenAI's Responses API: `POST {base}/responses`, answered with typed events.
//!
//! A reply is complete behind `response.completed` or `response.incomplete`. What else happens (tools, annotations,
//! parts that begin and end) is ignored, as is every type that is not known.

use super::complaint::Complaint;
use super::framing::{Event, Framing};
use super::request::data_url;
use super::vendor::{Vendor, bearer, set};
use super::{Delta, Failure, FailureKind, Origin, Request, json as text};
use crate::model::{Parameters, Usage};
use crate::server::picture::Picture;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Between two parts of what is one to its reader: two thoughts, or two messages of one reply.
const BREAK: &str = "\n\n";

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "https://api.openai.com/v1",
    models: &["gpt-6.1-sol", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-5.4-mini"],
    framing: Framing::Sse,
    url: |base, _model| format!("{base}/responses"),
    headers: bearer,
    body,
    choose,
    reserved: &["model", "input", "instructions", "stream", "background"],
    decoder: |origin| Box::new(Decoder::new(origin)),
};

fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["temperature"], chosen.temperature);
    set(body, &["max_output_tokens"], chosen.max_output_tokens);
    set(body, &["reasoning", "effort"], chosen.effort.as_deref());
}

/// Nothing is left with OpenAI (`store`): the conversation is kept here.
fn body(request: &Request) -> Value {
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "store": false,
        "input": request.messages().iter().map(|turn| turn.parts("input_text", image)).collect::<Vec<_>>(),
    });
    if !request.system.is_empty() {
        body["instructions"] = request.system.as_str().into();
    }
    body
}

fn image(picture: &Picture) -> Value {
    json!({ "type": "input_image", "image_url": data_url(picture), "detail": "auto" })
}

/// Reads the stream of one reply.
struct Decoder {
    origin: Arc<Origin>,
    /// The viewers know that the model thinks.
    thinking: bool,
    /// Text has been said, so that another message needs a break before it.
    said: bool,
    /// Such a break is due.
    between: bool,
    refused: bool,
}

impl super::Decoder for Decoder {
    fn push(&mut self, event: &Event) -> Vec<Delta> {
        let data = event.data.trim();
        match text::parse::<Data>(data) {
            Ok(data) => self.read(data),
            // Some compatible servers end with this; keep-alives have no data, and other names are a server's own.
            Err(_) if data == "[DONE]" || data.is_empty() || !carries_the_reply(&event.name) => Vec::new(),
            Err(_) => vec![match Complaint::read(data) {
                Some(complaint) => Delta::Failed(complaint.failure(&self.origin)),
                None => Delta::Failed(Failure::of(FailureKind::Protocol, &self.origin)),
            }],
        }
    }

    fn end(&self) -> Delta {
        Delta::Failed(Failure::of(FailureKind::Truncated, &self.origin))
    }
}

impl Decoder {
    fn new(origin: Arc<Origin>) -> Self {
        Self { origin, thinking: false, said: false, between: false, refused: false }
    }

    fn read(&mut self, data: Data) -> Vec<Delta> {
        match data {
            Data::ItemAdded { item } => self.begin(&item).into_iter().collect(),
            Data::Text { delta } => self.say(delta),
            Data::Refusal { delta } => {
                self.refused = true;
                self.say(delta)
            }
            Data::SummaryAdded { summary_index: 1.. } => vec![Delta::Thinking(BREAK.into())],
            Data::Summary { delta } | Data::Thought { delta } => self.think(delta).into_iter().collect(),
            Data::Completed { response } => {
                let reason = if self.refused { "refusal" } else { "completed" };
                response.ended(Delta::Finished { reason: reason.into() })
            }
            Data::Incomplete { response } => {
                let reason = response.incomplete_details.as_ref().and_then(|details| details.reason.clone());
                response.ended(Delta::Finished { reason: reason.unwrap_or_else(|| "incomplete".into()) })
            }
            Data::Failed { response } => {
                let complaint = response.error.as_ref().map(Complaint::of).unwrap_or_default();
                response.ended(Delta::Failed(complaint.failure(&self.origin)))
            }
            Data::Error(error) => {
                let error = error.get("error").unwrap_or(&error);
                vec![Delta::Failed(Complaint::of(error).failure(&self.origin))]
            }
            Data::SummaryAdded { .. } | Data::Unknown => Vec::new(),
        }
    }

    /// What is thought may stay unsaid for minutes, which viewers should know.
    fn begin(&mut self, item: &Item) -> Option<Delta> {
        match item.kind.as_str() {
            "reasoning" => {
                let known = std::mem::replace(&mut self.thinking, true);
                (!known).then(|| Delta::Thinking(String::new()))
            }
            "message" => {
                self.between = self.said;
                None
            }
            _ => None,
        }
    }

    fn say(&mut self, text: String) -> Vec<Delta> {
        if text.is_empty() {
            return Vec::new();
        }
        self.said = true;
        let gap = std::mem::take(&mut self.between).then(|| Delta::Text(BREAK.into()));
        gap.into_iter().chain([Delta::Text(text)]).collect()
    }

    fn think(&mut self, thought: String) -> Option<Delta> {
        self.thinking = true;
        (!thought.is_empty()).then_some(Delta::Thinking(thought))
    }
}

/// Whether an event of this name must be understood. One without a name may be any.
fn carries_the_reply(name: &str) -> bool {
    name.is_empty() || name == "error" || name.starts_with("response.")
}

/// The events that say something here.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Data {
    #[serde(rename = "response.output_item.added")]
    ItemAdded { item: Item },
    #[serde(rename = "response.output_text.delta")]
    Text { delta: String },
    #[serde(rename = "response.refusal.delta")]
    Refusal { delta: String },
    #[serde(rename = "response.reasoning_summary_part.added")]
    SummaryAdded {
        #[serde(default)]
        summary_index: u64,
    },
    #[serde(rename = "response.reasoning_summary_text.delta")]
    Summary { delta: String },
    /// Models with open weights show what they think itself.
    #[serde(rename = "response.reasoning_text.delta")]
    Thought { delta: String },
    #[serde(rename = "response.completed")]
    Completed { response: Ended },
    #[serde(rename = "response.incomplete")]
    Incomplete { response: Ended },
    #[serde(rename = "response.failed")]
    Failed { response: Ended },
    #[serde(rename = "error")]
    Error(Value),
    #[serde(other)]
    Unknown,
}

/// A part of the reply.
#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type", default)]
    kind: String,
}

/// The whole reply again, of which only its end is news.
#[derive(Deserialize)]
struct Ended {
    usage: Option<Tokens>,
    incomplete_details: Option<Details>,
    error: Option<Value>,
}

impl Ended {
    fn ended(self, end: Delta) -> Vec<Delta> {
        let usage = |tokens: Tokens| Usage {
            input_tokens: tokens.input_tokens,
            output_tokens: tokens.output_tokens,
            ..Usage::default()
        };
        self.usage.map(|tokens| Delta::Usage(usage(tokens))).into_iter().chain([end]).collect()
    }
}

#[derive(Deserialize)]
struct Details {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}
