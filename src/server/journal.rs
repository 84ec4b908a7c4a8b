//! The journal: the log of what happened to one topic, numbered without gaps, read from a cursor.
//!
//! Readers pull from the log; the channel that wakes them carries no data. So there is no queue per reader, nothing to
//! overflow and no difference between following and resuming. The journal knows nothing of transports or accounts.

mod held;
mod over;
mod turn;

pub use turn::{HeldTurn, Moment};

use super::sync::lock;
use crate::event::{Cursor, Draft, Event};
use crate::model::{AccountId, ConversationId, MessageId};
use crate::wire::{Body, Topic as Channel};
use bytes::Bytes;
use held::Held;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use turn::Turn;

/// Beyond this size the oldest events of a topic are dropped even inside the window; an open reply's stay. Bounds
/// what a busy topic can take, and its readers get a snapshot instead. Ten minutes of the fastest reply, fifty events a
/// second, fit in.
const MAX_BYTES: usize = 16 << 20;
/// What an event takes in memory besides its text: the entry, and the names and ids in its two encodings.
const ENTRY_BYTES: usize = 512;
/// When room must be made, a window shorter than this becomes zero.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);
/// A text is stored as itself and in two encodings.
const COPIES: usize = 3;

/// What a journal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Conversation(ConversationId),
    /// An account's list of conversations.
    Account(AccountId),
}

/// All journals of this process.
pub struct Journals {
    topics: Mutex<HashMap<Topic, Arc<Journal>>>,
    window: Duration,
    most_bytes: usize,
    held: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
}

impl Journals {
    /// `window`: how long an event can still be read after it happened. `most_bytes`: see [`Self::is_full`].
    pub fn new(window: Duration, most_bytes: usize) -> Self {
        Self { topics: Mutex::default(), window, most_bytes, held: Arc::default(), closed: Arc::default() }
    }

    /// The topic's journal, created when it is not in memory.
    pub fn topic(&self, topic: Topic) -> Arc<Journal> {
        let mut topics = lock(&self.topics);
        let new = || Arc::new(Journal::new(self.window, &self.held, Arc::clone(&self.closed)));
        Arc::clone(topics.entry(topic).or_insert_with(new))
    }

    /// Appends to a topic's journal. Without one in memory no reader could resume from what came before, and the entry
    /// begins a new one.
    pub fn append(&self, topic: Topic, event: Event) -> Cursor {
        self.topic(topic).append(event)
    }

    /// From here on a reader who has read everything, of a topic without an open reply, has nothing more to wait for.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for journal in lock(&self.topics).values() {
            journal.grown.notify_waiters();
        }
    }

    /// See [`Journal::start_over`]. A topic that is not in memory has no readers.
    pub fn start_over(&self, topic: Topic) {
        let journal = lock(&self.topics).get(&topic).map(Arc::clone);
        if let Some(journal) = journal {
            journal.start_over();
        }
    }

    /// Drops entries that are older than the window, and the journals that have no reader or writer and whose window
    /// has passed. Returns how many are left.
    pub fn sweep(&self) -> usize {
        let mut topics = lock(&self.topics);
        topics.retain(|_, journal| {
            let _gone = lock(&journal.log).trim(self.window);
            Arc::strong_count(journal) > 1 || !journal.is_idle()
        });
        topics.len()
    }

    /// Whether they take as much memory as they may: then no further reply is opened. Open replies continue.
    pub fn is_full(&self) -> bool {
        self.most_bytes < self.held.load(Ordering::Relaxed)
    }

    /// Whether [`Self::make_room`] has work to do. Its threshold is below that of [`Self::is_full`], so that expired
    /// events never cause a refusal.
    pub fn is_crowded(&self) -> bool {
        self.most_bytes / 4 * 3 < self.held.load(Ordering::Relaxed)
    }

    /// Drops entries that belong to no open reply, the oldest first, until there is room: viewers who come back to them
    /// get a snapshot. There can be millions of events, so call it where it may take a while.
    pub fn make_room(&self) {
        let mut window = self.window;
        while self.is_crowded() && !window.is_zero() {
            window = if window < SHORTEST_WINDOW { Duration::ZERO } else { window / 4 };
            let journals: Vec<_> = lock(&self.topics).values().cloned().collect();
            for journal in journals {
                // Dropped after the lock is released, here and below.
                let _gone = lock(&journal.log).trim(window);
            }
        }
    }

    /// The memory that all of them take.
    pub fn size(&self) -> Size {
        let topics = lock(&self.topics);
        let mut size = Size { topics: topics.len(), entries: 0, bytes: self.held.load(Ordering::Relaxed) };
        for journal in topics.values() {
            size.entries += lock(&journal.log).entries.len();
        }
        size
    }
}

/// How much there is in the journals; `bytes` is an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub topics: usize,
    pub entries: usize,
    pub bytes: usize,
}

/// The log of one topic.
pub struct Journal {
    epoch: u64,
    window: Duration,
    log: Mutex<Log>,
    /// Wakes the readers in the order in which they wait, so that the delay is fair over all events.
    grown: Notify,
    closed: Arc<AtomicBool>,
    turn: Turn,
}

struct Log {
    /// The seq of the last event; 0 before the first.
    last: u64,
    entries: VecDeque<Arc<Entry>>,
    held: Held,
    draft: Option<Draft>,
    /// Where the open reply begins.
    open_since: Option<u64>,
    touched: Instant,
    /// No entry will follow.
    over: bool,
}

/// An event with its number. Its encodings are made once, by the first reader who needs them.
pub struct Entry {
    pub seq: u64,
    pub event: Event,
    at: Instant,
    /// In a box: without a viewer there is none, and most of an open reply is entries.
    encoded: OnceLock<Box<Encoded>>,
}

struct Encoded {
    body: Body,
    sse: OnceLock<Bytes>,
}

impl Entry {
    /// The entry as a Server-Sent Event.
    pub fn sse(&self, epoch: u64) -> Bytes {
        let Encoded { body, sse } = self.encoded();
        sse.get_or_init(|| Bytes::from(body.sse(Cursor { epoch, seq: self.seq }))).clone()
    }

    /// The entry as a line.
    pub fn line(&self, channel: Channel, epoch: u64) -> String {
        self.encoded().body.line(channel, Cursor { epoch, seq: self.seq })
    }

    fn encoded(&self) -> &Encoded {
        self.encoded.get_or_init(|| Box::new(Encoded { body: Body::new(&self.event), sse: OnceLock::new() }))
    }
}

impl Journal {
    fn new(window: Duration, held: &Arc<AtomicUsize>, closed: Arc<AtomicBool>) -> Self {
        let log = Log {
            last: 0,
            entries: VecDeque::new(),
            held: Held::none_of(held),
            draft: None,
            open_since: None,
            touched: Instant::now(),
            over: false,
        };
        let (epoch, log) = (random_epoch(), Mutex::new(log));
        Self { epoch, window, log, grown: Notify::new(), closed, turn: Default::default() }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Numbers the event, folds it into the draft and wakes the readers.
    pub fn append(&self, event: Event) -> Cursor {
        let mut log = lock(&self.log);
        if log.over {
            return Cursor { epoch: self.epoch, seq: log.last };
        }
        let cursor = Cursor { epoch: self.epoch, seq: log.last + 1 };
        log.push(event, cursor.seq);
        let _gone = log.trim(self.window);
        drop(log);
        self.grown.notify_waiters();
        cursor
    }

    /// Drops all entries, so that every reader continues from a snapshot: the stored state has changed in a way that no
    /// event describes. Only while no reply is open.
    pub fn start_over(&self) {
        let mut log = lock(&self.log);
        if log.draft.is_some() || log.over {
            return;
        }
        // Numbered like an event, so that a reader who had read everything is behind now.
        log.last += 1;
        log.entries.clear();
        log.held.clear();
        log.touched = Instant::now();
        drop(log);
        self.grown.notify_waiters();
    }

    /// Where the journal ends, and the open reply as it is there.
    pub fn end(&self) -> (Cursor, Option<Draft>) {
        let log = lock(&self.log);
        (Cursor { epoch: self.epoch, seq: log.last }, log.draft.clone())
    }

    /// The journal's end as [`Self::end`] returns it, if anything happened after `seq`.
    pub fn end_if_after(&self, seq: u64) -> Option<(Cursor, Option<Draft>)> {
        let log = lock(&self.log);
        (seq < log.last).then(|| (Cursor { epoch: self.epoch, seq: log.last }, log.draft.clone()))
    }

    /// The cursor just behind the event that opened `reply`: what follows it is the reply itself.
    pub fn cursor_of(&self, reply: MessageId) -> Cursor {
        let log = lock(&self.log);
        let opens = |entry: &&Arc<Entry>| matches!(entry.event, Event::Reply { reply: id, .. } if id == reply);
        // An event that was dropped is older than all that are left: the cursor 0 gives those, or a snapshot.
        let seq = log.entries.iter().rev().find(opens).map_or(0, |entry| entry.seq);
        Cursor { epoch: self.epoch, seq }
    }

    /// Whether a reply is open.
    pub fn is_open(&self) -> bool {
        lock(&self.log).draft.is_some()
    }

    /// A reader from `cursor`, unless the journal no longer has, or never had, what follows it.
    pub fn reader(self: &Arc<Self>, cursor: Cursor) -> Option<Reader> {
        let log = lock(&self.log);
        let is_held = log.oldest() <= cursor.seq.saturating_add(1) && cursor.seq <= log.last;
        let known = cursor.epoch == self.epoch && is_held && !log.over;
        drop(log);
        known.then(|| Reader { journal: Arc::clone(self), seq: cursor.seq })
    }

    fn is_idle(&self) -> bool {
        let log = lock(&self.log);
        log.draft.is_none() && log.touched.elapsed() > self.window
    }
}

impl Log {
    fn push(&mut self, event: Event, seq: u64) {
        match &event {
            Event::Reply { reply, .. } => {
                self.draft = Some(Draft::new(*reply));
                self.open_since = Some(seq);
            }
            _ => self.fold(&event),
        }
        self.last = seq;
        self.touched = Instant::now();
        self.held.more(bytes(&event));
        let entry = Entry { seq, event, at: self.touched, encoded: OnceLock::new() };
        self.entries.push_back(Arc::new(entry));
    }

    fn fold(&mut self, event: &Event) {
        let Some(draft) = &mut self.draft else { return };
        draft.apply(event);
        if !draft.status.is_open() {
            self.draft = None;
            self.open_since = None;
        }
    }

    /// Drops entries that are older than the window. Everything of an open reply stays (promise S3).
    #[must_use = "dropping it takes a while"]
    fn trim(&mut self, window: Duration) -> Vec<Arc<Entry>> {
        let mut gone = Vec::new();
        while let Some(entry) = self.entries.front() {
            let open = self.open_since.is_some_and(|since| since <= entry.seq);
            let old = window < entry.at.elapsed() || MAX_BYTES < self.held.bytes();
            if open || !old {
                break;
            }
            self.held.less(bytes(&entry.event));
            gone.extend(self.entries.pop_front());
        }
        gone
    }

    fn oldest(&self) -> u64 {
        self.entries.front().map_or(self.last + 1, |entry| entry.seq)
    }
}

/// A viewer's place in a journal.
pub struct Reader {
    journal: Arc<Journal>,
    seq: u64,
}

impl Reader {
    /// Waits for the next entries: at most `most`, in order. An empty list: the journals are closed, and no entry will
    /// follow. `None`: the journal has dropped the next entry, and the reader needs a snapshot.
    pub async fn next(&mut self, most: usize) -> Option<Vec<Arc<Entry>>> {
        loop {
            // Before the check: it is notified from here on, so that no wake-up is lost.
            let grown = self.journal.grown.notified();
            let over = self.journal.has_no_more();
            let found = self.look(most)?;
            if let Some(last) = found.last() {
                self.seq = last.seq;
                return Some(found);
            }
            if over {
                return Some(found);
            }
            grown.await;
        }
    }

    fn look(&self, most: usize) -> Option<Vec<Arc<Entry>>> {
        let log = lock(&self.journal.log);
        let oldest = log.oldest();
        if self.seq + 1 < oldest {
            return None;
        }
        let skip = (self.seq + 1 - oldest) as usize;
        Some(log.entries.range(skip.min(log.entries.len())..).take(most).cloned().collect())
    }

    /// The seq of the next entry and the journal's last one, unless all are read.
    pub fn rest(&self) -> Option<(u64, Arc<Entry>)> {
        let log = lock(&self.journal.log);
        let last = log.entries.back().filter(|last| self.seq < last.seq)?;
        Some((self.seq + 1, Arc::clone(last)))
    }

    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }
}

/// About what the event takes in memory.
fn bytes(event: &Event) -> usize {
    let text = match event {
        Event::Token { text, .. } | Event::Thinking { text, .. } => text.len(),
        Event::Message { message } => message.text.len(),
        Event::Conversation { conversation } => conversation.title.len() + conversation.system.len(),
        _ => 0,
    };
    ENTRY_BYTES + COPIES * text
}

/// An epoch that no other journal had: random, so that no earlier ones need to be stored.
fn random_epoch() -> u64 {
    (uuid::Uuid::new_v4().as_u128() >> 64) as u64
}
