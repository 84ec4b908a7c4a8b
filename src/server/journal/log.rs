//! The events of one topic, as they are kept in memory.
//!
//! Nearly all of them are pieces of a reply's text, and that text is in the reply's draft. So of a piece only its place in
//! it is kept, and the event is made when it is read.

use super::entry::Entry;
use super::held::Held;
use crate::event::{Draft, Event};
use crate::model::MessageId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Beyond this size the oldest events of a topic are dropped even inside the window; an open reply's stay. Bounds
/// what a busy topic can take, and its readers get a snapshot instead. Ten minutes of the fastest reply, fifty events a
/// second, fit in.
const MAX_BYTES: usize = 16 << 20;
/// What an event takes in memory besides its text: the entry, and the names and ids in its two encodings.
const ENTRY_BYTES: usize = 512;
/// What a piece takes besides its text: its place, in a list that has grown for more, and its share of what is `recent`.
const PIECE_BYTES: usize = 64;
/// A text is stored as itself and in two encodings.
const COPIES: usize = 3;
/// How many of the newest pieces are kept as events once they were read: all viewers of a reply read the same ones, and
/// each is then made and encoded for all of them together.
const RECENT: u64 = 8;

pub(super) struct Log {
    /// The seq of the last event; 0 before the first.
    pub(super) last: u64,
    /// The events up to the last, without gaps.
    slots: VecDeque<Slot>,
    open: Option<Telling>,
    /// Ended replies of which pieces are left, the oldest first.
    told: VecDeque<Telling>,
    recent: VecDeque<Arc<Entry>>,
    held: Held,
    pub(super) touched: Instant,
    /// No entry will follow.
    pub(super) over: bool,
    /// When the events up to this one happened is not known: they were read from the log of several processes later.
    pub(super) ageless: u64,
}

/// An event.
enum Slot {
    Piece(Piece),
    Other(Arc<Entry>),
}

/// A piece of a reply's text or thinking, as the bytes of it.
#[derive(Clone, Copy)]
struct Piece {
    start: u32,
    end: u32,
    /// When it came, after the reply began.
    ms: u32,
    is_thought: bool,
}

/// A reply, and the events that it consists of.
struct Telling {
    /// The event that opened it.
    since: u64,
    began: Instant,
    /// The last event while it was open; none yet while it is.
    until: u64,
    draft: Draft,
}

/// What was dropped from a log: to be freed when the log is unlocked.
#[must_use = "dropping it takes a while"]
#[derive(Default)]
pub(super) struct Dropped {
    _slots: Vec<Slot>,
    _told: Vec<Telling>,
}

impl Slot {
    /// About what the event takes in memory.
    fn bytes(&self) -> usize {
        let entry = match self {
            Self::Piece(piece) => return PIECE_BYTES + COPIES * (piece.end - piece.start) as usize,
            Self::Other(entry) => entry,
        };
        let text = match &entry.event {
            Event::Token { text, .. } | Event::Thinking { text, .. } => text.len(),
            Event::Message { message } => message.text.len(),
            Event::Conversation { conversation } => conversation.title.len() + conversation.system.len(),
            _ => 0,
        };
        ENTRY_BYTES + COPIES * text
    }
}

impl Telling {
    /// Adds the event to the draft where it is no more than a piece of this reply.
    fn take(&mut self, event: &Event, at: Instant) -> Option<Piece> {
        let (reply, is_thought) = match event {
            Event::Token { reply, .. } => (reply, false),
            Event::Thinking { reply, since: None, ms: None, .. } => (reply, true),
            _ => return None,
        };
        if *reply != self.draft.reply {
            return None;
        }
        let ms = u32::try_from((at - self.began).as_millis()).ok()?;
        let start = self.bytes(is_thought)?;
        self.draft.apply(event);
        // The text of a reply has a limit far below this one.
        let end = self.bytes(is_thought).expect("a reply's text is shorter than 4 GiB");
        Some(Piece { start, end, ms, is_thought })
    }

    fn bytes(&self, is_thought: bool) -> Option<u32> {
        u32::try_from(self.text(is_thought).len()).ok()
    }

    fn text(&self, is_thought: bool) -> &str {
        if is_thought { &self.draft.thinking } else { &self.draft.text }
    }

    fn at(&self, piece: Piece) -> Instant {
        self.began + Duration::from_millis(piece.ms.into())
    }

    fn event(&self, piece: Piece) -> Event {
        let text = self.text(piece.is_thought)[piece.start as usize..piece.end as usize].to_owned();
        let reply = self.draft.reply;
        match piece.is_thought {
            true => Event::Thinking { reply, text, since: None, ms: None },
            false => Event::Token { reply, text },
        }
    }
}

impl Log {
    pub(super) fn new(held: Held) -> Self {
        Self {
            last: 0,
            slots: VecDeque::new(),
            open: None,
            told: VecDeque::new(),
            recent: VecDeque::new(),
            held,
            touched: Instant::now(),
            over: false,
            ageless: 0,
        }
    }

    /// The open reply as it is at the end.
    pub(super) fn draft(&self) -> Option<&Draft> {
        self.open.as_ref().map(|telling| &telling.draft)
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Numbers the event, and folds it into the draft.
    pub(super) fn push(&mut self, event: Event) {
        let now = Instant::now();
        self.touched = now;
        let piece = self.open.as_mut().and_then(|telling| telling.take(&event, now));
        let slot = match piece {
            Some(piece) => Slot::Piece(piece),
            None => {
                self.fold(&event, now);
                Slot::Other(Arc::new(Entry::new(self.last + 1, event, now)))
            }
        };
        self.last += 1;
        self.held.more(slot.bytes());
        self.slots.push_back(slot);
    }

    fn fold(&mut self, event: &Event, now: Instant) {
        if let Event::Reply { reply, .. } = event {
            self.end_open();
            let (since, draft) = (self.last + 1, Draft::new(*reply));
            self.open = Some(Telling { since, began: now, until: u64::MAX, draft });
            return;
        }
        let Some(telling) = &mut self.open else { return };
        telling.draft.apply(event);
        if !telling.draft.status.is_open() {
            self.end_open();
        }
    }

    /// No more will come of the reply that is open.
    fn end_open(&mut self) {
        if let Some(mut telling) = self.open.take() {
            telling.until = self.last;
            telling.draft.text.shrink_to_fit();
            telling.draft.thinking.shrink_to_fit();
            self.told.push_back(telling);
        }
    }

    /// Drops all events. The next is numbered as if there had been one more.
    pub(super) fn clear(&mut self) -> Dropped {
        self.last += 1;
        self.held.clear();
        self.touched = Instant::now();
        self.recent.clear();
        Dropped { _slots: self.slots.drain(..).collect(), _told: self.told.drain(..).collect() }
    }

    /// Drops all events, and what is known of an open reply. The next event is the one after `last`.
    pub(super) fn jump(&mut self, last: u64) -> Dropped {
        self.end_open();
        let dropped = self.clear();
        self.last = last;
        dropped
    }

    /// Drops events that are older than the window. Everything of an open reply stays (promise S3).
    pub(super) fn trim(&mut self, window: Duration) -> Dropped {
        let mut slots = Vec::new();
        while let Some(slot) = self.slots.front() {
            // Asked first: it is so for most events, and the clock need not be read.
            let is_open = self.open.as_ref().is_some_and(|telling| telling.since <= self.oldest());
            if is_open || !(window < self.at(self.oldest(), slot).elapsed() || MAX_BYTES < self.held.bytes()) {
                break;
            }
            self.held.less(slot.bytes());
            slots.extend(self.slots.pop_front());
        }
        let oldest = self.oldest();
        let is_gone = |telling: &&Telling| telling.until < oldest;
        let gone = self.told.iter().take_while(is_gone).count();
        Dropped { _slots: slots, _told: self.told.drain(..gone).collect() }
    }

    /// The seq of the oldest event; of the next one where there is none.
    pub(super) fn oldest(&self) -> u64 {
        self.last + 1 - self.slots.len() as u64
    }

    /// The seq of the event that opened the reply.
    pub(super) fn opening_of(&self, reply: MessageId) -> Option<u64> {
        let opens = |slot: &Slot| match slot {
            Slot::Other(entry) => matches!(entry.event, Event::Reply { reply: id, .. } if id == reply),
            Slot::Piece(_) => false,
        };
        let place = self.slots.iter().rposition(opens)?;
        Some(self.oldest() + place as u64)
    }

    /// At most `most` events after this one; `None` where the next is not there any more.
    pub(super) fn after(&mut self, seq: u64, most: usize) -> Option<Vec<Arc<Entry>>> {
        if seq + 1 < self.oldest() {
            return None;
        }
        let end = self.last.min(seq.saturating_add(most as u64));
        Some((seq + 1..=end).map(|seq| self.entry(seq)).collect())
    }

    /// The last event.
    pub(super) fn newest(&mut self) -> Option<Arc<Entry>> {
        (!self.slots.is_empty()).then(|| self.entry(self.last))
    }

    /// The event, which is there.
    fn entry(&mut self, seq: u64) -> Arc<Entry> {
        let piece = match &self.slots[(seq - self.oldest()) as usize] {
            Slot::Other(entry) => return Arc::clone(entry),
            Slot::Piece(piece) => *piece,
        };
        if let Some(entry) = self.recent.iter().rev().find(|entry| entry.seq == seq) {
            return Arc::clone(entry);
        }
        let telling = self.telling(seq);
        let entry = Arc::new(Entry::new(seq, telling.event(piece), telling.at(piece)));
        if self.last < seq + RECENT {
            if self.recent.len() as u64 == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(Arc::clone(&entry));
        }
        entry
    }

    /// The reply that the piece belongs to.
    fn telling(&self, seq: u64) -> &Telling {
        let is_of = |telling: &&Telling| telling.since < seq && seq <= telling.until;
        let found = self.open.as_ref().filter(is_of).or_else(|| self.told.iter().rev().find(is_of));
        found.expect("a reply stays for as long as its pieces")
    }

    fn at(&self, seq: u64, slot: &Slot) -> Instant {
        match slot {
            Slot::Other(entry) => entry.at,
            Slot::Piece(piece) => self.telling(seq).at(*piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_piece_takes_little_and_is_read_as_it_came() {
        assert!(size_of::<Slot>() <= 16, "{}", size_of::<Slot>());
        let mut log = Log::new(Held::none_of(&Arc::new(AtomicUsize::new(0))));
        let (one, other) = (MessageId::new(), MessageId::new());
        let opened = |reply| Event::Reply {
            reply,
            model: "m".into(),
            parent: None,
            created_at: String::new(),
            left_out: 0,
            images_left_out: 0,
        };
        let token = |reply, text: &str| Event::Token { reply, text: text.into() };
        let thought = |reply, text: &str, ms| Event::Thinking { reply, text: text.into(), since: None, ms };
        let mut events = Vec::new();
        for reply in [one, other] {
            events.push(opened(reply));
            events.extend([thought(reply, "Hm", None), thought(reply, "", None), thought(reply, "…", Some(7))]);
            events.extend((0..20).map(|number| token(reply, &format!("ä{number} "))));
            events.push(token(MessageId::new(), "of no reply here"));
            events.push(Event::Stopped { reply, usage: None });
        }
        let pieces = |log: &Log| log.slots.iter().filter(|slot| matches!(slot, Slot::Piece(_))).count();
        for (count, event) in events.iter().enumerate() {
            log.push(event.clone());
            // Read now, as a viewer does, and once more when all is over.
            assert_eq!(log.after(count as u64, 9).unwrap()[0].event, *event);
        }
        assert_eq!(pieces(&log), 2 * 22);
        let read: Vec<_> = log.after(0, usize::MAX).unwrap();
        assert!(read.iter().map(|entry| &entry.event).eq(&events));
        assert!(read.iter().map(|entry| entry.seq).eq(1..=events.len() as u64));
        assert!(log.recent.len() as u64 <= RECENT);
        drop(log.trim(Duration::ZERO));
        assert_eq!((log.slots.len(), log.told.len(), log.held.bytes()), (0, 0, 0));
    }
}
