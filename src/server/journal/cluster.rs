//! The journals of several processes: each has what it needs of the logs that they share.
//!
//! A log's growth is a wake without data, and the log is then looked at. While this process is alone, its journals are its
//! own, and what it told then is told to the others as a snapshot.

mod looking;

use super::{Journal, Journals, Topic, lock};
use crate::event::{Cursor, Event};
use crate::model::MessageId;
use crate::server::backplane::{self, Append, Backplane, Down, Placed, What};
use futures::future::BoxFuture;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// How many logs are looked at with one call.
const LOOKED_TOGETHER: usize = 64;
/// How often a reply that stands in the way is healed before its successor goes on without it.
pub(super) const TRIES: usize = 3;

/// What the store says of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// It is open, and this process writes it.
    Ours,
    /// It has ended, or somebody else writes it, or it is gone.
    NotOurs,
    /// The store does not answer.
    Unknown,
}

/// Who knows what the store says of replies, and mends the logs by it: the engine.
pub trait Rows: Send + Sync {
    fn row(&self, reply: MessageId) -> BoxFuture<'_, Row>;

    /// Ends the reply in the log where the store says that it has ended, or that its process is dead.
    fn heal(&self, topic: Topic, reply: MessageId) -> BoxFuture<'_, ()>;

    /// Heals those of them that need it.
    fn silent(&self, replies: Vec<(Topic, MessageId)>) -> BoxFuture<'_, ()>;
}

pub(super) struct Cluster {
    pub(super) backplane: Arc<dyn Backplane>,
    joined: watch::Receiver<bool>,
    journals: Weak<Journals>,
    /// The topics that wakes come for, and when each was last looked at.
    followed: Mutex<HashMap<Topic, Instant>>,
    /// The topics to look at.
    dirty: Mutex<HashSet<Topic>>,
    stirred: Notify,
    /// Those of which nothing was told: they are looked at with the next round, and not at once.
    later: Mutex<HashSet<Topic>>,
    /// The topics in which this process writes a reply.
    writing: Mutex<HashMap<Topic, Flight>>,
    /// The topics that are to start over as soon as that is possible.
    owed: Mutex<HashSet<Topic>>,
    rows: OnceLock<Arc<dyn Rows>>,
    /// Counts questions, so that an answer that comes late is known.
    clock: AtomicU64,
}

/// What is on its way to the log, of a reply of this process.
#[derive(Default)]
struct Flight {
    reply: Option<MessageId>,
    is_flying: bool,
    /// It goes on in this process' own journal until it is opened in the log again.
    is_here: bool,
    /// The furthest wake that came meanwhile.
    heard: Option<Cursor>,
}

impl Cluster {
    pub(super) fn new(backplane: Arc<dyn Backplane>, journals: Weak<Journals>) -> Arc<Self> {
        Arc::new(Self {
            joined: backplane.joined(),
            backplane,
            journals,
            followed: Mutex::default(),
            dirty: Mutex::default(),
            stirred: Notify::new(),
            later: Mutex::default(),
            writing: Mutex::default(),
            owed: Mutex::default(),
            rows: OnceLock::new(),
            clock: AtomicU64::new(1),
        })
    }

    /// Begins to listen and to look, until the journals are dropped.
    pub(super) fn begin(self: &Arc<Self>) {
        looking::begin(self);
    }

    pub(super) fn ask(&self, rows: Arc<dyn Rows>) {
        let _is_first = self.rows.set(rows);
    }

    pub(super) fn rows(&self) -> Option<&Arc<dyn Rows>> {
        self.rows.get()
    }

    pub(super) fn is_joined(&self) -> bool {
        *self.joined.borrow()
    }

    pub(super) fn standing(&self) -> watch::Receiver<bool> {
        self.joined.clone()
    }

    pub(super) fn journals(&self) -> Option<Arc<Journals>> {
        self.journals.upgrade()
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// The turn among all processes; none while this one is alone. Then the store's own locks hold the order.
    pub(super) async fn turn(&self, topic: Topic) -> Option<Box<dyn backplane::Turn>> {
        if !self.is_joined() {
            return None;
        }
        self.backplane.turn(topic).await.ok()
    }

    /// The journal, followed and with all that the log has.
    pub(super) async fn attached(&self, journals: &Journals, topic: Topic) -> Arc<Journal> {
        // Held while the log is looked at: a journal that is in use is not swept.
        let held = journals.topic(topic);
        if self.is_joined() {
            let is_new = !lock(&self.followed).contains_key(&topic);
            if is_new {
                self.follow(topic).await;
            }
            let _looked = self.look(journals, &[topic], is_new).await;
        }
        drop(held);
        journals.topic(topic)
    }

    /// From here on the topic is followed, also where that was not confirmed: then it is looked at now and then.
    async fn follow(&self, topic: Topic) {
        if let Err(Down) = self.backplane.follow(topic).await {
            tracing::debug!(?topic, "A topic is not followed yet");
        }
        lock(&self.followed).insert(topic, Instant::now());
    }

    pub(super) fn leave(&self, topic: Topic) {
        let mut followed = lock(&self.followed);
        if followed.remove(&topic).is_some() {
            self.backplane.leave(topic);
        }
    }

    /// Looks at the logs, and takes what they have. A few at a time: a log can be long, and an answer that takes long is
    /// none.
    async fn look(&self, journals: &Journals, topics: &[Topic], is_late: bool) -> Result<(), Down> {
        for some in topics.chunks(LOOKED_TOGETHER) {
            self.look_at(journals, some, is_late).await?;
        }
        Ok(())
    }

    async fn look_at(&self, journals: &Journals, topics: &[Topic], is_late: bool) -> Result<(), Down> {
        let asked = self.tick();
        let known = |topic: &Topic| (*topic, journals.in_memory(*topic).and_then(|journal| journal.known()));
        let looks = self.backplane.look(topics.iter().map(known).collect()).await?;
        let now = Instant::now();
        for (topic, look) in topics.iter().copied().zip(looks) {
            let Some(look) = look else {
                self.stir_later(topic);
                continue;
            };
            if let Some(looked) = lock(&self.followed).get_mut(&topic) {
                *looked = now;
            }
            let is_here = lock(&self.writing).get(&topic).is_some_and(|flight| flight.is_here)
                || self.backplane.is_refusing() && lock(&self.owed).contains(&topic);
            if self.is_joined() && !is_here {
                journals.absorb(topic, look, asked, self.tick(), is_late);
            }
        }
        Ok(())
    }

    /// It is looked at with the next round.
    fn stir_later(&self, topic: Topic) {
        lock(&self.later).insert(topic);
    }

    /// The topic's log is looked at soon.
    pub(super) fn stir(&self, topic: Topic) {
        lock(&self.dirty).insert(topic);
        self.stirred.notify_one();
    }

    /// Takes events of this process that the log has now, or looks what came before them.
    pub(super) fn take_own(&self, topic: Topic, events: &[Event], last: Cursor) {
        let Some(journals) = self.journals.upgrade() else { return };
        if !self.is_joined() || !journals.absorb_own(topic, events, last) {
            self.stir(topic);
        }
    }

    pub(super) async fn tell(&self, journals: &Journals, topic: Topic, turn: Option<&str>, event: Event) {
        if self.is_joined() {
            let mut batch = Append::new(What::Plain, vec![event]);
            batch.turn = turn.map(str::to_owned);
            (batch.known, batch.floor) = self.known(journals, topic);
            let events = batch.events.clone();
            match self.backplane.append(topic, batch).await {
                Ok(Placed::At { last, .. }) => self.take_own(topic, &events, last),
                Ok(Placed::Full) => {
                    self.owe(topic);
                    journals.read_stored(topic);
                }
                // What is newer has been told perhaps, or it will be.
                Ok(_) | Err(Down) => self.owe(topic),
            }
        } else {
            let journal = journals.topic(topic);
            if !journal.is_mirror() {
                journal.append(event);
            }
            self.owe(topic);
        }
    }

    /// Where the log is known to be, and what is not needed of it any more.
    pub(super) fn known(&self, journals: &Journals, topic: Topic) -> (Option<Cursor>, u64) {
        let known = journals.in_memory(topic).and_then(|journal| Some((journal.known()?, journal)));
        known.map_or((None, 0), |(cursor, journal)| (Some(cursor), journal.floor(cursor.epoch)))
    }

    pub(super) async fn start_over(&self, journals: &Journals, topic: Topic) {
        if !self.is_joined() {
            journals.look_again(topic);
            return self.owe(topic);
        }
        match self.backplane.start_over(topic).await {
            Ok(true) => self.stir(topic),
            Ok(false) | Err(Down) => self.owe(topic),
        }
    }

    /// Every process' readers of the topic get a snapshot as soon as that is possible.
    pub(super) fn owe(&self, topic: Topic) {
        lock(&self.owed).insert(topic);
    }

    pub(super) async fn delete(&self, topic: Topic, turn: Option<&str>, last: Event) {
        let mut batch = Append::new(What::Gone, vec![last]);
        batch.turn = turn.map(str::to_owned);
        if !matches!(self.backplane.append(topic, batch).await, Ok(Placed::At { .. })) {
            // The others' viewers are cut by the revocation, and the log's text has a window.
            tracing::warn!("What other processes have of a deleted conversation is dropped later");
        }
    }

    /// A reply of this process begins, or ends.
    pub(super) fn writes(&self, topic: Topic, reply: MessageId, begins: bool) {
        let mut writing = lock(&self.writing);
        if begins {
            writing.insert(topic, Flight { reply: Some(reply), ..Flight::default() });
        } else if writing.get(&topic).is_some_and(|flight| flight.reply == Some(reply)) {
            // Else the next one has begun.
            writing.remove(&topic);
        }
    }

    /// Does this to the flight of the reply, unless another one has begun in its topic.
    fn in_flight<T>(&self, topic: Topic, reply: MessageId, work: impl FnOnce(&mut Flight) -> T) -> Option<T> {
        lock(&self.writing).get_mut(&topic).filter(|flight| flight.reply == Some(reply)).map(work)
    }

    /// Something of it is on its way; its answer says what a wake would.
    pub(super) fn flies(&self, topic: Topic, reply: MessageId) {
        self.in_flight(topic, reply, |flight| flight.is_flying = true);
    }

    pub(super) fn has_landed(&self, topic: Topic, reply: MessageId) {
        let heard = self.in_flight(topic, reply, |flight| {
            flight.is_flying = false;
            flight.heard.take()
        });
        if let Some(heard) = heard.flatten() {
            self.hear(topic, heard);
        }
    }

    /// The reply goes on in this process' own journal, or in the log. `false`: another one has begun in its topic.
    pub(super) fn is_here(&self, topic: Topic, reply: MessageId, is_here: bool) -> bool {
        self.in_flight(topic, reply, |flight| flight.is_here = is_here).is_some()
    }

    pub(super) fn writes_here(&self) -> bool {
        self.backplane.is_refusing() || lock(&self.writing).values().any(|flight| flight.is_here)
    }

    fn hear(&self, topic: Topic, cursor: Cursor) {
        if let Some(flight) = lock(&self.writing).get_mut(&topic).filter(|flight| flight.is_flying) {
            flight.heard = Some(cursor);
            return;
        }
        let Some(journals) = self.journals.upgrade() else { return };
        let known = journals.in_memory(topic).and_then(|journal| journal.known());
        if known.is_none_or(|known| known.epoch != cursor.epoch || known.seq < cursor.seq) {
            self.stir(topic);
        }
    }
}
