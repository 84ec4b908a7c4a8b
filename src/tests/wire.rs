//! Bytes and events: whatever the network does to them, all viewers fold an identical conversation.

use crate::event::{Cursor, Draft, Event, List, Snapshot, Thread};
use crate::model::{
    Access, Assignment, AssignmentState, Conversation, ConversationId, Message, MessageId, ReplyError, Status, Usage,
};
use crate::wire::{Body, Line, Lines, Looking, Order, Presence, Topic};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

const EPOCH: u64 = 0xfeed_f00d;

pub(super) fn at(seq: u64) -> Cursor {
    Cursor { epoch: EPOCH, seq }
}

pub(super) fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

pub(super) fn conversation(number: u128, updated_at: &str) -> Conversation {
    Conversation {
        id: ConversationId(Uuid::from_u128(number)),
        title: format!("Conversation {number}"),
        model: "demo/tour".into(),
        system: String::new(),
        parameters: Default::default(),
        owner: None,
        created_at: "2026-01-01T00:00:00Z".into(),
        updated_at: updated_at.into(),
        queued: None,
        standing: Default::default(),
    }
}

pub(super) fn said(number: u128, parent: Option<u128>, text: &str) -> Message {
    let made = Message::said(id(number), parent.map(id), text.into(), "2026-01-01T00:00:00Z".into());
    Message { finished_at: None, ..made }
}

pub(super) fn message(number: u128, parent: Option<u128>) -> Event {
    Event::Message { message: Box::new(said(number, parent, "Hello")) }
}

pub(super) fn reply(number: u128, parent: u128) -> Event {
    Event::Reply {
        reply: id(number),
        model: "demo/tour".into(),
        parent: Some(id(parent)),
        created_at: "2026-01-01T00:00:00Z".into(),
        left_out: 2,
        images_left_out: 3,
    }
}

pub(super) fn token(number: u128, text: &str) -> Event {
    Event::Token { reply: id(number), text: text.into() }
}

pub(super) fn done(number: u128) -> Event {
    let usage = Some(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() });
    Event::Done { reply: id(number), usage, stop_reason: Some("end_turn".into()) }
}

pub(super) fn empty() -> Snapshot {
    let conversation = conversation(1, "2026-01-01T00:00:00Z");
    let access = Access::default();
    Snapshot {
        conversation,
        access,
        assignment: None,
        messages: Vec::new(),
        earlier: false,
        draft: None,
        cursor: at(0),
    }
}

pub(super) fn line(seq: u64, event: Event) -> Line {
    Line { id: at(seq), topic: Topic::Conversation, first: None, event }
}

fn thread(events: &[Event]) -> Thread {
    let mut thread = Thread::from(empty());
    events.iter().for_each(|event| thread.apply(event));
    thread
}

pub(super) fn every_event() -> Vec<Event> {
    let (next, preferences) = (Some("a".into()), Some(Box::default()));
    let list = List { items: vec![conversation(1, "2026")], next, cursor: at(3), preferences };
    let error = ReplyError {
        kind: "overloaded".into(),
        message: "Busy. Try again.".into(),
        retryable: true,
        retry_after_ms: Some(1_500),
    };
    let mut snapshot = empty();
    snapshot.messages.push(said(2, None, "a\nb\u{2028}\"}"));
    snapshot.draft = Some(Draft::new(id(3)));
    vec![
        Event::Snapshot(Box::new(snapshot)),
        Event::List(Box::new(list)),
        Event::Resumed { from: at(7) },
        message(2, None),
        reply(3, 2),
        Event::Thinking {
            reply: id(3),
            text: String::new(),
            since: Some("2026-01-01T00:00:00Z".into()),
            ms: Some(1_200),
        },
        token(3, "é🦀\r\n{\"type\":\"done\"}"),
        done(3),
        Event::Stopped { reply: id(3), usage: None },
        Event::Interrupted { reply: id(3) },
        Event::Error { reply: id(3), usage: None, error: error.into() },
        Event::Conversation { conversation: Box::new(conversation(1, "2026")) },
        Event::Deleted { conversation: conversation(1, "2026").id },
        Event::Preferences { preferences: Box::default() },
        Event::Assignment { assignment: Box::new(assignment()), ended: Some(id(3)) },
    ]
}

#[test]
pub(super) fn every_event_survives_its_line() {
    for topic in [Topic::Conversation, Topic::List] {
        for event in every_event() {
            let text = Body::new(&event).line(topic, at(9));
            assert_eq!(text.matches('\n').count(), 1, "one line each: {text}");
            let line = Line::read(&text).unwrap();
            assert_eq!(line, Line { id: at(9), topic, first: None, event });
        }
    }
}

#[test]
pub(super) fn every_event_is_one_sse_frame_named_by_its_type() {
    for event in every_event() {
        let frame = Body::new(&event).sse(at(9));
        assert_eq!(String::from_utf8(crate::wire::sse(&event, at(9))).unwrap(), frame);
        let lines: Vec<_> = frame.lines().collect();
        assert_eq!(lines[0], format!("event: {}", event.kind()));
        assert_eq!(lines[1], "id: feedf00d:9");
        let mut data: serde_json::Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(&lines[3..], [""]);
        assert!(data.get("type").is_none(), "the type is the event's name: {data}");
        data["type"] = event.kind().into();
        assert_eq!(serde_json::from_value::<Event>(data).unwrap(), event);
    }
}

#[test]
fn cursors_are_written_and_read_alike_and_garbage_is_none() {
    for cursor in [at(0), at(1), Cursor { epoch: u64::MAX, seq: u64::MAX }] {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    for garbage in ["", ":", "1", "x:1", "1:x", "1:-1", "1:2:3", "10000000000000000:0"] {
        assert!(garbage.parse::<Cursor>().is_err(), "{garbage}");
    }
}

#[test]
fn a_line_is_next_old_or_after_a_gap() {
    let order = |seq, first| Line { first, ..line(seq, token(3, "x")) }.order(Some(at(5)));
    assert_eq!(order(6, None), Order::Next);
    assert_eq!(order(5, None), Order::Old);
    assert_eq!(order(1, None), Order::Old);
    assert_eq!(order(7, None), Order::Gap);
    assert_eq!(order(9, Some(6)), Order::Next);
    assert_eq!(order(5, Some(3)), Order::Old);
    assert_eq!(order(9, Some(7)), Order::Gap);
    assert_eq!(order(9, Some(5)), Order::Gap, "half of it was seen, and it cannot be taken apart");
}

#[test]
fn a_line_of_another_life_is_after_a_gap_unless_it_starts_over() {
    let foreign = Some(Cursor { epoch: 1, seq: 5 });
    for cursor in [foreign, None] {
        assert_eq!(line(6, token(3, "x")).order(cursor), Order::Gap);
        assert_eq!(line(6, Event::Resumed { from: at(6) }).order(cursor), Order::Gap);
        assert_eq!(line(6, Event::Snapshot(Box::new(empty()))).order(cursor), Order::Next);
    }
}

#[test]
fn resuming_further_on_than_asked_is_a_gap() {
    let order = |from| line(from, Event::Resumed { from: at(from) }).order(Some(at(5)));
    assert_eq!(order(5), Order::Old);
    assert_eq!(order(4), Order::Old);
    assert_eq!(order(6), Order::Gap);
}

#[test]
fn a_line_without_end_is_refused() {
    let mut lines = Lines::default();
    let chunk = vec![b'x'; crate::wire::MAX_LINE_BYTES];
    assert!(lines.push(&chunk).is_ok());
    assert!(lines.push(b"y").is_err());
}

#[test]
fn a_reply_is_its_tokens_up_to_its_end() {
    let mut draft = Draft::new(id(3));
    let thinking = Event::Thinking { reply: id(3), text: "hm".into(), since: None, ms: None };
    let events = [token(3, "a"), token(4, "other"), thinking, token(3, "b"), done(3), token(3, "late")];
    events.iter().for_each(|event| draft.apply(event));
    assert_eq!((draft.text.as_str(), draft.thinking.as_str(), draft.status), ("ab", "hm", Status::Done));
}

#[test]
fn thinking_runs_from_its_first_event_to_the_one_that_ends_it() {
    let since = Some("2026-01-01T00:00:00.000Z".to_owned());
    let thinking = |since, ms| Event::Thinking { reply: id(3), text: "hm".into(), since, ms };
    let mut draft = Draft::new(id(3));
    draft.apply(&thinking(since.clone(), None));
    draft.apply(&thinking(None, None));
    assert_eq!((&draft.thinking_since, draft.thinking_ms), (&since, None));
    draft.apply(&thinking(None, Some(700)));
    draft.apply(&token(3, "a"));
    assert_eq!((&draft.thinking_since, draft.thinking_ms), (&None, Some(700)));
    draft.apply(&thinking(since.clone(), None));
    assert_eq!((&draft.thinking_since, draft.thinking_ms), (&since, Some(700)), "it may think again");
}

#[test]
fn a_reply_ends_once_and_its_message_gets_the_text() {
    let thread =
        thread(&[message(2, None), reply(3, 2), token(3, "a"), done(3), Event::Stopped { reply: id(3), usage: None }]);
    let last = thread.messages.last().unwrap();
    assert_eq!((last.text.as_str(), last.status), ("a", Status::Done));
    assert_eq!(last.usage, Some(Usage { input_tokens: 1, output_tokens: 2, ..Usage::default() }));
    assert_eq!(thread.draft, None);
}

#[test]
fn a_retry_is_shown_instead_of_what_it_retries() {
    let thread = thread(&[message(2, None), reply(3, 2), token(3, "a"), done(3), reply(4, 2), token(4, "b")]);
    let ids: Vec<_> = thread.messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, [id(2), id(4)]);
    assert_eq!(thread.draft.unwrap().text, "b");
    assert!(!thread.earlier);
}

#[test]
fn a_reply_whose_end_comes_late_keeps_its_text() {
    let begun = [message(2, None), reply(3, 2), token(3, "a"), message(4, Some(3)), reply(5, 4)];
    let mut thread = thread(&begun);
    thread.apply(&Event::Stopped { reply: id(3), usage: None });
    thread.apply(&token(5, "b"));
    assert_eq!((thread.messages[1].text.as_str(), thread.messages[1].status), ("a", Status::Stopped));
    assert_eq!(thread.draft.unwrap().text, "b");
}

#[test]
fn a_snapshot_that_knows_more_than_its_cursor_is_told_the_rest_without_harm() {
    let events = [message(2, None), reply(3, 2), token(3, "a"), done(3), message(4, Some(3)), reply(5, 4)];
    let whole = thread(&events);
    // Read from the store after the journal: the messages are those of the end, the cursor and draft of the beginning.
    let mut ahead = Thread { draft: None, ..whole.clone() };
    events.iter().for_each(|event| ahead.apply(event));
    assert_eq!(ahead, whole);
}

/// What one conversation's journal may contain: replies are opened, fed and ended in any order that a server would
/// write.
fn history() -> impl Strategy<Value = Vec<Event>> {
    vec((0..6_u8, "\\PC{0,4}"), 1..60).prop_map(|steps| {
        let (mut events, mut last, mut open, mut next) = (Vec::new(), None, None, 2);
        for (step, text) in steps {
            match (step, open) {
                (0, Some(reply)) => events.push(end_of(reply, next)),
                (1, Some(reply)) => events.push(Event::Thinking { reply: id(reply), text, since: None, ms: None }),
                (_, Some(reply)) => events.push(token(reply, &text)),
                (0, None) => events.push(Event::Conversation { conversation: Box::new(conversation(1, &text)) }),
                (_, None) => {
                    events.extend([message(next, last), reply(next + 1, next)]);
                    last = Some(next + 1);
                    next += 2;
                }
            }
            open = match (step, open) {
                (0, _) => None,
                (_, None) => last,
                (_, open) => open,
            };
        }
        events
    })
}

fn assignment() -> Assignment {
    Assignment {
        state: AssignmentState::Waiting,
        agent: None,
        since: "2026-01-01T00:00:00Z".into(),
        number: 2,
        text: Some("Wait.".into()),
        inside: None,
    }
}

fn end_of(reply: u128, choice: u128) -> Event {
    match choice / 2 % 4 {
        0 => done(reply),
        1 => Event::Stopped { reply: id(reply), usage: None },
        2 => Event::Interrupted { reply: id(reply) },
        _ => {
            let (kind, message) = ("broken".into(), "It broke.".into());
            let error = ReplyError { kind, message, retryable: false, retry_after_ms: None };
            Event::Error { reply: id(reply), usage: None, error: error.into() }
        }
    }
}

proptest! {
    #[test]
    fn lines_are_the_same_however_the_network_cuts_them(
        texts in vec("[^\n]{0,20}", 0..8),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| format!("{text}\n").into_bytes()).collect();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut lines = Lines::default();
        let mut read = Vec::new();
        for cut in cuts.windows(2) {
            read.extend(lines.push(&bytes[cut[0]..cut[1]]).unwrap());
        }
        prop_assert_eq!(read, texts);
    }

    #[test]
    fn tokens_survive_the_wire_whatever_they_say(text in any::<String>(), seq in any::<u64>()) {
        let event = Event::Token { reply: id(3), text };
        let line = Line::read(&Body::new(&event).line(Topic::Conversation, at(seq))).unwrap();
        prop_assert_eq!(line.event, event);
        prop_assert_eq!(line.id, at(seq));
    }

    #[test]
    fn cursors_never_panic(text in any::<String>()) {
        let _ = text.parse::<Cursor>();
    }

    #[test]
    fn a_reply_is_the_same_however_its_text_is_cut(pieces in vec("\\PC{0,5}", 0..20)) {
        let mut in_pieces = Draft::new(id(3));
        pieces.iter().for_each(|piece| in_pieces.apply(&token(3, piece)));
        let mut at_once = Draft::new(id(3));
        at_once.apply(&token(3, &pieces.concat()));
        prop_assert_eq!(in_pieces, at_once);
    }

    #[test]
    fn a_snapshot_and_what_follows_is_the_whole(history in history(), cut in any::<prop::sample::Index>()) {
        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let seen = thread(before);
        let snapshot = Snapshot {
            assignment: None,
            conversation: seen.conversation,
            access: seen.access,
            messages: seen.messages,
            earlier: seen.earlier,
            draft: seen.draft,
            cursor: at(before.len() as u64),
        };
        let mut resumed = Thread::from(empty());
        resumed.apply(&Event::Snapshot(Box::new(snapshot)));
        after.iter().for_each(|event| resumed.apply(event));
        prop_assert_eq!(resumed, thread(&history));
    }

    #[test]
    fn no_reply_is_left_open_behind_another(history in history()) {
        let thread = thread(&history);
        let open: Vec<_> = thread.messages.iter().filter(|message| message.status.is_open()).map(|m| m.id).collect();
        let drafted: Vec<_> = thread.draft.iter().map(|draft| draft.reply).collect();
        prop_assert_eq!(open, drafted);
    }
}

#[test]
fn presence_is_told_without_an_id_and_is_no_event() {
    let people = vec![Looking { id: Default::default(), name: "Ann \"and\"\nBob".into(), typing: true }];
    let presence = Presence { people, words: "Ann is here.".into() };
    assert_eq!(Presence::words(presence.line().trim_end()).as_deref(), Some("Ann is here."));
    assert_eq!(presence.line().lines().count(), 1);
    assert!(Line::read(presence.line().trim_end()).is_err());
    let sse = presence.sse();
    assert!(
        sse.starts_with("event: presence\ndata: {\"people\":[") && sse.ends_with(",\"words\":\"Ann is here.\"}\n\n"),
        "{sse}"
    );
    assert_eq!(sse.lines().filter(|line| !line.is_empty()).count(), 2);
    assert_eq!(Presence::words(r#"{"type":"token","id":"1:1","words":"x"}"#), None);
}
