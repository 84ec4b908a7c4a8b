//! The journal: the log of what happened to one topic, numbered without gaps, read from a cursor.
//!
//! Readers pull from the log; the channel that wakes them carries no data. So there is no queue per reader, nothing to
//! overflow and no difference between following and resuming. The journal knows nothing of transports or accounts.

mod cluster;
mod direct;
mod entry;
mod followed;
mod healing;
mod held;
mod log;
mod mirror;
mod outbound;
mod over;
mod split;
mod turn;
mod writer;

pub use super::backplane::Topic;
pub use cluster::{Row, Rows};
pub use direct::{Encoding, Way};
pub use entry::Entry;
pub use healing::Taken;
pub use turn::{HeldTurn, Moment};
pub use writer::Writer;

use super::backplane::Backplane;
use super::sync::lock;
use crate::event::{Cursor, Draft, Event};
use crate::model::MessageId;
use cluster::Cluster;
use direct::{Direct, Fans};
use held::Held;
use log::Log;
use mirror::{Home, Numbers};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use turn::Turn;

/// When room must be made, a window shorter than this becomes zero.
const SHORTEST_WINDOW: Duration = Duration::from_secs(1);

/// All journals of this process.
pub struct Journals {
    topics: Mutex<HashMap<Topic, Arc<Journal>>>,
    /// The topics of which something is read before a turn ([`Moment`]).
    early: Mutex<HashSet<Topic>>,
    window: Duration,
    most_bytes: usize,
    held: Arc<AtomicUsize>,
    closed: Arc<AtomicBool>,
    /// How often a viewer was written to directly.
    written: Arc<AtomicU64>,
    /// The other processes, where their viewers follow this one's replies and the other way round.
    cluster: Option<Arc<Cluster>>,
}

impl Journals {
    /// `window`: how long an event can still be read after it happened. `most_bytes`: see [`Self::is_full`].
    pub fn new(window: Duration, most_bytes: usize) -> Self {
        let (topics, early) = (Mutex::default(), Mutex::default());
        let (held, closed, written) = Default::default();
        Self { topics, early, window, most_bytes, held, closed, written, cluster: None }
    }

    /// As [`Self::new`], with logs that are shared with other processes.
    pub fn joined(window: Duration, most_bytes: usize, backplane: Arc<dyn Backplane>) -> Arc<Self> {
        let journals = Arc::new_cyclic(|me| {
            let cluster = Some(Cluster::new(backplane, me.clone()));
            Self { cluster, ..Self::new(window, most_bytes) }
        });
        if let Some(cluster) = &journals.cluster {
            cluster.begin();
        }
        journals
    }

    /// The topic's journal, created when it is not in memory.
    pub fn topic(&self, topic: Topic) -> Arc<Journal> {
        let mut topics = lock(&self.topics);
        let new = || Arc::new(Journal::new(self, topic));
        Arc::clone(topics.entry(topic).or_insert_with(new))
    }

    /// The topic's journal, with all that has happened in it at any process: for what is shown.
    pub async fn attached(&self, topic: Topic) -> Arc<Journal> {
        match &self.cluster {
            None => self.topic(topic),
            Some(cluster) => Box::pin(cluster.attached(self, topic)).await,
        }
    }

    /// Appends an event that belongs to no reply, for the viewers at every process. Without a journal in memory no reader
    /// could resume from what came before, and the entry begins a new one. `turn`: the conversation's, in which it is told.
    pub async fn tell(&self, topic: Topic, turn: Option<&HeldTurn<'_>>, event: Event) {
        match &self.cluster {
            None => drop(self.topic(topic).append(event)),
            Some(cluster) => Box::pin(cluster.tell(self, topic, turn.and_then(HeldTurn::value), event)).await,
        }
    }

    /// Every reader, at any process, continues from a snapshot: the stored state has changed in a way that no event
    /// describes. While a reply is open it is done once that has ended.
    pub async fn start_over(&self, topic: Topic) {
        match &self.cluster {
            None => self.look_again(topic),
            Some(cluster) => Box::pin(cluster.start_over(self, topic)).await,
        }
    }

    /// From here on a reader who has read everything, of a topic without an open reply, has nothing more to wait for.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        for journal in lock(&self.topics).values() {
            journal.wake();
        }
    }

    /// The readers at this process continue from a snapshot, or, where the log is shared, from what it says now. A topic
    /// that is not in memory has none.
    pub fn look_again(&self, topic: Topic) {
        if let Some(cluster) = self.cluster.as_ref().filter(|cluster| cluster.is_joined()) {
            return cluster.stir(topic);
        }
        let journal = lock(&self.topics).get(&topic).map(Arc::clone);
        if let Some(journal) = journal {
            journal.start_over();
        }
    }

    /// Drops entries that are older than the window, and the journals that have no reader or writer and whose window
    /// has passed. Returns how many are left.
    pub fn sweep(&self) -> usize {
        let mut topics = lock(&self.topics);
        topics.retain(|topic, journal| {
            let _dropped = lock(&journal.log).trim(self.window);
            let stays = Arc::strong_count(journal) > 1 || !journal.is_idle();
            if let Some(cluster) = self.cluster.as_ref().filter(|_| !stays) {
                cluster.leave(*topic);
            }
            stays
        });
        topics.len()
    }

    /// Whether they take as much memory as they may, here or in the log that several processes share: then no further reply
    /// is opened. Open replies continue.
    pub fn is_full(&self) -> bool {
        let is_short = |cluster: &Arc<Cluster>| cluster.is_joined() && cluster.backplane.is_short();
        self.most_bytes < self.held.load(Ordering::Relaxed) || self.cluster.as_ref().is_some_and(is_short)
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
                let _dropped = lock(&journal.log).trim(window);
            }
        }
    }

    /// How often a viewer was written to directly, without being woken.
    pub fn written_directly(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The memory that all of them take.
    pub fn size(&self) -> Size {
        let topics = lock(&self.topics);
        let mut size = Size { topics: topics.len(), entries: 0, bytes: self.held.load(Ordering::Relaxed) };
        for journal in topics.values() {
            size.entries += lock(&journal.log).len();
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
    fans: Fans,
    closed: Arc<AtomicBool>,
    turn: Arc<Turn>,
    /// Who numbers its events.
    numbers: Numbers,
    /// None: there is one process.
    home: Option<Box<Home>>,
}

impl Journal {
    fn new(all: &Journals, topic: Topic) -> Self {
        let (epoch, log) = (random_epoch(), Mutex::new(Log::new(Held::none_of(&all.held))));
        let (grown, fans, turn) = (Notify::new(), Fans::new(&all.written), Arc::default());
        let (window, closed, numbers) = (all.window, Arc::clone(&all.closed), Numbers::Own);
        let home = all.cluster.as_ref().map(|cluster| Box::new(Home { topic, cluster: Arc::clone(cluster) }));
        Self { epoch, window, log, grown, fans, closed, turn, numbers, home }
    }

    /// There is something to read.
    fn wake(&self) {
        self.grown.notify_waiters();
        self.fans.call();
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
        log.push(event);
        let cursor = Cursor { epoch: self.epoch, seq: log.last };
        let _dropped = log.trim(self.window);
        drop(log);
        self.wake();
        cursor
    }

    /// Drops all entries, so that every reader continues from a snapshot: the stored state has changed in a way that no
    /// event describes. Only while no reply is open.
    pub fn start_over(&self) {
        let mut log = lock(&self.log);
        if log.is_open() || log.over {
            return;
        }
        // Numbered like an event, so that a reader who had read everything is behind now.
        let _dropped = log.clear();
        drop(log);
        self.wake();
    }

    /// Where the journal ends, and the open reply as it is there.
    pub fn end(&self) -> (Cursor, Option<Draft>) {
        let log = lock(&self.log);
        (Cursor { epoch: self.epoch, seq: log.last }, log.draft().cloned())
    }

    /// The seq of the last event.
    fn last(&self) -> u64 {
        lock(&self.log).last
    }

    /// The journal's end as [`Self::end`] returns it, if anything happened after `seq`.
    pub fn end_if_after(&self, seq: u64) -> Option<(Cursor, Option<Draft>)> {
        let log = lock(&self.log);
        (seq < log.last).then(|| (Cursor { epoch: self.epoch, seq: log.last }, log.draft().cloned()))
    }

    /// The cursor just behind the event that opened `reply`: what follows it is the reply itself.
    pub fn cursor_of(&self, reply: MessageId) -> Cursor {
        // An event that was dropped is older than all that are left: the cursor 0 gives those, or a snapshot.
        Cursor { epoch: self.epoch, seq: lock(&self.log).opening_of(reply).unwrap_or(0) }
    }

    /// Whether a reply is open.
    pub fn is_open(&self) -> bool {
        lock(&self.log).is_open()
    }

    /// A reader from `cursor`, unless the journal no longer has, or never had, what follows it.
    pub fn reader(self: &Arc<Self>, cursor: Cursor) -> Option<Reader> {
        let log = lock(&self.log);
        let is_held = log.oldest() <= cursor.seq.saturating_add(1) && cursor.seq <= log.last;
        let known = cursor.epoch == self.epoch && is_held && !log.over;
        drop(log);
        known.then(|| Reader { journal: Arc::clone(self), seq: cursor.seq, direct: None })
    }

    fn is_idle(&self) -> bool {
        let log = lock(&self.log);
        !log.is_open() && log.touched.elapsed() > self.window
    }
}

/// A viewer's place in a journal.
pub struct Reader {
    journal: Arc<Journal>,
    seq: u64,
    direct: Option<Direct>,
}

impl Reader {
    /// Waits for the next entries: at most `most`, in order. An empty list: the journals are closed, and no entry will
    /// follow. `None`: the journal has dropped the next entry, and the reader needs a snapshot.
    pub async fn next(&mut self, most: usize) -> Option<Vec<Arc<Entry>>> {
        loop {
            if let Some(direct) = &self.direct {
                self.seq = self.seq.max(direct.take_over());
            }
            // Before the check: it is notified from here on, so that no wake-up is lost.
            let grown = self.journal.grown.notified();
            let (found, over) = self.look(most)?;
            if let Some(last) = found.last() {
                self.seq = last.seq;
                return Some(found);
            }
            if over {
                return Some(found);
            }
            match &self.direct {
                None => grown.await,
                Some(direct) => {
                    direct.rest(self.seq);
                    // Once more: what came before that is not written by others.
                    if !self.has_more() {
                        direct.called().await;
                    }
                }
            }
        }
    }

    fn has_more(&self) -> bool {
        let log = lock(&self.journal.log);
        self.seq < log.last || self.journal.has_no_more(&log)
    }

    /// The next entries, and whether none will follow. `None`: see [`Self::next`].
    fn look(&self, most: usize) -> Option<(Vec<Arc<Entry>>, bool)> {
        let mut log = lock(&self.journal.log);
        let found = log.after(self.seq, most)?;
        Some((found, self.journal.has_no_more(&log)))
    }

    /// The seq of the next entry and the journal's last one, unless all are read.
    pub fn rest(&self) -> Option<(u64, Arc<Entry>)> {
        let last = lock(&self.journal.log).newest().filter(|last| self.seq < last.seq)?;
        Some((self.seq + 1, last))
    }

    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }
}

/// An epoch that no other journal had: random, so that no earlier ones need to be stored.
fn random_epoch() -> u64 {
    (uuid::Uuid::new_v4().as_u128() >> 64) as u64
}
