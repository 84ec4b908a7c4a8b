//! A journal whose events are numbered in a log that several processes share: what this one knows of it.
//!
//! A mirror has one epoch. Where the log begins another one, another journal takes its place, and its readers continue
//! from a snapshot.

use super::cluster::Cluster;
use super::{Journal, Journals, Topic, lock, random_epoch};
use crate::event::{Cursor, Draft, Event};
use crate::model::MessageId;
use crate::server::backplane::Look;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};

/// Who numbers a journal's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// This process, as long as nobody has looked at the log.
    Own,
    /// The log. `since`: the journal is of no use to an answer that was asked for before.
    Log { since: u64 },
    /// This process, until the log moves on from where it was; `None`: until it is looked at. `of`: until the log has as
    /// much of this reply as viewers were shown, in bytes, where that is open in it.
    OwnUntil { left: Option<Cursor>, of: Option<(MessageId, usize)> },
}

/// What a journal is about, and who else knows.
pub(super) struct Home {
    pub(super) topic: Topic,
    pub(super) cluster: Arc<Cluster>,
}

impl Journal {
    /// Takes what the log has. What is known is skipped; where something is missing, the readers need a snapshot.
    fn receive(&self, events: Vec<(u64, Event)>, last: u64, is_late: bool) {
        let mut log = lock(&self.log);
        if log.over {
            return;
        }
        let mut dropped = Vec::new();
        for (seq, event) in events {
            if seq <= log.last {
                continue;
            }
            if log.last + 1 < seq {
                dropped.push(log.jump(seq - 1));
            }
            log.push(event);
        }
        if log.last < last {
            dropped.push(log.jump(last));
        }
        if is_late {
            log.ageless = log.last;
        }
        dropped.push(log.trim(self.window));
        drop(log);
        self.wake();
    }

    /// Takes events of this process, numbered up to `last`. `false`: others are missing before them.
    fn receive_own(&self, events: &[Event], last: u64) -> bool {
        let first = last + 1 - events.len() as u64;
        let mut log = lock(&self.log);
        if log.last + 1 < first {
            return false;
        }
        let known = (log.last + 1 - first) as usize;
        for event in events.iter().skip(known) {
            log.push(event.clone());
        }
        let _dropped = log.trim(self.window);
        drop(log);
        self.wake();
        true
    }

    /// Another journal has taken its place: its readers continue from a snapshot.
    fn supersede(&self) {
        let mut log = lock(&self.log);
        let last = log.last + 1;
        let _dropped = log.jump(last);
        log.over = true;
        drop(log);
        self.wake();
    }

    /// Where the log is known to be.
    pub(super) fn known(&self) -> Option<Cursor> {
        matches!(self.numbers, Numbers::Log { .. }).then(|| Cursor { epoch: self.epoch, seq: self.last() })
    }

    /// Where the log was when this journal was, or is to be, left to itself.
    pub(super) fn left(&self) -> Option<Cursor> {
        match self.numbers {
            Numbers::OwnUntil { left, .. } => left,
            _ => self.known(),
        }
    }

    /// The oldest event that is kept of this epoch of the log; 0 where it is not known.
    pub(super) fn floor(&self, epoch: u64) -> u64 {
        if self.epoch == epoch { lock(&self.log).oldest() } else { 0 }
    }

    pub(super) fn is_mirror(&self) -> bool {
        matches!(self.numbers, Numbers::Log { .. })
    }

    /// The open reply, and where the journal ends.
    pub(super) fn open_reply(&self) -> Option<(MessageId, Cursor)> {
        let log = lock(&self.log);
        log.draft().map(|draft| (draft.reply, Cursor { epoch: self.epoch, seq: log.last }))
    }
}

impl Journals {
    /// The topic's journal, if it is in memory.
    pub(super) fn in_memory(&self, topic: Topic) -> Option<Arc<Journal>> {
        lock(&self.topics).get(&topic).map(Arc::clone)
    }

    pub(super) fn all_in_memory(&self) -> Vec<(Topic, Arc<Journal>)> {
        lock(&self.topics).iter().map(|(topic, journal)| (*topic, Arc::clone(journal))).collect()
    }

    /// Takes the answer to a question that was asked at `asked`. `is_late`: nobody was told of these events when they
    /// happened.
    pub(super) fn absorb(&self, topic: Topic, look: Look, asked: u64, now: u64, is_late: bool) {
        let mut topics = lock(&self.topics);
        let Some(current) = topics.get(&topic).map(Arc::clone) else { return };
        match current.numbers {
            Numbers::Log { .. } if current.epoch == look.cursor.epoch => {
                drop(topics);
                let known = current.last();
                let is_end = |(seq, event): &(u64, Event)| known < *seq && is_deletion(topic, event);
                let is_deleted = look.events.iter().any(is_end);
                current.receive(look.events, look.cursor.seq, is_late);
                if is_deleted {
                    self.end(topic, None);
                }
            }
            Numbers::Log { since } if asked < since => {}
            Numbers::OwnUntil { left: Some(left), .. } if left == look.cursor => {}
            Numbers::OwnUntil { left: Some(left), of: Some(shown) } if is_behind(&look, left, shown) => {
                let until = Numbers::OwnUntil { left: Some(look.cursor), of: Some(shown) };
                self.go_on_alone(topics, topic, until, Vec::new());
            }
            _ => {
                let at = look.events.first().map_or(look.cursor.seq, |(seq, _)| seq - 1);
                let at = Cursor { epoch: look.cursor.epoch, seq: at };
                let new = self.in_place_of(&current, topic, at, Numbers::Log { since: now });
                new.receive(look.events, look.cursor.seq, true);
                topics.insert(topic, new);
                drop(topics);
                current.supersede();
            }
        }
    }

    /// Takes events of this process that the log has now. `false`: it must be looked at.
    pub(super) fn absorb_own(&self, topic: Topic, events: &[Event], last: Cursor) -> bool {
        match self.in_memory(topic) {
            None => true,
            Some(current) => {
                current.is_mirror() && current.epoch == last.epoch && current.receive_own(events, last.seq)
            }
        }
    }

    /// The topic goes on with an epoch of this process alone, with these events.
    pub(super) fn estrange(&self, topic: Topic, until: Option<Cursor>, events: Vec<Event>) {
        self.go_on_alone(lock(&self.topics), topic, Numbers::OwnUntil { left: until, of: None }, events);
    }

    /// [`Self::estrange`], until the log has this much of this reply: its writer is cut off from the log.
    pub(super) fn estrange_from(&self, topic: Topic, until: Cursor, shown: (MessageId, usize)) {
        let until = Numbers::OwnUntil { left: Some(until), of: Some(shown) };
        self.go_on_alone(lock(&self.topics), topic, until, Vec::new());
    }

    fn go_on_alone(
        &self,
        mut topics: MutexGuard<'_, HashMap<Topic, Arc<Journal>>>,
        topic: Topic,
        until: Numbers,
        events: Vec<Event>,
    ) {
        let Some(current) = topics.get(&topic).map(Arc::clone) else { return };
        let at = Cursor { epoch: random_epoch(), seq: 0 };
        let new = self.in_place_of(&current, topic, at, until);
        for event in events {
            new.append(event);
        }
        topics.insert(topic, new);
        drop(topics);
        current.supersede();
    }

    fn in_place_of(&self, former: &Journal, topic: Topic, at: Cursor, numbers: Numbers) -> Arc<Journal> {
        let new = Journal::new(self, topic);
        lock(&new.log).last = at.seq;
        Arc::new(Journal { epoch: at.epoch, turn: Arc::clone(&former.turn), numbers, ..new })
    }
}

/// Whether the log has less of the reply that is open in it than was shown. What its writer had on its way when it was cut
/// off reaches the log late, perhaps, and is not all of it. What others have written there meanwhile is stored.
fn is_behind(look: &Look, left: Cursor, (reply, shown): (MessageId, usize)) -> bool {
    let is_open = look.open.as_ref().is_some_and(|open| open.reply == reply);
    let mut draft = Draft::new(reply);
    look.events.iter().filter(|(_, event)| event.reply() == Some(reply)).for_each(|(_, event)| match event {
        // Told again from its beginning.
        Event::Reply { .. } => draft = Draft::new(reply),
        event => draft.apply(event),
    });
    is_open && look.cursor.epoch == left.epoch && draft.bytes() < shown
}

fn is_deletion(topic: Topic, event: &Event) -> bool {
    matches!((event, topic), (Event::Deleted { conversation }, Topic::Conversation(id)) if *conversation == id)
}
