//! What a reply has said so far, in any format: the decoders report here what their events mean, and it becomes deltas.
//! Pure.
//!
//! Decides what no format can decide alone: which text is a thought (`think`), where a blank line belongs between two
//! texts, and whether a reply that has ended has answered at all.

use super::failure::Empty;
use super::framing::Event;
use super::think::{Piece, Tags};
use super::{Delta, Failure, FailureKind, Origin, json};
use crate::server::provider::error_body::Complaint;
use crate::server::provider::excerpt;
use serde_json::Value;
use std::sync::Arc;

/// The tools that requests offer: none yet. A reply that calls one of them counts as an answer.
const OFFERED: &[&str] = &[];
/// Line feeds that make a blank line.
const BLANK_LINE: usize = 2;
/// The longest word that is accepted as a keep-alive, in bytes: `ping`, `keep-alive`, `: heartbeat`.
const LONGEST_HEARTBEAT: usize = 32;

/// How a reply ends where nothing is wrong and it has no text: its reason says why, and the page shows that.
const EXPLAINED: [&str; 12] = [
    "refusal",
    "content_filter",
    "safety",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "model_armor",
    "recitation",
    "language",
    "model_context_window_exceeded",
    "model_length",
];
/// Reasons that mean a tool, for formats that do not show its call.
const TOOLS: [&str; 6] = [
    "tool_use",
    "tool_calls",
    "function_call",
    "malformed_function_call",
    "unexpected_tool_call",
    "too_many_tool_calls",
];
/// Reasons that mean that the reply became too long.
const LENGTHS: [&str; 3] = ["max_tokens", "length", "max_output_tokens"];

/// The content so far.
pub(super) struct Speech {
    origin: Arc<Origin>,
    offered: &'static [&'static str],
    tags: Tags,
    text: Spoken,
    thought: Spoken,
    /// The viewers know that the model thinks.
    thinking: bool,
    /// A tool was called; whether it was one that was offered.
    called: Option<bool>,
    /// There was content that cannot be shown, such as an image.
    unshown: bool,
    /// The beginning of the first event that could not be understood.
    misread: Option<String>,
}

/// The state of the text, or of the thinking.
#[derive(Default)]
struct Spoken {
    /// Anything that is not blank.
    begun: bool,
    /// Line feeds at its end, up to a blank line.
    feeds: usize,
    /// The next piece begins another part.
    between: bool,
}

impl Spoken {
    /// The text, with a blank line before it where another part begins.
    fn add(&mut self, mut text: String) -> String {
        if std::mem::take(&mut self.between) && self.begun {
            let feeds = self.feeds + text.bytes().take_while(|byte| *byte == b'\n').count();
            text.insert_str(0, &"\n".repeat(BLANK_LINE.saturating_sub(feeds)));
        }
        self.begun = self.begun || !text.trim().is_empty();
        let feeds = text.bytes().rev().take(BLANK_LINE).take_while(|byte| *byte == b'\n').count();
        self.feeds = if feeds == text.len() { self.feeds + feeds } else { feeds };
        text
    }
}

impl Speech {
    pub(super) fn new(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            offered: OFFERED,
            tags: Tags::default(),
            text: Spoken::default(),
            thought: Spoken::default(),
            thinking: false,
            called: None,
            unshown: false,
            misread: None,
        }
    }

    /// Takes a piece of text.
    pub(super) fn say(&mut self, text: String, deltas: &mut Vec<Delta>) {
        if text.is_empty() {
            return;
        }
        if self.tags.are_behind() {
            deltas.push(Delta::Text(self.text.add(text)));
            return;
        }
        let mut pieces = Vec::new();
        self.tags.push(&text, &mut pieces);
        self.pass(pieces, deltas);
    }

    /// Takes a piece of a thought.
    pub(super) fn think(&mut self, thought: String, deltas: &mut Vec<Delta>) {
        if !thought.is_empty() {
            self.thinking = true;
            deltas.push(Delta::Thinking(self.thought.add(thought)));
        }
    }

    /// The model thinks without text, perhaps for minutes, which viewers should know once.
    pub(super) fn think_silently(&mut self, deltas: &mut Vec<Delta>) {
        if !std::mem::replace(&mut self.thinking, true) {
            deltas.push(Delta::Thinking(String::new()));
        }
    }

    /// Another part follows: a tool was used in between, or another thought begins.
    pub(super) fn part(&mut self) {
        self.text.between = true;
        self.thought.between = true;
    }

    /// Another thought begins.
    pub(super) fn part_of_thought(&mut self) {
        self.thought.between = true;
    }

    /// The model calls a tool.
    pub(super) fn call(&mut self, name: &str) {
        let is_offered = self.offered.contains(&name);
        self.called = Some(is_offered || self.called == Some(true));
        self.part();
    }

    /// There is content that cannot be shown.
    pub(super) fn leave_out(&mut self) {
        self.unshown = true;
    }

    /// Whether there is any text yet.
    pub(super) fn has_text(&self) -> bool {
        self.text.begun
    }

    /// The reply is complete, with the provider's word for why.
    pub(super) fn finish(&mut self, reason: String, deltas: &mut Vec<Delta>) {
        self.flush(deltas);
        deltas.push(match self.wrong(&reason.to_ascii_lowercase()) {
            Some(failure) => Delta::Failed(failure),
            None => Delta::Finished { reason },
        });
    }

    /// The stream has ended. The reply is complete if its provider has given a reason before.
    pub(super) fn end(&mut self, reason: Option<String>) -> Vec<Delta> {
        let mut deltas = Vec::new();
        match reason {
            Some(reason) => self.finish(reason, &mut deltas),
            None => self.cut_off(&mut deltas),
        }
        deltas
    }

    fn cut_off(&mut self, deltas: &mut Vec<Delta>) {
        self.flush(deltas);
        let failure = self.nonsense().unwrap_or_else(|| Failure::of(FailureKind::Truncated, &self.origin));
        deltas.push(Delta::Failed(failure));
    }

    /// The provider reports an error.
    pub(super) fn complain(&mut self, complaint: &Complaint, deltas: &mut Vec<Delta>) {
        self.flush(deltas);
        deltas.push(Delta::Failed(complaint.failure(&self.origin)));
    }

    /// The provider failed without a message.
    pub(super) fn fail(&mut self, kind: FailureKind, deltas: &mut Vec<Delta>) {
        self.flush(deltas);
        deltas.push(Delta::Failed(Failure::of(kind, &self.origin)));
    }

    /// Part of the reply could not be understood. That matters only where the rest has no text.
    pub(super) fn misread(&mut self, data: &str) {
        let start = || data.chars().take(excerpt::LONGEST + 1).collect();
        self.misread.get_or_insert_with(start);
    }

    /// Reads an event that has no member of its format; `is_own` where it may be a server's own addition. Returns the
    /// event that is wrapped in it, as some gateways do.
    pub(super) fn read_odd(&mut self, event: &Event, is_own: bool, deltas: &mut Vec<Delta>) -> Option<Event> {
        let data = event.data.trim();
        if data.is_empty() || is_own {
            return None;
        }
        let Ok(value) = json::parse::<Value>(data) else {
            if !is_heartbeat(data) {
                self.flush(deltas);
                deltas.push(Delta::Failed(Failure::of(FailureKind::Protocol, &self.origin).quoting(data)));
            }
            return None;
        };
        // Google's compatible API wraps an error in a list.
        if complains(value.get(0).unwrap_or(&value)) {
            self.complain(&Complaint::read(data).unwrap_or_default(), deltas);
            return None;
        }
        let inner = value.get("data").and_then(|inner| match inner {
            Value::String(inner) if inner.trim_start().starts_with('{') => Some(inner.clone()),
            Value::Object(_) => Some(inner.to_string()),
            _ => None,
        });
        if inner.is_none()
            && !matches!(value.get("type").and_then(Value::as_str), Some("ping" | "heartbeat" | "keepalive"))
        {
            self.misread(data);
        }
        inner.map(|data| Event { name: event.name.clone(), data })
    }

    fn pass(&mut self, pieces: Vec<Piece>, deltas: &mut Vec<Delta>) {
        for piece in pieces {
            match piece {
                Piece::Thought(thought) => self.think(thought, deltas),
                Piece::Text(text) => deltas.push(Delta::Text(self.text.add(text))),
            }
        }
    }

    /// What was held back.
    fn flush(&mut self, deltas: &mut Vec<Delta>) {
        let mut pieces = Vec::new();
        self.tags.end(&mut pieces);
        self.pass(pieces, deltas);
    }

    /// Why a reply that ended so is not an answer.
    fn wrong(&self, reason: &str) -> Option<Failure> {
        if self.text.begun || self.called == Some(true) || EXPLAINED.contains(&reason) {
            return None;
        }
        if self.called.is_some() || TOOLS.contains(&reason) {
            return Some(Failure::empty(Empty::Tool));
        }
        if LENGTHS.contains(&reason) {
            return Some(Failure::empty(Empty::Length));
        }
        let empty = if self.unshown { Empty::Unshown } else { Empty::Nothing };
        self.nonsense().or_else(|| Some(Failure::empty(empty)))
    }

    /// The failure of an answer that has no text because it was not understood.
    fn nonsense(&self) -> Option<Failure> {
        let data = self.misread.as_ref().filter(|_| !self.text.begun && !self.thought.begun)?;
        Some(Failure::of(FailureKind::Protocol, &self.origin).quoting(data))
    }
}

/// Whether an `error` member has an error: servers also write `"error": null`, or an empty one.
pub(super) fn is_error(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(words) => !words.is_empty(),
        _ => true,
    }
}

/// Whether an object that is not an event is an error, with or without an `error` member.
fn complains(value: &Value) -> bool {
    let says = |name: &str| matches!(value.get(name), Some(Value::String(_) | Value::Array(_)));
    let is_called = |name: &str| {
        let word = value.get(name).and_then(Value::as_str);
        word.is_some_and(|word| word.to_ascii_lowercase().ends_with("error"))
    };
    let has_error = value.get("error").is_some_and(is_error);
    has_error || is_called("object") || is_called("type") || says("message") || says("detail")
}

/// Whether data that is not JSON is a keep-alive. What begins like JSON is part of a reply.
fn is_heartbeat(data: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.: ".contains(&byte);
    data.len() <= LONGEST_HEARTBEAT && data.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speech() -> Speech {
        Speech::new(Arc::new(Origin::environment("x", "X")))
    }

    fn last(speech: &mut Speech, reason: &str) -> Delta {
        let mut deltas = Vec::new();
        speech.finish(reason.into(), &mut deltas);
        deltas.pop().expect("an end")
    }

    #[test]
    fn z07_a_call_of_a_tool_that_was_offered_is_an_answer_and_of_another_none() {
        let offering = || Speech { offered: &["handoff"], ..speech() };
        let mut handed_over = offering();
        handed_over.call("handoff");
        handed_over.call("search");
        assert_eq!(last(&mut handed_over, "tool_use"), Delta::Finished { reason: "tool_use".into() });
        let mut another = offering();
        another.call("search");
        assert!(matches!(last(&mut another, "tool_use"), Delta::Failed(it) if it.kind == FailureKind::Empty));
    }

    #[test]
    fn z24_a_blank_line_takes_what_line_feeds_there_are() {
        for (before, after, expected) in [
            ("a", "b", "a\n\nb"),
            ("a\n", "b", "a\n\nb"),
            ("a\n\n", "b", "a\n\nb"),
            ("a\n", "\nb", "a\n\nb"),
            ("", "b", "b"),
        ] {
            let (mut speech, mut deltas) = (speech(), Vec::new());
            speech.say(before.into(), &mut deltas);
            speech.part();
            speech.say(after.into(), &mut deltas);
            let text = |delta: &Delta| if let Delta::Text(text) = delta { text.clone() } else { String::new() };
            assert_eq!(deltas.iter().map(text).collect::<String>(), expected);
        }
    }
}
