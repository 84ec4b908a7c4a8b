//! The logs that several journals share, in memory: for tests. It refuses what Redis refuses, and it can lose wakes,
//! delay and double them, lose answers, and forget everything.

use super::{Append, Backplane, Down, Fence, Look, OpenReply, Placed, Topic, Turn, Wake, What};
use crate::event::{Cursor, Event};
use crate::model::MessageId;
use crate::server::sync::lock;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::{Mutex as TurnLock, OwnedMutexGuard, mpsc, watch};

/// What goes wrong at a call. Asked before each; tests decide by a seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mishap {
    /// Nothing is done.
    pub(crate) is_not_done: bool,
    /// It is done, and the answer is lost.
    pub(crate) is_not_answered: bool,
    /// How often the wake is delivered.
    pub(crate) wakes: usize,
    /// How often others get to run before the answer.
    pub(crate) yields: usize,
}

type Fate = Box<dyn FnMut() -> Mishap + Send>;

/// What all processes share.
pub(crate) struct Hub {
    logs: Mutex<HashMap<Topic, Log>>,
    turns: Mutex<HashMap<Topic, Arc<TurnLock<()>>>>,
    values: Mutex<HashMap<Topic, String>>,
    nodes: Mutex<Vec<Arc<Ear>>>,
    fate: Mutex<Fate>,
    /// It takes nothing.
    full: AtomicBool,
    epochs: AtomicU64,
}

/// Where a process hears.
struct Ear {
    followed: Mutex<HashSet<Topic>>,
    wakes: mpsc::UnboundedSender<Wake>,
}

/// A process' way to the hub.
pub(crate) struct Node {
    hub: Arc<Hub>,
    ear: Arc<Ear>,
    heard: Mutex<Option<mpsc::UnboundedReceiver<Wake>>>,
    joined: watch::Sender<bool>,
}

#[derive(Clone, Default)]
struct Log {
    epoch: u64,
    last: u64,
    entries: Vec<(u64, Event)>,
    open: Option<OpenReply>,
    batch: u64,
    ended: Option<MessageId>,
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        let fate: Fate = Box::new(|| Mishap { wakes: 1, ..Mishap::default() });
        let (logs, turns, values, nodes, full) = Default::default();
        Arc::new(Self { logs, turns, values, nodes, fate: Mutex::new(fate), full, epochs: AtomicU64::new(1) })
    }

    pub(crate) fn suffer(&self, fate: impl FnMut() -> Mishap + Send + 'static) {
        *lock(&self.fate) = Box::new(fate);
    }

    pub(crate) fn node(self: &Arc<Self>) -> Arc<Node> {
        let (wakes, heard) = mpsc::unbounded_channel();
        let ear = Arc::new(Ear { followed: Mutex::default(), wakes });
        lock(&self.nodes).push(Arc::clone(&ear));
        Arc::new(Node { hub: Arc::clone(self), ear, heard: Mutex::new(Some(heard)), joined: watch::Sender::new(true) })
    }

    /// Everything is gone, as by a restart without persistence.
    pub(crate) fn forget(&self) {
        lock(&self.logs).clear();
    }

    /// There is no room any more, or again.
    pub(crate) fn fill(&self, is_full: bool) {
        self.full.store(is_full, Ordering::SeqCst);
    }

    /// What the log has.
    pub(crate) fn entries(&self, topic: Topic) -> (Cursor, Vec<(u64, Event)>) {
        let logs = lock(&self.logs);
        let log = logs.get(&topic).cloned().unwrap_or_default();
        (Cursor { epoch: log.epoch, seq: log.last }, log.entries)
    }

    fn fresh(&self) -> Log {
        Log { epoch: self.epochs.fetch_add(1, Ordering::SeqCst), ..Log::default() }
    }

    fn wake(&self, topic: Topic, cursor: Cursor, times: usize) {
        for ear in lock(&self.nodes).iter().filter(|ear| lock(&ear.followed).contains(&topic)) {
            for _ in 0..times {
                let _nobody_listens = ear.wakes.send(Wake::Topic(topic, cursor));
            }
        }
    }

    /// Does it, with what goes wrong.
    async fn call<T>(&self, work: impl FnOnce(&Self, usize) -> T) -> Result<T, Down> {
        let mishap = (lock(&self.fate))();
        for _ in 0..mishap.yields {
            tokio::task::yield_now().await;
        }
        if mishap.is_not_done {
            return Err(Down);
        }
        let answer = work(self, mishap.wakes);
        for _ in 0..mishap.yields {
            tokio::task::yield_now().await;
        }
        if mishap.is_not_answered { Err(Down) } else { Ok(answer) }
    }

    fn append(&self, topic: Topic, batch: &Append, wakes: usize) -> Placed {
        if batch.turn.is_some() && batch.turn.as_ref() != lock(&self.values).get(&topic) {
            return Placed::Late;
        }
        if self.full.load(Ordering::SeqCst) && batch.what != What::Gone {
            return Placed::Full;
        }
        let mut logs = lock(&self.logs);
        let is_piece = matches!(batch.what, What::Pieces { .. } | What::End { .. });
        let has_lost = |log: &Log| batch.known.is_some_and(|known| known.epoch == log.epoch && log.last < known.seq);
        if logs.get(&topic).is_none_or(has_lost) {
            if is_piece {
                return Placed::Lost;
            }
            logs.insert(topic, self.fresh());
        }
        let log = logs.get_mut(&topic).expect("it was inserted");
        if let Some(refused) = log.refusal(&batch.what) {
            return refused;
        }
        log.take(batch);
        let last = Cursor { epoch: log.epoch, seq: log.last };
        drop(logs);
        self.wake(topic, last, wakes);
        Placed::At { last, cancel: false }
    }

    fn look(&self, topic: Topic, known: Option<Cursor>) -> Look {
        let mut logs = lock(&self.logs);
        let has_lost = |log: &Log| known.is_some_and(|known| known.epoch == log.epoch && log.last < known.seq);
        if logs.get(&topic).is_none_or(has_lost) {
            logs.insert(topic, self.fresh());
        }
        let log = &logs[&topic];
        let from = known.filter(|known| known.epoch == log.epoch).map_or(0, |known| known.seq);
        let events = log.entries.iter().filter(|(seq, _)| from < *seq).cloned().collect();
        Look { cursor: Cursor { epoch: log.epoch, seq: log.last }, open: log.open.clone(), events }
    }
}

impl Log {
    fn refusal(&self, what: &What) -> Option<Placed> {
        let last = Cursor { epoch: self.epoch, seq: self.last };
        let open = self.open.as_ref();
        match what {
            What::Plain | What::Gone => None,
            What::Quiet => open.map(|open| Placed::Open(open.reply)),
            What::Open { reply, owner } | What::Reopen { reply, owner } => {
                let open = open?;
                let again = || Placed::Again { last, first: open.first };
                match (open.reply == *reply, open.owner == *owner) {
                    (false, _) => Some(Placed::Open(open.reply)),
                    (true, false) => Some(Placed::Fenced),
                    (true, true) => matches!(what, What::Open { .. }).then(again),
                }
            }
            What::Pieces { reply, owner, epoch, batch } | What::End { reply, owner, epoch, batch } => {
                if *epoch != self.epoch {
                    return Some(Placed::Lost);
                }
                if matches!(what, What::End { .. }) && self.ended == Some(*reply) {
                    return Some(Placed::Again { last, first: 0 });
                }
                let Some(open) = open.filter(|open| open.reply == *reply && open.owner == *owner) else {
                    return Some(Placed::Fenced);
                };
                (*batch <= self.batch).then_some(Placed::Again { last, first: open.first })
            }
        }
    }

    fn take(&mut self, batch: &Append) {
        if matches!(batch.what, What::Reopen { .. }) {
            self.entries.clear();
            self.last += 1;
        }
        let mut first = None;
        for event in &batch.events {
            self.last += 1;
            if first.is_none() && matches!(event, Event::Reply { .. }) {
                first = Some(self.last);
            }
            self.entries.push((self.last, event.clone()));
        }
        match &batch.what {
            What::Open { reply, owner } | What::Reopen { reply, owner } => {
                let first = first.unwrap_or(self.last);
                self.open = Some(OpenReply { reply: *reply, owner: owner.clone(), first });
                self.batch = 0;
            }
            What::Pieces { batch, .. } => self.batch = *batch,
            What::End { reply, .. } => {
                self.open = None;
                self.ended = Some(*reply);
            }
            What::Gone => {
                self.open = None;
                self.entries.retain(|(seq, _)| self.last <= *seq);
            }
            What::Plain | What::Quiet => {}
        }
        let floor = self.open.as_ref().map_or(batch.floor, |open| open.first.min(batch.floor));
        self.entries.retain(|(seq, _)| floor <= *seq);
    }
}

impl Node {
    pub(crate) fn join(&self, is_joined: bool) {
        self.joined.send_replace(is_joined);
        if is_joined {
            let _nobody_listens = self.ear.wakes.send(Wake::Everything);
        }
    }

    fn is_cut(&self) -> bool {
        !*self.joined.borrow()
    }
}

impl Backplane for Node {
    fn append(&self, topic: Topic, batch: Append) -> BoxFuture<'_, Result<Placed, Down>> {
        async move {
            if self.is_cut() {
                return Err(Down);
            }
            self.hub.call(|hub, wakes| hub.append(topic, &batch, wakes)).await
        }
        .boxed()
    }

    fn look(&self, topics: Vec<(Topic, Option<Cursor>)>) -> BoxFuture<'_, Result<Vec<Option<Look>>, Down>> {
        async move {
            if self.is_cut() {
                return Err(Down);
            }
            let look = |hub: &Hub, _| topics.into_iter().map(|(topic, known)| Some(hub.look(topic, known))).collect();
            self.hub.call(look).await
        }
        .boxed()
    }

    fn fence(&self, topic: Topic, reply: MessageId, owner: String) -> BoxFuture<'_, Result<Option<Fence>, Down>> {
        async move {
            if self.is_cut() {
                return Err(Down);
            }
            if self.hub.full.load(Ordering::SeqCst) {
                return Err(Down);
            }
            let fence = |hub: &Hub, _| {
                let mut logs = lock(&hub.logs);
                let log = logs.get_mut(&topic)?;
                let end = Cursor { epoch: log.epoch, seq: log.last };
                let open = log.open.as_mut().filter(|open| open.reply == reply)?;
                open.owner = owner;
                log.batch = 0;
                Some(Fence { end, first: open.first })
            };
            self.hub.call(fence).await
        }
        .boxed()
    }

    fn start_over(&self, topic: Topic) -> BoxFuture<'_, Result<bool, Down>> {
        async move {
            if self.is_cut() {
                return Err(Down);
            }
            if self.hub.full.load(Ordering::SeqCst) {
                return Err(Down);
            }
            let start_over = |hub: &Hub, wakes| {
                let mut logs = lock(&hub.logs);
                let log = logs.entry(topic).or_insert_with(|| hub.fresh());
                if log.open.is_some() {
                    return false;
                }
                log.last += 1;
                log.entries.clear();
                let last = Cursor { epoch: log.epoch, seq: log.last };
                drop(logs);
                hub.wake(topic, last, wakes);
                true
            };
            self.hub.call(start_over).await
        }
        .boxed()
    }

    fn turn(&self, topic: Topic) -> BoxFuture<'_, Result<Box<dyn Turn>, Down>> {
        async move {
            if self.is_cut() {
                return Err(Down);
            }
            let turn = Arc::clone(lock(&self.hub.turns).entry(topic).or_default());
            let guard = turn.lock_owned().await;
            let value = uuid::Uuid::new_v4().to_string();
            lock(&self.hub.values).insert(topic, value.clone());
            Ok(Box::new(Held { value, _guard: guard }) as Box<dyn Turn>)
        }
        .boxed()
    }

    fn follow(&self, topic: Topic) -> BoxFuture<'_, Result<(), Down>> {
        lock(&self.ear.followed).insert(topic);
        std::future::ready(Ok(())).boxed()
    }

    fn leave(&self, topic: Topic) {
        lock(&self.ear.followed).remove(&topic);
    }

    fn wakes(&self) -> mpsc::UnboundedReceiver<Wake> {
        lock(&self.heard).take().expect("the wakes are taken once")
    }

    fn joined(&self) -> watch::Receiver<bool> {
        self.joined.subscribe()
    }

    fn is_refusing(&self) -> bool {
        self.hub.full.load(Ordering::SeqCst)
    }

    fn is_short(&self) -> bool {
        self.hub.full.load(Ordering::SeqCst)
    }
}

struct Held {
    value: String,
    _guard: OwnedMutexGuard<()>,
}

impl Turn for Held {
    fn value(&self) -> &str {
        &self.value
    }
}
