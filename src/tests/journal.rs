//! The journal: every reader, from every cursor, sees every event once and in order.

mod schedule;

use crate::event::{Cursor, Event};
use crate::model::{ConversationId, MessageId};
use crate::server::journal::{Entry, Journal, Journals, Topic};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const MAX_BYTES: usize = 32 << 20;

fn token(reply: MessageId, text: &str) -> Event {
    Event::Token { reply, text: text.into() }
}

fn opened(reply: MessageId) -> Event {
    Event::Reply { reply, model: "m".into(), parent: None, created_at: String::new(), left_out: 0, images_left_out: 0 }
}

fn journal(window: Duration) -> (Journals, Arc<Journal>, Topic) {
    let journals = Journals::new(window, MAX_BYTES);
    let topic = Topic::Conversation(ConversationId::new());
    let journal = journals.topic(topic);
    (journals, journal, topic)
}

fn cursor(journal: &Journal, seq: u64) -> Cursor {
    Cursor { epoch: journal.epoch(), seq }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_readers_from_fifty_cursors_see_every_event_once() {
    const EVENTS: u64 = 1_000;
    let (_journals, journal, _) = journal(LONG);
    let reply = MessageId::new();
    for seq in 1..=50 {
        journal.append(token(reply, &seq.to_string()));
    }
    let read = |from: u64| {
        let mut reader = journal.reader(cursor(&journal, from)).unwrap();
        tokio::spawn(async move {
            let mut next = from + 1;
            while next <= EVENTS {
                for entry in reader.next(7).await.unwrap() {
                    assert_eq!(entry.seq, next);
                    assert_eq!(entry.event, token(reply, &next.to_string()));
                    next += 1;
                }
            }
        })
    };
    let readers: Vec<_> = (0..50).map(read).collect();
    for seq in 51..=EVENTS {
        journal.append(token(reply, &seq.to_string()));
        if seq % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn the_draft_is_the_fold_of_the_reply() {
    let (_journals, journal, _) = journal(LONG);
    let reply = MessageId::new();
    journal.append(opened(reply));
    journal.append(token(reply, "Hello"));
    journal.append(token(MessageId::new(), "of another reply"));
    journal.append(token(reply, " there"));
    let (end, draft) = journal.end();
    assert_eq!(end.seq, 4);
    assert_eq!(draft.unwrap().text, "Hello there");
    journal.append(Event::Stopped { reply, usage: None });
    assert_eq!(journal.end().1, None);
    assert_eq!(journal.cursor_of(reply).seq, 1);
}

#[tokio::test]
async fn what_is_older_than_the_window_goes_and_an_open_reply_stays() {
    let (_journals, journal, _) = journal(Duration::ZERO);
    let (old, open) = (MessageId::new(), MessageId::new());
    journal.append(token(old, "old"));
    journal.append(opened(open));
    for _ in 0..10 {
        journal.append(token(open, "x"));
    }
    assert!(journal.reader(cursor(&journal, 0)).is_none(), "the first event is gone");
    let mut reader = journal.reader(cursor(&journal, 1)).unwrap();
    assert_eq!(reader.next(100).await.unwrap().len(), 11, "the whole open reply");
    journal.append(Event::Stopped { reply: open, usage: None });
    journal.append(token(old, "later"));
    assert!(journal.reader(cursor(&journal, 2)).is_none());
}

#[tokio::test]
async fn a_reader_that_fell_out_of_the_window_is_told() {
    let (_journals, journal, _) = journal(Duration::ZERO);
    let mut reader = journal.reader(cursor(&journal, 0)).unwrap();
    let reply = MessageId::new();
    for _ in 0..3 {
        journal.append(token(reply, "x"));
    }
    assert!(reader.next(10).await.is_none());
}

#[tokio::test]
async fn cursors_of_another_life_or_of_the_future_are_not_continued() {
    let (_journals, journal, _) = journal(LONG);
    journal.append(token(MessageId::new(), "x"));
    assert!(journal.reader(Cursor { epoch: journal.epoch() ^ 1, seq: 1 }).is_none());
    assert!(journal.reader(cursor(&journal, 2)).is_none());
    assert!(journal.reader(cursor(&journal, u64::MAX - 1)).is_none());
    assert!(journal.reader(cursor(&journal, 1)).is_some());
}

#[tokio::test]
async fn only_journals_that_nobody_needs_are_forgotten() {
    let (journals, journal, topic) = journal(Duration::ZERO);
    let reply = MessageId::new();
    journal.append(opened(reply));
    let epoch = journal.epoch();
    drop(journal);
    assert_eq!(journals.sweep(), 1, "a reply is open");
    let journal = journals.topic(topic);
    journal.append(Event::Stopped { reply, usage: None });
    let reader = journal.reader(cursor(&journal, 2)).unwrap();
    drop(journal);
    assert_eq!(journals.sweep(), 1, "it has a reader");
    drop(reader);
    assert_eq!(journals.sweep(), 0);
    assert_ne!(journals.topic(topic).epoch(), epoch, "its next life has another epoch");
}

#[tokio::test]
async fn f10_a_topic_of_a_million_small_events_stays_small_and_its_readers_are_told() {
    let (journals, journal, _) = journal(LONG);
    let mut reader = journal.reader(cursor(&journal, 0)).unwrap();
    let reply = MessageId::new();
    for _ in 0..1_000_000 {
        journal.append(token(reply, "x"));
    }
    let size = journals.size();
    assert!(size.bytes <= 16 << 20, "{size:?}");
    assert!(30_000 < size.entries, "ten minutes of the quickest reply: {size:?}");
    assert!(reader.next(10).await.is_none(), "what it had not read is gone");
}

#[tokio::test]
async fn an_entry_takes_no_more_than_it_is_counted_as() {
    // What else it takes: the counts of its Arc, the text three times, and the names and ids in two encodings.
    let (journals, journal, _) = journal(LONG);
    let reply = MessageId::new();
    journal.append(token(reply, "word "));
    let mut reader = journal.reader(cursor(&journal, 0)).unwrap();
    let entry = reader.next(1).await.unwrap().remove(0);
    let encoded = entry.sse(journal.epoch()).len() + entry.line(crate::wire::Topic::Conversation, 1).len();
    assert!(size_of::<Entry>() <= 144, "{}", size_of::<Entry>());
    assert!(size_of::<Entry>() + encoded <= journals.size().bytes);
}

#[tokio::test]
async fn f42_what_is_over_goes_where_all_journals_hold_too_much_and_an_open_reply_stays() {
    let text = "x".repeat(1 << 20);
    let (journals, ended, _) = journal(LONG);
    let (over, open) = (MessageId::new(), MessageId::new());
    ended.append(opened(over));
    ended.append(token(over, &text));
    ended.append(Event::Stopped { reply: over, usage: None });
    let other = journals.topic(Topic::Conversation(ConversationId::new()));
    other.append(opened(open));
    for _ in 0..10 {
        other.append(token(open, &text));
    }
    assert!(journals.is_crowded() && journals.is_full());
    journals.make_room();
    assert_eq!(journals.size().entries, 11, "what is over is gone");
    assert!(other.reader(cursor(&other, 0)).is_some(), "the open one can still be read from its beginning");
    assert!(ended.reader(cursor(&ended, 3)).is_some(), "who had read everything misses nothing");
    assert!(ended.reader(cursor(&ended, 2)).is_none());
    assert!(journals.is_crowded() && !journals.is_full(), "of an open reply everything stays");

    other.append(Event::Stopped { reply: open, usage: None });
    assert!(!journals.is_crowded(), "one topic holds no more than its own limit");
}

#[tokio::test]
async fn a_sweep_trims_a_journal_that_has_readers() {
    let (journals, journal, _) = journal(Duration::ZERO);
    let reply = MessageId::new();
    journal.append(opened(reply));
    for _ in 0..10 {
        journal.append(token(reply, "x"));
    }
    journal.append(Event::Stopped { reply, usage: None });
    let mut reader = journal.reader(cursor(&journal, 12)).unwrap();
    drop(journal);
    journals.sweep();
    assert_eq!((journals.size().topics, journals.size().entries, journals.size().bytes), (1, 0, 0));
    assert!(reader.journal().reader(Cursor { epoch: reader.journal().epoch(), seq: 11 }).is_none());
    // A reader who had read everything misses nothing.
    let journal = Arc::clone(reader.journal());
    let next = tokio::spawn(async move { reader.next(1).await.unwrap().remove(0).seq });
    journal.append(opened(reply));
    assert_eq!(next.await.unwrap(), 13);
}

#[tokio::test]
async fn a_reader_of_a_journal_that_starts_over_is_told() {
    let (_journals, journal, _) = journal(LONG);
    let reply = MessageId::new();
    journal.append(token(reply, "x"));
    let mut reader = journal.reader(cursor(&journal, 1)).unwrap();
    let read = tokio::spawn(async move { reader.next(1).await.is_none() });
    tokio::task::yield_now().await;
    journal.start_over();
    assert!(read.await.unwrap(), "although it had read everything");
    assert!(journal.reader(cursor(&journal, 1)).is_none());
    assert!(journal.reader(journal.end().0).is_some());
}
