//! The events that nearly all events of an answer are: one more piece of text or thought, and nothing else that counts.
//! Pure.
//!
//! Each format's decoder reads all that a server may send. Here only the usual shape is read, at half the cost; an event of
//! any other shape, or with any other member that the decoder would read, is left to the decoder. So both always agree.

mod shapes;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// One more piece.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Thought(String),
}

/// An object, and never the list of values that serde takes in its place.
struct Only<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Only<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Only<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Only<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Only)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A list of one object.
struct One<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = One<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of one")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<One<T>, A::Error> {
                let first = items.next_element::<Only<T>>()?;
                match (first, items.next_element::<IgnoredAny>()?) {
                    (Some(Only(first)), None) => Ok(One(first)),
                    _ => Err(A::Error::custom("not one")),
                }
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

fn parse<'de, T: Deserialize<'de>>(data: &'de str) -> Option<T> {
    serde_json::from_str(data).ok().map(|Only(event)| event)
}

/// An event of Anthropic's Messages API.
pub(super) fn anthropic(data: &str) -> Option<Piece> {
    use shapes::{Anthropic, Change};
    let event: Anthropic<'_> = parse(data)?;
    let Anthropic { r#type: "content_block_delta", delta: Only(change), .. } = event else { return None };
    let Anthropic { message: (), content_block: (), usage: (), error: (), content: (), stop_reason: (), .. } = event;
    let Change { r#type, text, thinking, stop_reason: () } = change;
    match (r#type, text, thinking) {
        ("text_delta", Some(text), None) => Some(Piece::Text(text)),
        ("thinking_delta", None, Some(thought)) => Some(Piece::Thought(thought)),
        _ => None,
    }
}

/// A chunk of a chat completion.
pub(super) fn openai(data: &str) -> Option<Piece> {
    use shapes::{Choice, OpenAi, Said};
    let OpenAi { choices: One(choice), usage: (), error: () } = parse(data)?;
    let Choice { delta: Only(said), message: (), text: (), finish_reason: () } = choice;
    let Said { content, reasoning_content, reasoning, .. } = said;
    let Said { refusal: (), reasoning_details: (), tool_calls: (), function_call: (), images: (), audio: (), .. } =
        said;
    match (content, reasoning_content, reasoning) {
        (Some(text), None, None) => Some(Piece::Text(text)),
        (None, Some(thought), None) | (None, None, Some(thought)) => Some(Piece::Thought(thought)),
        _ => None,
    }
}

/// An event of OpenAI's Responses API.
pub(super) fn responses(data: &str) -> Option<Piece> {
    use shapes::Responses;
    let event: Responses<'_> = parse(data)?;
    let Responses { r#type, delta, text: (), refusal: (), item: (), response: (), object: (), summary_index: _any } =
        event;
    match r#type {
        "response.output_text.delta" => Some(Piece::Text(delta)),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => Some(Piece::Thought(delta)),
        _ => None,
    }
}

/// An event of Gemini's API, whose counts come with each piece.
pub(super) fn gemini<'de, T: Deserialize<'de> + Default>(data: &'de str) -> Option<(Piece, T)> {
    use shapes::{Candidate, Content, Gemini, Part};
    let Gemini { candidates: One(candidate), prompt_feedback: (), usage_metadata, error: () } = parse(data)?;
    let Candidate { content: Only(Content { parts: One(part) }), finish_reason: () } = candidate;
    let Part { text, thought, .. } = part;
    let Part {
        function_call: (), executable_code: (), code_execution_result: (), inline_data: (), file_data: (), ..
    } = part;
    match (thought, text.is_empty()) {
        (_, true) => None,
        (true, false) => Some((Piece::Thought(text), usage_metadata)),
        (false, false) => Some((Piece::Text(text), usage_metadata)),
    }
}

/// A line of Ollama's API.
pub(super) fn ollama(data: &str) -> Option<Piece> {
    use shapes::{Answer, Ollama};
    let Ollama { message: Only(said), done, done_reason: (), prompt_eval_count: (), eval_count: (), error: () } =
        parse(data)?;
    let Answer { content, thinking, tool_calls: () } = said;
    match (done, thinking) {
        (false, None) => Some(Piece::Text(content)),
        (false, Some(thought)) if content.is_empty() => Some(Piece::Thought(thought)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::Event;
    use super::super::{Decoder, Delta, Kind, Origin};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    const RECORDINGS: [(Kind, &str); 6] = [
        (Kind::Anthropic, include_str!("../../tests/provider/recordings/anthropic.sse")),
        (Kind::OpenAi, include_str!("../../tests/provider/recordings/openai.sse")),
        (Kind::Responses, include_str!("../../tests/provider/recordings/responses.sse")),
        (Kind::Gemini, include_str!("../../tests/provider/recordings/gemini.sse")),
        (Kind::Ollama, include_str!("../../tests/provider/recordings/ollama.ndjson")),
        (Kind::Mistral, include_str!("../../tests/provider/recordings/mistral.sse")),
    ];

    fn decoder(kind: Kind) -> Box<dyn Decoder> {
        (kind.vendor().decoder)(Arc::new(Origin::environment("test", "TEST")))
    }

    fn events(kind: Kind, recording: &str) -> Vec<Event> {
        if kind == Kind::Ollama {
            return recording.lines().map(|line| Event { name: String::new(), data: line.into() }).collect();
        }
        let mut events = Vec::new();
        super::super::sse::Parser::new(1 << 20).push(recording.as_bytes(), &mut events).unwrap();
        events
    }

    /// Reads the events with both; returns how many were read the quick way.
    fn compare(kind: Kind, events: &[Event]) -> usize {
        let (mut quick, mut whole, mut pieces) = (decoder(kind), decoder(kind), 0);
        for event in events {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            let is_piece = quick.take_piece(event, &mut ours);
            let (left, inner) = match is_piece {
                true => (None, whole.take(event, &mut theirs)),
                false => (quick.take(event, &mut ours), whole.take(event, &mut theirs)),
            };
            assert_eq!((&left, &ours), (&inner, &theirs), "{kind:?} {event:?}");
            pieces += usize::from(is_piece);
            if theirs.iter().any(|delta| matches!(delta, Delta::Finished { .. } | Delta::Failed(_))) {
                return pieces;
            }
        }
        assert_eq!(quick.end(), whole.end(), "{kind:?} {events:?}");
        pieces
    }

    #[test]
    fn both_ways_agree_on_every_recording() {
        for (kind, recording) in RECORDINGS {
            let pieces = compare(kind, &events(kind, recording));
            assert!(kind == Kind::Mistral || 0 < pieces, "{kind:?}: none was read the quick way");
        }
    }

    /// What may stand in any place: what servers send there, and what they should not.
    fn odd() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(json!("")),
            Just(json!("word \u{1f44b}\n")),
            Just(json!(" ")),
            Just(json!(true)),
            Just(json!(false)),
            Just(json!(7)),
            Just(json!(-1.5)),
            Just(json!([])),
            Just(json!({})),
            Just(json!([{}, {}])),
            Just(json!(["content_block_delta", {"text": "x"}])),
            Just(json!({"type": "text_delta", "text": "x", "thinking": "y"})),
            Just(json!({"text": "x", "content": "y", "thinking": "z"})),
            Just(json!({"message": "m", "code": 1})),
        ]
    }

    /// The members that any decoder reads.
    const NAMES: [&str; 40] = [
        "type",
        "index",
        "delta",
        "text",
        "thinking",
        "stop_reason",
        "error",
        "usage",
        "message",
        "content",
        "content_block",
        "choices",
        "finish_reason",
        "refusal",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "tool_calls",
        "function_call",
        "images",
        "audio",
        "summary_index",
        "item",
        "response",
        "object",
        "candidates",
        "promptFeedback",
        "usageMetadata",
        "finishReason",
        "parts",
        "thought",
        "functionCall",
        "inlineData",
        "fileData",
        "executableCode",
        "codeExecutionResult",
        "done",
        "done_reason",
        "eval_count",
        "prompt_eval_count",
    ];

    /// Replaces the value at this place, counted in the order of the text, or adds a member to it.
    fn change(value: &mut Value, place: &mut usize, name: &str, odd: &Value) {
        if *place == 0 {
            match &mut *value {
                Value::Object(members) if name != "index" => drop(members.insert(name.into(), odd.clone())),
                Value::Array(items) if name != "index" => items.push(odd.clone()),
                value => *value = odd.clone(),
            }
        }
        *place = place.wrapping_sub(1);
        match value {
            Value::Object(members) => members.values_mut().for_each(|value| change(value, place, name, odd)),
            Value::Array(items) => items.iter_mut().for_each(|value| change(value, place, name, odd)),
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree_on_changed_events(
            which in 0usize..6,
            changes in prop::collection::vec((0usize..40, 0usize..12, prop::sample::select(&NAMES[..]), odd()), 1..4),
            twice in any::<bool>(),
        ) {
            let (kind, recording) = RECORDINGS[which];
            let mut events = events(kind, recording);
            for (at, mut place, name, odd) in changes {
                let at = at % events.len();
                let event = &mut events[at];
                let Ok(mut value) = serde_json::from_str::<Value>(&event.data) else { continue };
                change(&mut value, &mut place, name, &odd);
                event.data = value.to_string();
                if twice && event.data.starts_with('{') {
                    // The member is there once more.
                    event.data.replace_range(..1, &format!("{{\"{name}\":{odd},"));
                }
            }
            compare(kind, &events);
        }

        #[test]
        fn both_ways_agree_on_broken_events(
            which in 0usize..6,
            at in 0usize..40,
            place in 0.0..1.0,
            broken in prop::sample::select(&["", "\\", "\"", "{", "}", "[", ",", "\\ud83d", "1e3", "null", " ", "\u{a0}"][..]),
        ) {
            let (kind, recording) = RECORDINGS[which];
            let mut events = events(kind, recording);
            let at = at % events.len();
            let data = &mut events[at].data;
            let place = (data.len() as f64 * place) as usize;
            if data.is_char_boundary(place) && data.is_char_boundary(place + 1) {
                data.replace_range(place..=place, broken);
            }
            compare(kind, &events);
        }
    }
}
