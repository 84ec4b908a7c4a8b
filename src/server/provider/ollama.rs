//! Ollama's own API: `POST /api/chat`, answered with a JSON object per line, the last of which says `done`.

use super::framing::{Event, Framing};
use super::lenient::{Count, Flag, List, Object, Text, Word};
use super::quick::{self, Piece};
use super::request::{Message, base64};
use super::speech::{Speech, is_error};
use super::tokens::usage;
use super::tool_call::Call;
use super::vendor::{Vendor, bearer, set};
use super::{Delta, Request, json as text};
use crate::model::Parameters;
use crate::server::provider::error_body::Complaint;
use serde::Deserialize;
use serde_json::{Value, json};

/// Ollama's default address.
const PORT: u16 = 11434;

pub(super) static VENDOR: Vendor = Vendor {
    base_url: "http://127.0.0.1:11434",
    // The operator decides.
    models: &[],
    framing: Framing::Lines,
    url: |base, _model| format!("{base}/api/chat"),
    // Ollama itself needs no key; a proxy before it may.
    headers: bearer,
    body,
    choose,
    reserved: &["model", "messages", "stream"],
    decoder: |origin| Box::new(Decoder { speech: Speech::new(origin), done_reason: None }),
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

/// Ollama reads the effort as its thinking mode.
fn choose(body: &mut Value, chosen: &Parameters) {
    set(body, &["options", "temperature"], chosen.temperature);
    set(body, &["options", "num_predict"], chosen.max_output_tokens);
    set(body, &["think"], chosen.effort.as_deref());
}

/// The address that `OLLAMA_HOST` means, as Ollama's own clients read it: scheme, host and port may each be missing. An
/// invalid address stays invalid, for [`super::address`] to refuse.
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
    speech: Speech,
    done_reason: Option<String>,
}

impl super::Decoder for Decoder {
    fn take_piece(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> bool {
        match quick::ollama(&event.data) {
            Some(Piece::Text(text)) => self.speech.say(text, deltas),
            Some(Piece::Thought(thought)) => self.speech.think(thought, deltas),
            None => return false,
        }
        true
    }

    fn take(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> Option<Event> {
        match text::parse(&event.data) {
            Ok(Object(Some(line))) if Line::is_one(&line) => self.read(line, deltas),
            _ => return self.speech.read_odd(event, false, deltas),
        }
        None
    }

    fn end(&mut self) -> Vec<Delta> {
        self.speech.end(self.done_reason.clone())
    }
}

impl Decoder {
    fn read(&mut self, line: Line, deltas: &mut Vec<Delta>) {
        if let Some(error) = line.error.filter(is_error) {
            return self.speech.complain(&Complaint::of(&error), deltas);
        }
        let said = line.message.0.unwrap_or_default();
        self.speech.think(said.thinking.0, deltas);
        self.speech.say(said.content.0, deltas);
        let calls = said.tool_calls.into_items().filter_map(|call| call.function.0);
        calls.for_each(|called| self.speech.call(&called.name.0));
        self.done_reason = line.done_reason.0.or(self.done_reason.take());
        if line.done.is_some_and(|done| done.0) {
            // A prompt that was in the cache as a whole is not counted.
            deltas.push(Delta::Usage(usage(line.prompt_eval_count.or_zero(), line.eval_count.or_zero())));
            self.speech.finish(self.done_reason.take().unwrap_or_else(|| "stop".into()), deltas);
        }
    }
}

/// All members that are read of any line.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    message: Object<Said>,
    done: Option<Flag>,
    done_reason: Word,
    prompt_eval_count: Count,
    eval_count: Count,
    error: Option<Value>,
}

impl Line {
    /// Whether it has any member of a line.
    fn is_one(&self) -> bool {
        let says = self.message.0.is_some() || self.done.is_some() || self.done_reason.0.is_some();
        says || self.error.as_ref().is_some_and(is_error)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    content: Text,
    thinking: Text,
    tool_calls: List<Call>,
}
