//! Items of a reply in the Responses API, in its events and in the whole. Pure.

use super::lenient::{List, Name, Object, Text, Word};
use super::tokens::Tokens;
use serde::Deserialize;
use serde_json::Value;

/// One item of a reply.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    #[serde(rename = "type")]
    pub(super) kind: Name<ItemKind>,
    /// Of a tool.
    pub(super) name: Text,
    pub(super) content: List<Part>,
    pub(super) summary: List<Part>,
}

impl Item {
    /// Its thought: the summary, or where there is none, the thought itself.
    pub(super) fn thoughts(&self) -> impl Iterator<Item = &str> {
        let is_thought = matches!(self.kind.0, Some(ItemKind::Reasoning));
        let parts = if self.summary.items().is_empty() { &self.content } else { &self.summary };
        let parts = if is_thought { parts.items() } else { &[] };
        parts.iter().map(|part| part.text.0.as_str())
    }
}

#[derive(Clone, Copy)]
pub(super) enum ItemKind {
    Message,
    Reasoning,
    /// A tool that the client is asked to run.
    Call,
    Image,
    Other,
}

impl From<&str> for ItemKind {
    fn from(name: &str) -> Self {
        match name {
            "message" => Self::Message,
            "reasoning" => Self::Reasoning,
            "function_call" | "custom_tool_call" => Self::Call,
            "image_generation_call" => Self::Image,
            _ => Self::Other,
        }
    }
}

/// Text, or a refusal.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    pub(super) text: Text,
    pub(super) refusal: Text,
}

impl Part {
    pub(super) fn words(&self) -> &str {
        if self.text.0.is_empty() { &self.refusal.0 } else { &self.text.0 }
    }
}

/// The whole reply, mostly repeated.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Response {
    pub(super) status: Word,
    pub(super) output: List<Item>,
    pub(super) usage: Object<Tokens>,
    pub(super) incomplete_details: Object<Details>,
    pub(super) error: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) reason: Word,
}
