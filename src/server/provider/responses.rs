//! OpenAI's Responses API: `POST {base}/responses`, answered with typed events.
//!
//! A reply is complete after `response.completed` or `response.incomplete`. Its text comes in pieces, and again when a
//! part, an item and the whole are complete; compatible servers leave some of that out, so what was not read before
//! (`heard`) is taken from there. Unknown types are ignored.

use super::framing::{Event, Framing};
use super::heard::Heard;
use super::item::{Item, ItemKind, Response};
use super::lenient::{Count, Name, Object, Text};
use super::quick::{self, Piece};
use super::request::data_url;
use super::speech::{Speech, is_error};
use super::vendor::{Vendor, bearer, set};
use super::{Delta, Origin, Request, json as text};
use crate::model::Parameters;
use crate::server::picture::Picture;
use crate::server::provider::error_body::Complaint;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

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

/// Nothing is stored at OpenAI (`store`): the conversation is kept here.
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
    speech: Speech,
    text: Heard,
    thought: Heard,
    refused: bool,
    /// An event of this format has come.
    begun: bool,
}

impl super::Decoder for Decoder {
    fn take_piece(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> bool {
        match quick::responses(&event.data) {
            Some(Piece::Text(text)) => self.say(text, deltas),
            Some(Piece::Thought(thought)) => self.think(thought, deltas),
            None => return false,
        }
        self.begun = true;
        true
    }

    fn take(&mut self, event: &Event, deltas: &mut Vec<Delta>) -> Option<Event> {
        let data = event.data.trim();
        // Some compatible servers end with this.
        if data == "[DONE]" {
            return None;
        }
        match text::parse(data) {
            Ok(Object(Some(data @ Data { kind: Name(Some(_)), .. }))) => self.read(data, event, deltas),
            Ok(Object(Some(Data { object: Name(Some(ObjectKind::Response)), .. }))) => self.read_whole(data, deltas),
            _ => return self.speech.read_odd(event, !carries_the_reply(&event.name), deltas),
        }
        None
    }

    fn end(&mut self) -> Vec<Delta> {
        self.speech.end(None)
    }
}

impl Decoder {
    fn new(origin: Arc<Origin>) -> Self {
        let (text, thought) = (Heard::default(), Heard::default());
        Self { speech: Speech::new(origin), text, thought, refused: false, begun: false }
    }

    fn read(&mut self, data: Data, event: &Event, deltas: &mut Vec<Delta>) {
        let kind = data.kind.0.unwrap_or(Kind::Unknown);
        match kind {
            Kind::Text => self.say(data.delta.0, deltas),
            Kind::Refusal => {
                self.refused = true;
                self.say(data.delta.0, deltas);
            }
            Kind::Thought => self.think(data.delta.0, deltas),
            Kind::TextDone => self.complete(&data.text.0, deltas),
            Kind::RefusalDone => {
                self.refused = true;
                self.complete(&data.refusal.0, deltas);
            }
            Kind::ThoughtDone => self.complete_thought(&data.text.0, deltas),
            Kind::ThoughtAdded => {
                self.thought.part();
                if 0 < data.summary_index.or_zero() {
                    self.speech.part_of_thought();
                }
            }
            Kind::PartAdded => self.text.part(),
            Kind::ItemAdded => data.item.0.into_iter().for_each(|item| self.begin(&item, deltas)),
            Kind::ItemDone => data.item.0.into_iter().for_each(|item| self.end_item(&item, deltas)),
            Kind::Completed | Kind::Incomplete | Kind::Failed => {
                self.end_as(kind, data.response.0.unwrap_or_default(), deltas);
            }
            Kind::Error => {
                self.speech.complain(&Complaint::read(&event.data).unwrap_or_default(), deltas);
            }
            Kind::Unknown if !self.begun && carries_the_reply(&event.name) => self.speech.misread(&event.data),
            Kind::Other | Kind::Unknown => {}
        }
        self.begun = self.begun || !matches!(kind, Kind::Unknown);
    }

    /// A thought may stay without text for minutes, which viewers should know. Text after another item is another part:
    /// a message, or text after the server used a tool.
    fn begin(&mut self, item: &Item, deltas: &mut Vec<Delta>) {
        self.speech.part();
        self.text.part();
        self.thought.part();
        match item.kind.0 {
            Some(ItemKind::Reasoning) => self.speech.think_silently(deltas),
            Some(ItemKind::Call) => self.speech.call(&item.name.0),
            Some(ItemKind::Image) => self.speech.leave_out(),
            Some(ItemKind::Message | ItemKind::Other) | None => {}
        }
    }

    /// An item is complete: what was not read of it is passed on now.
    fn end_item(&mut self, item: &Item, deltas: &mut Vec<Delta>) {
        match item.kind.0 {
            Some(ItemKind::Reasoning) => {
                for thought in item.thoughts() {
                    self.complete_thought(thought, deltas);
                }
            }
            Some(ItemKind::Message) => {
                if let [part] = item.content.items() {
                    self.refused = self.refused || !part.refusal.0.is_empty();
                    self.complete(part.words(), deltas);
                }
            }
            Some(ItemKind::Call) => self.speech.call(&item.name.0),
            Some(ItemKind::Image) => self.speech.leave_out(),
            Some(ItemKind::Other) | None => {}
        }
    }

    /// The reply is complete: what was not read of it is passed on first.
    fn end_as(&mut self, kind: Kind, response: Response, deltas: &mut Vec<Delta>) {
        self.catch_up(response.output.items(), deltas);
        deltas.extend(response.usage.0.map(|tokens| Delta::Usage(tokens.usage())));
        let reason = response.incomplete_details.0.and_then(|details| details.reason.0);
        match kind {
            Kind::Failed => {
                let complaint = response.error.as_ref().map(Complaint::of).unwrap_or_default();
                self.speech.complain(&complaint, deltas);
            }
            Kind::Incomplete => self.speech.finish(reason.unwrap_or_else(|| "incomplete".into()), deltas),
            _ => self.speech.finish(if self.refused { "refusal" } else { "completed" }.into(), deltas),
        }
    }

    /// An answer that came as a whole.
    fn read_whole(&mut self, data: &str, deltas: &mut Vec<Delta>) {
        let response = text::parse(data).map(|Object(response)| response).ok().flatten();
        let response: Response = response.unwrap_or_default();
        let kind = match response.status.0.as_deref() {
            Some("incomplete") => Kind::Incomplete,
            Some("failed") => Kind::Failed,
            _ if response.error.as_ref().is_some_and(is_error) => Kind::Failed,
            _ => Kind::Completed,
        };
        self.end_as(kind, response, deltas);
    }

    /// Passes on what was not read of these items.
    fn catch_up(&mut self, items: &[Item], deltas: &mut Vec<Delta>) {
        let thoughts: Vec<_> = items.iter().flat_map(Item::thoughts).collect();
        for (_, thought) in self.thought.missing(&thoughts) {
            self.speech.part_of_thought();
            self.speech.think(thought.to_owned(), deltas);
        }
        let said = |item: &Item| matches!(item.kind.0, Some(ItemKind::Message) | None);
        let messages = || items.iter().enumerate().filter(|(_, item)| said(item));
        let parts = || messages().flat_map(|(place, item)| item.content.items().iter().map(move |part| (place, part)));
        let words: Vec<_> = parts().map(|(_, part)| part.words()).collect();
        let items_of: Vec<_> = parts().map(|(item, _)| item).collect();
        for (index, text) in self.text.missing(&words) {
            // What continues where the pieces ended is not another part.
            if text.len() == words[index].len() && (index == 0 || items_of[index] != items_of[index - 1]) {
                self.speech.part();
            }
            self.speech.say(text.to_owned(), deltas);
        }
        self.refused = self.refused || parts().any(|(_, part)| !part.refusal.0.is_empty());
        for item in items {
            match item.kind.0 {
                Some(ItemKind::Call) => self.speech.call(&item.name.0),
                Some(ItemKind::Image) => self.speech.leave_out(),
                _ => {}
            }
        }
    }

    fn say(&mut self, text: String, deltas: &mut Vec<Delta>) {
        self.text.hear(&text);
        self.speech.say(text, deltas);
    }

    fn complete(&mut self, text: &str, deltas: &mut Vec<Delta>) {
        let rest = self.text.complete(text);
        self.speech.say(rest.to_owned(), deltas);
    }

    fn think(&mut self, thought: String, deltas: &mut Vec<Delta>) {
        self.thought.hear(&thought);
        self.speech.think(thought, deltas);
    }

    fn complete_thought(&mut self, thought: &str, deltas: &mut Vec<Delta>) {
        let rest = self.thought.complete(thought);
        self.speech.think(rest.to_owned(), deltas);
    }
}

/// Whether an event of this name must be understood. One without a name may be any.
fn carries_the_reply(name: &str) -> bool {
    name.is_empty() || name == "error" || name.starts_with("response.")
}

/// All members that are read of any event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(rename = "type")]
    kind: Name<Kind>,
    delta: Text,
    text: Text,
    refusal: Text,
    summary_index: Count,
    item: Object<Item>,
    response: Object<Response>,
    /// Of an answer that comes as a whole.
    object: Name<ObjectKind>,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    TextDone,
    Refusal,
    RefusalDone,
    /// A piece of a thought's summary; models with open weights show the thought itself.
    Thought,
    ThoughtDone,
    ThoughtAdded,
    PartAdded,
    ItemAdded,
    ItemDone,
    Completed,
    Incomplete,
    Failed,
    Error,
    /// Of this format, and has no content here.
    Other,
    Unknown,
}

impl From<&str> for Kind {
    fn from(name: &str) -> Self {
        match name {
            "response.output_text.delta" => Self::Text,
            "response.output_text.done" => Self::TextDone,
            "response.refusal.delta" => Self::Refusal,
            "response.refusal.done" => Self::RefusalDone,
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => Self::Thought,
            "response.reasoning_summary_text.done" | "response.reasoning_text.done" => Self::ThoughtDone,
            "response.reasoning_summary_part.added" => Self::ThoughtAdded,
            "response.content_part.added" => Self::PartAdded,
            "response.output_item.added" => Self::ItemAdded,
            "response.output_item.done" => Self::ItemDone,
            "response.completed" => Self::Completed,
            "response.incomplete" => Self::Incomplete,
            "response.failed" => Self::Failed,
            _ if name.ends_with("error") => Self::Error,
            _ if name.starts_with("response.") => Self::Other,
            _ => Self::Unknown,
        }
    }
}

enum ObjectKind {
    Response,
    Other,
}

impl From<&str> for ObjectKind {
    fn from(name: &str) -> Self {
        if name == "response" { Self::Response } else { Self::Other }
    }
}
