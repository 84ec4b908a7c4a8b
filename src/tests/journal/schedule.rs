//! Writers, readers and the sweep in every order: a scheduler of our own takes one step after the other, as proptest
//! says, and polls a reader only when it was woken. A wake-up that is lost leaves a reader behind for good.
//!
//! It switches at every `await`. What threads may do to each other within one poll is for the test with fifty readers.

use super::{cursor, journal, opened, token};
use crate::event::Event;
use crate::model::MessageId;
use crate::server::journal::{Entry, Journal, Reader};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::task::{ArcWake, waker};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Token,
    Begin,
    End,
    Sweep,
    StartOver,
    /// A new reader, from this far behind the end.
    Join(u64),
    /// A reader reads, if it was woken, at most this many entries.
    Poll(usize, usize),
    /// A reader is dropped in the middle of waiting and comes back from its cursor.
    Rejoin(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Token),
        1 => Just(Step::Begin),
        1 => Just(Step::End),
        1 => Just(Step::Sweep),
        1 => Just(Step::StartOver),
        2 => (0..5_u64).prop_map(Step::Join),
        8 => (0..8_usize, 1..4_usize).prop_map(|(who, most)| Step::Poll(who, most)),
        1 => (0..8_usize).prop_map(Step::Rejoin),
    ]
}

/// Whether a reader was woken since it was last polled.
struct Flag(AtomicBool);

impl ArcWake for Flag {
    fn wake_by_ref(flag: &Arc<Self>) {
        flag.0.store(true, Ordering::SeqCst);
    }
}

type Reading = BoxFuture<'static, (Reader, Option<Vec<Arc<Entry>>>)>;

/// A viewer: what it has seen, and its pending read.
struct Viewer {
    seen: u64,
    reading: Reading,
    woken: Arc<Flag>,
}

impl Viewer {
    /// From a cursor; from a snapshot where the journal does not know it any more.
    fn join(journal: &Arc<Journal>, seq: u64, most: usize) -> Self {
        let (end, _) = journal.end();
        let known = journal.reader(cursor(journal, seq));
        let seen = if known.is_some() { seq } else { end.seq };
        let reader = known.unwrap_or_else(|| journal.reader(end).expect("the end is always known"));
        Self { seen, reading: read(reader, most), woken: Arc::new(Flag(AtomicBool::new(true))) }
    }

    fn poll(&mut self, journal: &Arc<Journal>, most: usize) {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return;
        }
        let waker = waker(Arc::clone(&self.woken));
        let Poll::Ready((reader, entries)) = self.reading.poll_unpin(&mut Context::from_waker(&waker)) else { return };
        let Some(entries) = entries else {
            *self = Self::join(journal, self.seen, most);
            return;
        };
        for entry in entries {
            assert_eq!(entry.seq, self.seen + 1, "every event once, in order");
            self.seen = entry.seq;
        }
        self.woken.0.store(true, Ordering::SeqCst);
        self.reading = read(reader, most);
    }
}

fn read(mut reader: Reader, most: usize) -> Reading {
    async move {
        let entries = reader.next(most).await;
        (reader, entries)
    }
    .boxed()
}

proptest! {
    #[test]
    fn in_every_order_every_viewer_sees_every_event_or_a_snapshot(steps in vec(step(), 1..80), lasting: bool) {
        // Without a window the sweep, and every append, drops all that no open reply needs.
        let (journals, journal, _) = journal(if lasting { Duration::MAX } else { Duration::ZERO });
        let reply = MessageId::new();
        let mut viewers = vec![Viewer::join(&journal, 0, 2)];
        for step in steps {
            match step {
                Step::Token => drop(journal.append(token(reply, "t"))),
                Step::Begin => drop(journal.append(opened(reply))),
                Step::End => drop(journal.append(Event::Stopped { reply, usage: None })),
                Step::Sweep => drop(journals.sweep()),
                Step::StartOver => journal.start_over(),
                Step::Join(behind) => {
                    viewers.push(Viewer::join(&journal, journal.end().0.seq.saturating_sub(behind), 2));
                }
                Step::Poll(who, most) => {
                    let who = who % viewers.len();
                    viewers[who].poll(&journal, most);
                }
                Step::Rejoin(who) => {
                    let who = who % viewers.len();
                    viewers[who] = Viewer::join(&journal, viewers[who].seen, 2);
                }
            }
        }
        // Viewers that are behind have been woken: polling them is enough.
        let end = journal.end().0.seq;
        for viewer in &mut viewers {
            for _ in 0..=2 * end + 2 {
                viewer.poll(&journal, 2);
            }
            prop_assert_eq!(viewer.seen, end);
        }
        journal.append(Event::Stopped { reply, usage: None });
        journal.start_over();
        prop_assert_eq!(journals.size().bytes, 0, "each entry is counted once, and taken off once");
    }
}
