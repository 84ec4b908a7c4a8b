//! Events as the values of a stream's entries, and topics as names of keys.
//!
//! Nearly all events are pieces of text, and those take a byte, the reply's id and the text itself.

use crate::event::Event;
use crate::model::MessageId;
use crate::server::backplane::Topic;

/// The first byte of an entry. `R` is known to the script that appends.
const TOKEN: u8 = b'T';
const THOUGHT: u8 = b'H';
const REPLY: u8 = b'R';
const OTHER: u8 = b'J';
const ID: usize = 16;

/// The topic's name in keys and channels: what is in braces decides where a key lies.
pub(super) fn name(topic: Topic) -> String {
    match topic {
        Topic::Conversation(id) => format!("{{c:{id}}}"),
        Topic::Account(id) => format!("{{a:{id}}}"),
    }
}

pub(super) fn topic(name: &str) -> Option<Topic> {
    let (kind, id) = name.strip_prefix('{')?.strip_suffix('}')?.split_once(':')?;
    match kind {
        "c" => Some(Topic::Conversation(id.parse().ok()?)),
        "a" => Some(Topic::Account(id.parse().ok()?)),
        _ => None,
    }
}

pub(super) fn encode(event: &Event) -> Vec<u8> {
    match event {
        Event::Token { reply, text } => piece(TOKEN, *reply, text),
        Event::Thinking { reply, text, since: None, ms: None } => piece(THOUGHT, *reply, text),
        Event::Reply { .. } => json(REPLY, event),
        _ => json(OTHER, event),
    }
}

fn piece(kind: u8, reply: MessageId, text: &str) -> Vec<u8> {
    [&[kind], reply.0.as_bytes().as_slice(), text.as_bytes()].concat()
}

fn json(kind: u8, event: &Event) -> Vec<u8> {
    let mut bytes = vec![kind];
    serde_json::to_writer(&mut bytes, event).expect("an event is always valid JSON");
    bytes
}

/// None: another version of this program has written it.
pub(super) fn decode(bytes: &[u8]) -> Option<Event> {
    let (kind, rest) = bytes.split_first()?;
    match *kind {
        TOKEN | THOUGHT => {
            let (id, text) = rest.split_at_checked(ID)?;
            let reply = MessageId(uuid::Uuid::from_slice(id).ok()?);
            let text = std::str::from_utf8(text).ok()?.to_owned();
            Some(match *kind {
                TOKEN => Event::Token { reply, text },
                _ => Event::Thinking { reply, text, since: None, ms: None },
            })
        }
        _ => serde_json::from_slice(rest).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, ConversationId};

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let reply = MessageId::new();
        let events = [
            Event::Token { reply, text: "ä\u{fffd}\n".into() },
            Event::Thinking { reply, text: String::new(), since: None, ms: None },
            Event::Thinking { reply, text: "Hm".into(), since: Some("2026".into()), ms: Some(3) },
            Event::Stopped { reply, usage: None },
            Event::Deleted { conversation: ConversationId::new() },
        ];
        for event in events {
            assert_eq!(decode(&encode(&event)), Some(event));
        }
        assert_eq!(encode(&Event::Token { reply, text: "word".into() }).len(), 1 + ID + 4);
        for broken in [&b""[..], b"T123", b"J{", b"?"] {
            assert_eq!(decode(broken), None);
        }
    }

    #[test]
    fn a_topic_is_known_by_its_name() {
        for here in [Topic::Conversation(ConversationId::new()), Topic::Account(AccountId::new())] {
            assert_eq!(topic(&name(here)), Some(here));
        }
        for other in ["", "{}", "{c:1}", "{x:00000000-0000-0000-0000-000000000000}", "n:one"] {
            assert_eq!(topic(other), None);
        }
    }
}
