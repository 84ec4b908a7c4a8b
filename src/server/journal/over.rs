//! The end of a topic: its journal and its epoch end together, so that no earlier cursor is valid. And the end of what
//! a viewer knows, whose access was revoked and granted again.

use super::log::Log;
use super::{HeldTurn, Journal, Journals, Reader, Topic, lock};
use crate::event::{Cursor, Event};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl Journals {
    /// The conversation is deleted: at every process its topic ends with this event.
    pub async fn delete(&self, topic: Topic, turn: &HeldTurn<'_>, last: Event) {
        if let Some(cluster) = &self.cluster {
            Box::pin(cluster.delete(topic, turn.value(), last.clone())).await;
        }
        self.end(topic, Some(last));
    }

    /// Ends a topic for good. Its readers get what they have not read yet, then `last`, and nothing after it; there are
    /// no new readers of this journal. Whatever is appended later is dropped.
    pub fn end(&self, topic: Topic, last: Option<Event>) {
        let journal = lock(&self.topics).remove(&topic);
        if let Some(journal) = journal {
            journal.end_with(last);
        }
    }
}

impl Journal {
    fn end_with(&self, last: Option<Event>) {
        let mut log = lock(&self.log);
        if !log.over {
            if let Some(event) = last {
                log.push(event);
            }
            log.over = true;
        }
        drop(log);
        self.wake();
    }

    /// Whether a reader who has read everything has nothing more to wait for.
    pub(super) fn has_no_more(&self, log: &Log) -> bool {
        log.over || self.closed.load(Ordering::SeqCst) && !log.is_open()
    }

    /// A reader from `cursor`, unless what follows it is older than `age`: the time for which its viewer has been
    /// allowed to read. In doubt none is returned, and the viewer gets a snapshot.
    pub fn reader_within(self: &Arc<Self>, cursor: Cursor, age: Option<Duration>) -> Option<Reader> {
        let reader = self.reader(cursor)?;
        let next = reader.next_at();
        let is_ageless = age.is_some() && cursor.seq < lock(&self.log).ageless;
        let is_older = is_ageless || age.zip(next).is_some_and(|(age, next)| age <= next.elapsed());
        (!is_older).then_some(reader)
    }
}

impl Reader {
    /// When the next entry happened.
    fn next_at(&self) -> Option<Instant> {
        Some(self.look(1)?.0.first()?.at)
    }
}
