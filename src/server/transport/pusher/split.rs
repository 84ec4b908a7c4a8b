//! Events as messages of 10 KB at most.
//!
//! A long piece of a reply's text becomes several events, each with text that is valid by itself. All but the last have
//! an id that names a position inside the piece (`epoch:seq+bytes`): a client that resumes from it gets the rest of the
//! text, nothing twice. Any other event that is too long is cut as JSON: its parts have no id, and mean nothing alone.
//!
//! A `token` event also has its text as `token`, and `conversationId`: pages that were written after Reverb's tutorials
//! read these.

use super::message::{self, Data};
use crate::event::{Cursor, Event};
use crate::server::channels::{Channel, Name};
use crate::server::transport::Frame;
use crate::wire::{Body, Topic};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The protocol's limit is 10 KB, which it does not define: no message is longer than the smaller reading.
pub const MAX_BYTES: usize = 10_000;
/// How much of it is for text: the envelope, a channel's longest name and an event's other members take the rest.
const TEXT_BYTES: usize = MAX_BYTES - 1_000;

/// A viewer's position: after an event, or inside the text that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialCursor {
    pub cursor: Cursor,
    /// Bytes of the text after the cursor that were seen.
    pub bytes: usize,
}

impl fmt::Display for PartialCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            0 => write!(f, "{}", self.cursor),
            bytes => write!(f, "{}+{bytes}", self.cursor),
        }
    }
}

impl FromStr for PartialCursor {
    type Err = crate::event::NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (cursor, bytes) = text.split_once('+').unwrap_or((text, "0"));
        Ok(Self { cursor: cursor.parse()?, bytes: bytes.parse().map_err(|_| crate::event::NotACursor)? })
    }
}

/// An event as the messages that go to one subscriber; its text without the first `seen` bytes.
pub fn messages(channel: &Name, frame: &Frame, seen: usize) -> Vec<String> {
    let (event, first, id) = match frame {
        Frame::Start { event: Event::Resumed { from }, .. } => {
            let place = PartialCursor { cursor: *from, bytes: seen };
            let json = format!(r#"{{"type":"resumed","id":"{place}","from":"{place}"}}"#);
            return vec![message::on(channel, "resumed", Data::Text(&json))];
        }
        Frame::Start { event, id } => (event, id.seq, *id),
        Frame::Entry { entry, epoch } => (&entry.event, entry.seq, Cursor { epoch: *epoch, seq: entry.seq }),
        Frame::Merged { event, first, id } => (event, *first, *id),
        // There is a channel for that.
        Frame::Presence(_) => return Vec::new(),
    };
    let text = super::super::text(event);
    if 0 < seen && text.is_char_boundary(seen) || most_text(event) < text.len() {
        return pieces(channel, event, first, id, seen);
    }
    let json = match frame {
        Frame::Entry { entry, epoch } => entry.line(Topic::Conversation, *epoch),
        Frame::Merged { .. } => Body::merged(event, first).line(Topic::Conversation, id),
        Frame::Start { .. } | Frame::Presence(_) => Body::new(event).line(Topic::Conversation, id),
    };
    let json = for_tutorials(channel, event, json.trim_end());
    let whole = message::on(channel, event.kind(), Data::Text(&json));
    match (whole.len() <= MAX_BYTES, text.is_empty()) {
        (true, _) => vec![whole],
        (false, false) => pieces(channel, event, first, id, seen),
        (false, true) => parts(channel, event.kind(), &json),
    }
}

/// A piece of a reply in several messages, from the byte `seen` on.
fn pieces(channel: &Name, event: &Event, first: u64, id: Cursor, seen: usize) -> Vec<String> {
    let text = super::super::text(event);
    let before = Cursor { epoch: id.epoch, seq: first - 1 };
    let mut messages = Vec::new();
    let mut at = seen;
    for slice in slices(&text[seen.min(text.len())..], most_text(event)) {
        let is_first = at == 0;
        at += slice.len();
        let is_last = at == text.len();
        let part = part_of(event, slice, is_first, is_last);
        let body = Body::new(&part);
        let json = match is_last {
            true => body.line(Topic::Conversation, id),
            false => body.line(Topic::Conversation, PartialCursor { cursor: before, bytes: at }),
        };
        let json = for_tutorials(channel, &part, json.trim_end());
        messages.push(message::on(channel, event.kind(), Data::Text(&json)));
    }
    messages
}

/// How much room for text a message has: a `token` event has the text twice.
fn most_text(event: &Event) -> usize {
    if matches!(event, Event::Token { .. }) { TEXT_BYTES / 2 } else { TEXT_BYTES }
}

/// A `token` event's JSON with the members that pages for Reverb read; any other as it is.
fn for_tutorials<'a>(channel: &Name, event: &Event, json: &'a str) -> Cow<'a, str> {
    let (Event::Token { text, .. }, Some(members)) = (event, json.strip_suffix('}')) else {
        return Cow::Borrowed(json);
    };
    let text = Value::from(&**text);
    Cow::Owned(match channel.channel() {
        Channel::Conversation(id) => format!(r#"{members},"token":{text},"conversationId":"{id}"}}"#),
        _ => format!(r#"{members},"token":{text}}}"#),
    })
}

fn part_of(event: &Event, text: &str, is_first: bool, is_last: bool) -> Event {
    match event {
        Event::Thinking { reply, since, ms, .. } => Event::Thinking {
            reply: *reply,
            text: text.into(),
            since: since.clone().filter(|_| is_first),
            ms: ms.filter(|_| is_last),
        },
        other => Event::Token { reply: other.reply().expect("only pieces of a reply have text"), text: text.into() },
    }
}

/// An event's JSON in several messages: `json` of all parts together is the event's data.
fn parts(channel: &Name, kind: &str, json: &str) -> Vec<String> {
    let slices: Vec<_> = slices(json, TEXT_BYTES).collect();
    let parts = slices.len();
    let part = |(index, slice): (usize, &&str)| {
        let data = serde_json::json!({ "type": kind, "part": index + 1, "parts": parts, "json": slice });
        message::on(channel, kind, Data::Text(&data.to_string()))
    };
    slices.iter().enumerate().map(part).collect()
}

/// The text in slices that take at most this many bytes each once they are in a message. Characters stay whole.
fn slices(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut taken = 0;
        let end = rest.char_indices().find(|(_, c)| {
            taken += cost(*c);
            most < taken
        });
        let (slice, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = after;
        (!slice.is_empty()).then_some(slice)
    })
}

/// The largest size of a character in JSON within a JSON string within a JSON string.
fn cost(c: char) -> usize {
    match c {
        '"' | '\\' => 4,
        '\n' | '\r' | '\t' => 3,
        c if c < ' ' => 7,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;
    use proptest::prelude::*;

    fn data(message: &str) -> Value {
        assert!(message.len() <= MAX_BYTES, "{}", message.len());
        let envelope: Value = serde_json::from_str(message).unwrap();
        serde_json::from_str(envelope["data"].as_str().unwrap()).unwrap()
    }

    fn name() -> Name {
        Name::parse(&format!("private-{}", "x".repeat(150))).unwrap()
    }

    fn token(text: &str) -> Frame {
        let event = Event::Token { reply: MessageId::new(), text: text.into() };
        Frame::Merged { event, first: 7, id: Cursor { epoch: u64::MAX, seq: 9 } }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn text_in_several_messages_is_the_text_from_every_place(
            text in prop_oneof![".{0,200}", "[\"\\\\\u{0}\n\u{1f}é😀a]{0,12000}", "[a-z ]{9000,30000}"],
        ) {
            let whole = token(&text);
            let mut places = vec![0];
            let mut joined = String::new();
            for message in messages(&name(), &whole, 0) {
                let data = data(&message);
                prop_assert_eq!(&data["token"], &data["text"]);
                joined.push_str(data["text"].as_str().unwrap());
                if let Ok(PartialCursor { bytes, .. }) = data["id"].as_str().unwrap().parse::<PartialCursor>() {
                    places.push(bytes);
                }
            }
            prop_assert_eq!(&joined, &text);
            for seen in places {
                let rest: Vec<_> = messages(&name(), &whole, seen).iter().map(|message| data(message)).collect();
                let said: String = rest.iter().map(|data| data["text"].as_str().unwrap().to_owned()).collect();
                prop_assert_eq!(&said, &text[seen..]);
                prop_assert_eq!(rest.last().unwrap()["id"].as_str().unwrap(), "ffffffffffffffff:9");
            }
        }

        #[test]
        fn parts_together_are_the_event(text in "[\"\\\\\u{0}\né😀a]{0,30000}") {
            let json = serde_json::json!({ "type": "message", "text": text }).to_string();
            let together: String =
                parts(&name(), "message", &json).iter().map(|part| data(part)["json"].as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(together, json);
        }
    }

    #[test]
    fn z29_a_token_has_what_pages_for_reverb_read() {
        let id = crate::model::ConversationId::new();
        let channel = Name::parse(&format!("private-conversations.{id}")).unwrap();
        let long = "\"é\n".repeat(4_000);
        for text in ["a \"b\"", long.as_str()] {
            let messages = messages(&channel, &token(text), 0);
            for data in messages.iter().map(|message| data(message)) {
                assert_eq!((&data["token"], &data["conversationId"]), (&data["text"], &Value::from(id.to_string())));
                assert_eq!(data["type"], "token");
                assert!(data.get("eventType").is_none());
            }
        }
        let event = Event::Thinking { reply: MessageId::new(), text: "a".into(), since: None, ms: None };
        let thinking = Frame::Merged { event, first: 7, id: Cursor { epoch: 1, seq: 9 } };
        assert!(data(&messages(&channel, &thinking, 0)[0]).get("token").is_none(), "thinking is no part of the answer");
    }

    #[test]
    fn places_are_written_and_read() {
        for text in ["a:7", "a:7+120"] {
            assert_eq!(text.parse::<PartialCursor>().unwrap().to_string(), text);
        }
        for wrong in ["", "a", "a:7+", "a:7+x", "a:7+-1", "+1"] {
            assert!(wrong.parse::<PartialCursor>().is_err(), "{wrong}");
        }
    }
}
