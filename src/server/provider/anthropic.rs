//! Anthropic's Messages API: `POST /v1/messages`, answered with named events.
//!
//! A reply is complete after `message_stop`, or where the stream ends after a stop reason: some compatible servers
//! leave the last event out. Unknown types of events and blocks are ignored, as the API's documentation asks.

use super::framing::{Event, Framing};
use super::lenient::{Count, List, Name, Object, Text, Word};
use super::quick::{self, Piece};
use super::request::base64;
use super::speech::{Speech, is_error};
use super::tokens::usage;
use super::vendor::{Vendor, set};
use super::{Delta, Origin, Request, json as text};
use crate::model::Parameters;
use crate::server::picture::Picture;
use crate::server::provider::error_body::Complaint;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The API requires a limit on each reply. The largest that no model still served rejects; thinking counts towards it.
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

/// The setting is without `/v1`; where it ends with it, the version is not repeated.
fn url(base: &str, _model: &str) -> String {
    format!("{}/v1/messages", base.trim_end_matches("/v1"))
}

fn headers(key: Option<&str>) -> Vec<(&'static str, String)> {
    let version = ("anthropic-version", "2023-06-01".to_owned());
    key.map(|key| ("x-api-key", key.to_owned())).into_iter().chain([version]).collect()
}

/// No default temperature and no default thinking budget: newer models reject both.
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
    speech: Speech,
    tokens: Tokens,
    stop_reason: Option<String>,
    /// An event of this format has come.
    begun: bool,
}

impl super::Decoder for Decoder {
    fn take_piece(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> bool {
        match quick::anthropic(&event.data).filter(|_| event.name != "error") {
            Some(Piece::Text(text)) => self.speech.say(text, deltas),
            Some(Piece::Thought(thought)) => self.speech.think(thought, deltas),
            None => return false,
        }
        self.begun = true;
        true
    }

    fn take(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> Option<Event> {
        if event.name == "error" {
            self.speech.complain(&Complaint::read(&event.data).unwrap_or_default(), deltas);
            return None;
        }
        match text::parse(&event.data) {
            Ok(Object(Some(Data { error: Some(error), .. }))) if is_error(&error) => {
                self.speech.complain(&Complaint::of(&error), deltas);
            }
            Ok(Object(Some(data @ Data { kind: Name(Some(_)), .. }))) => self.read(data, event, deltas),
            _ => return self.speech.read_odd(event, !carries_the_reply(&event.name), deltas),
        }
        None
    }

    fn end(&mut self) -> Vec<Delta> {
        self.speech.end(self.stop_reason.clone())
    }
}

impl Decoder {
    fn new(origin: Arc<Origin>) -> Self {
        Self { speech: Speech::new(origin), tokens: Tokens::default(), stop_reason: None, begun: false }
    }

    fn read(&mut self, data: Data, event: &Event, deltas: &mut Vec<Delta>) {
        let kind = data.kind.0.unwrap_or(Kind::Unknown);
        match kind {
            Kind::MessageStart => deltas.extend(data.message.0.and_then(|message| self.count(message.usage))),
            Kind::BlockStart => data.content_block.0.into_iter().for_each(|block| self.begin(block, deltas)),
            Kind::BlockDelta => match data.delta.0 {
                Some(change) => self.change(change, deltas),
                None => self.speech.misread(&event.data),
            },
            Kind::MessageDelta => {
                let reason = data.delta.0.and_then(|delta| delta.stop_reason.0);
                self.stop_reason = reason.or(self.stop_reason.take());
                deltas.extend(self.count(data.usage));
            }
            Kind::MessageStop => self.finish(deltas),
            Kind::Whole => {
                self.stop_reason = data.stop_reason.0;
                data.content.into_items().for_each(|block| self.begin(block, deltas));
                deltas.extend(self.count(data.usage));
                self.finish(deltas);
            }
            Kind::Error => {
                self.speech.complain(&Complaint::read(&event.data).unwrap_or_default(), deltas);
            }
            Kind::Unknown if !self.begun && carries_the_reply(&event.name) => self.speech.misread(&event.data),
            Kind::Other | Kind::Unknown => {}
        }
        self.begun = self.begun || !matches!(kind, Kind::Unknown);
    }

    fn finish(&mut self, deltas: &mut Vec<Delta>) {
        self.speech.finish(self.stop_reason.take().unwrap_or_else(|| "end_turn".into()), deltas);
    }

    /// A block may begin with text. A thinking block may stay without any for minutes, which viewers should know.
    fn begin(&mut self, block: Block, deltas: &mut Vec<Delta>) {
        match block.kind.0 {
            Some(BlockKind::Text) => self.speech.say(block.text.0, deltas),
            Some(BlockKind::Thinking) => {
                self.speech.part();
                if block.thinking.0.is_empty() {
                    self.speech.think_silently(deltas);
                }
                self.speech.think(block.thinking.0, deltas);
            }
            Some(BlockKind::Tool) => self.speech.call(&block.name.0),
            // A tool that the server uses itself, and its result: text continues after a break.
            Some(BlockKind::Other) | None => self.speech.part(),
        }
    }

    fn change(&mut self, change: Change, deltas: &mut Vec<Delta>) {
        if let Some(ChangeKind::Thinking) | None = change.kind.0 {
            self.speech.think(change.thinking.0, deltas);
        }
        if let Some(ChangeKind::Text) | None = change.kind.0 {
            self.speech.say(change.text.0, deltas);
        }
    }

    /// The counts are cumulative and come in two events: the input in the first, the output in the last. Input from and
    /// to the cache is counted beside the input.
    fn count(&mut self, tokens: Object<Tokens>) -> Option<Delta> {
        self.tokens = self.tokens.at_least(tokens.0?);
        let Tokens { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens } = self.tokens;
        let cached = cache_creation_input_tokens.or_zero().saturating_add(cache_read_input_tokens.or_zero());
        Some(Delta::Usage(usage(input_tokens.or_zero().saturating_add(cached), output_tokens.or_zero())))
    }
}

/// Whether an event of this name must be understood. One without a name may be any.
fn carries_the_reply(name: &str) -> bool {
    name.is_empty() || name.starts_with("message_") || name.starts_with("content_block_")
}

/// All members that are read of any event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "type")]
    kind: Name<Kind>,
    message: Object<Shell>,
    content_block: Object<Block>,
    delta: Object<Change>,
    usage: Object<Tokens>,
    error: Option<Value>,
    /// Of an answer that comes as a whole.
    content: List<Block>,
    stop_reason: Word,
}

#[derive(Clone, Copy)]
enum Kind {
    MessageStart,
    BlockStart,
    BlockDelta,
    MessageDelta,
    MessageStop,
    /// Not an event, but the whole answer.
    Whole,
    Error,
    /// Known, and has no content here.
    Other,
    Unknown,
}

impl From<&str> for Kind {
    fn from(name: &str) -> Self {
        match name {
            "content_block_delta" => Self::BlockDelta,
            "content_block_start" => Self::BlockStart,
            "message_start" => Self::MessageStart,
            "message_delta" => Self::MessageDelta,
            "message_stop" => Self::MessageStop,
            "message" => Self::Whole,
            "content_block_stop" | "ping" => Self::Other,
            // Some servers send the error itself, without an event around it.
            _ if name.ends_with("error") => Self::Error,
            _ => Self::Unknown,
        }
    }
}

/// The message before it has content.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Shell {
    usage: Object<Tokens>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block {
    #[serde(rename = "type")]
    kind: Name<BlockKind>,
    text: Text,
    thinking: Text,
    /// Of a tool.
    name: Text,
}

enum BlockKind {
    Text,
    /// Also where the thought is not shown.
    Thinking,
    Tool,
    Other,
}

impl From<&str> for BlockKind {
    fn from(name: &str) -> Self {
        match name {
            "text" => Self::Text,
            "thinking" | "redacted_thinking" => Self::Thinking,
            "tool_use" => Self::Tool,
            _ => Self::Other,
        }
    }
}

/// A change to a block or to the message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Change {
    #[serde(rename = "type")]
    kind: Name<ChangeKind>,
    text: Text,
    thinking: Text,
    stop_reason: Word,
}

enum ChangeKind {
    Text,
    Thinking,
    Other,
}

impl From<&str> for ChangeKind {
    fn from(name: &str) -> Self {
        match name {
            "text_delta" => Self::Text,
            "thinking_delta" => Self::Thinking,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    output_tokens: Count,
}

impl Tokens {
    /// The larger of each pair.
    fn at_least(self, other: Self) -> Self {
        let larger = |one: Count, other: Count| Count(one.0.max(other.0));
        Self {
            input_tokens: larger(self.input_tokens, other.input_tokens),
            cache_creation_input_tokens: larger(self.cache_creation_input_tokens, other.cache_creation_input_tokens),
            cache_read_input_tokens: larger(self.cache_read_input_tokens, other.cache_read_input_tokens),
            output_tokens: larger(self.output_tokens, other.output_tokens),
        }
    }
}
