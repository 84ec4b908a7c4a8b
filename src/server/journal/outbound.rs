//! What this process writes of one reply, on its way to the log that several processes share.
//!
//! At most one batch is on its way; what is written meanwhile is the next one. The viewers of this process see a piece when
//! the log has it, so that no viewer anywhere has seen more than the log.

use super::cluster::{Cluster, Row, TRIES};
use super::split::split;
use super::{Topic, lock};
use crate::event::{Cursor, Draft, Event};
use crate::model::MessageId;
use crate::server::backplane::{Append, Down, Placed, What};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long to wait before something is tried again that was not answered.
const PAUSE: Duration = Duration::from_millis(100);

/// A reply's way to the log.
pub(super) struct Outbound {
    pub(super) cluster: Arc<Cluster>,
    pub(super) topic: Topic,
    pub(super) reply: MessageId,
    /// This process.
    pub(super) owner: String,
    /// Cancelled when somebody wants the reply to end.
    pub(super) stop: CancellationToken,
    /// Cancelled when the reply is somebody else's.
    pub(super) lost: CancellationToken,
    /// Cancelled when nothing more will be told.
    pub(super) over: CancellationToken,
    pub(super) written: Mutex<Written>,
    more: Notify,
}

/// What was written.
#[derive(Default)]
pub(super) struct Written {
    /// The event that opened the reply.
    opened: Option<Event>,
    pub(super) draft: Option<Draft>,
    /// How many events.
    pub(super) mark: u64,
    /// What is not on its way yet.
    waiting: Vec<Event>,
}

/// How long to wait until it is asked again whether the log has room.
const FULL: Duration = Duration::from_secs(1);

/// Where the reply is open.
enum Place {
    Log {
        epoch: u64,
        batch: u64,
    },
    /// In this process' own journal.
    Here,
    /// There, because the log has no room; that is tried again at this moment.
    Full(Instant),
    Nowhere,
}

impl Written {
    fn fold(&mut self, event: &Event) {
        self.mark += 1;
        if let Event::Reply { reply, .. } = event {
            self.draft = Some(Draft::new(*reply));
            self.opened = Some(event.clone());
        } else if let Some(draft) = &mut self.draft {
            draft.apply(event);
            if !draft.status.is_open() {
                self.draft = None;
            }
        }
    }

    /// The reply as it is now, as the events that make it.
    fn anew(&self) -> Vec<Event> {
        let (Some(opened), Some(draft)) = (&self.opened, &self.draft) else { return Vec::new() };
        let Draft { reply, text, thinking, thinking_since: since, thinking_ms: ms, .. } = draft.clone();
        let thought = !thinking.is_empty() || since.is_some() || ms.is_some();
        let thought = thought.then_some(Event::Thinking { reply, text: thinking, since, ms });
        let said = (!text.is_empty()).then_some(Event::Token { reply, text });
        [opened.clone()].into_iter().chain(split(thought.into_iter().chain(said))).collect()
    }
}

impl Outbound {
    pub(super) fn new(
        cluster: Arc<Cluster>,
        topic: Topic,
        reply: MessageId,
        owner: &str,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        let (written, more, owner) = (Mutex::default(), Notify::new(), owner.to_owned());
        Arc::new(Self { cluster, topic, reply, owner, stop, lost, over, written, more })
    }

    /// Opens the reply, and begins to send what is written of it. Returns the cursor behind the event that opened it.
    pub(super) async fn open(self: &Arc<Self>, turn: Option<&str>, events: Vec<Event>) -> Cursor {
        let behind = events.iter().position(|event| matches!(event, Event::Reply { .. })).map_or(0, |index| index + 1);
        events.iter().for_each(|event| lock(&self.written).fold(event));
        let events: Vec<_> = split(events.into_iter()).collect();
        self.cluster.writes(self.topic, self.reply, true);
        let opened = self.open_in_log(turn, &events).await;
        let (place, cursor) = match opened {
            Some((last, first)) => {
                let place = Place::Log { epoch: last.epoch, batch: 0 };
                let behind = last.seq + behind as u64;
                (place, Cursor { seq: first.unwrap_or_else(|| behind - events.len() as u64), ..last })
            }
            // A viewer with a cursor of no epoch gets a snapshot.
            None => (Place::Nowhere, Cursor { epoch: 0, seq: 0 }),
        };
        tokio::spawn(Arc::clone(self).run(place));
        cursor
    }

    /// Where the events end in the log, and where it was told before, the one that opened the reply.
    async fn open_in_log(&self, turn: Option<&str>, events: &[Event]) -> Option<(Cursor, Option<u64>)> {
        let journals = self.cluster.journals()?;
        for _ in 0..TRIES {
            if !self.cluster.is_joined() {
                return None;
            }
            let what = What::Open { reply: self.reply, owner: self.owner.clone() };
            let mut batch = Append::new(what, events.to_vec());
            batch.turn = turn.map(str::to_owned);
            (batch.known, batch.floor) = self.cluster.known(&journals, self.topic);
            match self.cluster.backplane.append(self.topic, batch).await {
                Ok(Placed::At { last, .. }) => {
                    self.cluster.take_own(self.topic, events, last);
                    return Some((last, None));
                }
                Ok(Placed::Again { last, first }) => {
                    self.cluster.stir(self.topic);
                    return Some((last, Some(first)));
                }
                // The store has room for this reply, so that one has ended: nobody has told so.
                Ok(Placed::Open(other)) => self.heal(other).await,
                Ok(_) | Err(Down) => return None,
            }
        }
        None
    }

    async fn heal(&self, other: MessageId) {
        if let Some(rows) = self.cluster.rows() {
            rows.heal(self.topic, other).await;
        }
    }

    pub(super) fn append(&self, event: Event) {
        let mut written = lock(&self.written);
        written.fold(&event);
        written.waiting.push(event);
        drop(written);
        self.more.notify_one();
    }

    /// Sends until the reply has ended, here or elsewhere.
    async fn run(self: Arc<Self>, mut place: Place) {
        let mut standing = self.cluster.standing();
        loop {
            let is_joined = *standing.borrow_and_update();
            place = match (place, is_joined) {
                (place @ (Place::Nowhere | Place::Here), true) => match self.reopen(&place).await {
                    Some(place) => place,
                    None => break,
                },
                (place @ Place::Full(again), true) if again <= Instant::now() => match self.reopen(&place).await {
                    Some(place) => place,
                    None => break,
                },
                (Place::Nowhere | Place::Log { .. }, false) => self.go_on_here(),
                (Place::Full(_), false) => Place::Here,
                (place, _) => place,
            };
            let events = std::mem::take(&mut lock(&self.written).waiting);
            if events.is_empty() {
                let again = match place {
                    Place::Full(again) => again,
                    _ => Instant::now() + FULL,
                };
                tokio::select! {
                    () = self.more.notified() => {}
                    () = sleep_until(again) => {}
                    () = self.lost.cancelled() => break,
                    changed = standing.changed() => if changed.is_err() { break },
                }
                continue;
            }
            let is_end = events.last().is_some_and(|event| event.outcome().is_some());
            match self.send(place, events, is_end).await {
                Some(next) => place = next,
                None => break,
            }
            if is_end && !matches!(place, Place::Nowhere) {
                break;
            }
        }
        self.cluster.writes(self.topic, self.reply, false);
        self.cluster.stir(self.topic);
        self.over.cancel();
    }

    /// Sends a batch until there is an answer. None: the reply is somebody else's.
    async fn send(&self, place: Place, events: Vec<Event>, is_end: bool) -> Option<Place> {
        let Place::Log { epoch, batch } = place else {
            let journal = self.cluster.journals()?.topic(self.topic);
            if !journal.is_mirror() {
                for event in events {
                    journal.append(event);
                }
            }
            if is_end {
                // The log still has the reply open.
                self.cluster.owe(self.topic);
            }
            return Some(place);
        };
        let (reply, owner, batch) = (self.reply, self.owner.clone(), batch + 1);
        let what = match is_end {
            true => What::End { reply, owner, epoch, batch },
            false => What::Pieces { reply, owner, epoch, batch },
        };
        let events: Vec<_> = split(events.into_iter()).collect();
        self.cluster.flies(self.topic, self.reply);
        let placed = self.place(what, &events).await;
        self.cluster.has_landed(self.topic, self.reply);
        match placed {
            Some(Placed::At { last, cancel }) => {
                self.cluster.take_own(self.topic, &events, last);
                if cancel {
                    self.stop.cancel();
                }
                Some(Place::Log { epoch, batch })
            }
            Some(Placed::Again { .. }) => {
                self.cluster.stir(self.topic);
                Some(Place::Log { epoch, batch })
            }
            // The store has the end already, and every viewer reads it there.
            Some(Placed::Lost) if is_end => {
                self.cluster.owe(self.topic);
                Some(Place::Log { epoch, batch })
            }
            // Somebody has taken it over, and tells the end.
            Some(Placed::Fenced) if is_end => Some(Place::Log { epoch, batch }),
            None | Some(Placed::Full) if is_end => {
                self.cluster.owe(self.topic);
                Some(self.go_on_here())
            }
            Some(Placed::Full) => {
                self.go_on_here();
                Some(Place::Full(Instant::now() + FULL))
            }
            // `reopen` asks whose it is, and tells all that was written.
            Some(_) => Some(Place::Nowhere),
            None => Some(Place::Nowhere),
        }
    }

    /// None: this process is alone.
    async fn place(&self, what: What, events: &[Event]) -> Option<Placed> {
        while self.cluster.is_joined() {
            let mut batch = Append::new(what.clone(), events.to_vec());
            (batch.known, batch.floor) = self.cluster.known(&*self.cluster.journals()?, self.topic);
            match self.cluster.backplane.append(self.topic, batch).await {
                Ok(placed) => return Some(placed),
                // Whether it is there is not known: the same batch again writes nothing twice.
                Err(Down) => sleep(PAUSE).await,
            }
        }
        None
    }

    /// Opens the reply in the log again, with all that was written, if the store says that it is still ours. None: it is not.
    async fn reopen(&self, place: &Place) -> Option<Place> {
        let is_here = matches!(place, Place::Here | Place::Full(_));
        loop {
            if !self.cluster.is_joined() {
                return Some(Place::Nowhere);
            }
            let row = match self.cluster.rows() {
                Some(rows) => rows.row(self.reply).await,
                None => Row::Ours,
            };
            let has_ended = lock(&self.written).draft.is_none();
            match row {
                // Its end goes where its text went.
                _ if is_here && has_ended => return Some(Place::Full(Instant::now() + FULL)),
                Row::Ours if !has_ended => {}
                // Its viewers go on meanwhile.
                Row::Unknown if is_here => return Some(Place::Full(Instant::now() + FULL)),
                Row::Unknown => {
                    sleep(PAUSE).await;
                    continue;
                }
                Row::Ours | Row::NotOurs => {
                    self.cluster.owe(self.topic);
                    self.lost.cancel();
                    return None;
                }
            }
            match self.reopen_in_log().await {
                Some(Place::Full(again)) if !is_here => {
                    self.go_on_here();
                    return Some(Place::Full(again));
                }
                Some(place) => return Some(place),
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn reopen_in_log(&self) -> Option<Place> {
        let (reply, owner) = (self.reply, self.owner.clone());
        let (waiting, events) = {
            let written = lock(&self.written);
            (written.waiting.len(), written.anew())
        };
        let batch = Append::new(What::Reopen { reply, owner: owner.clone() }, events);
        match self.cluster.backplane.append(self.topic, batch).await {
            Ok(Placed::At { last, .. }) => {
                // They are among what was told now.
                lock(&self.written).waiting.drain(..waiting);
                self.cluster.is_here(self.topic, self.reply, false);
                self.cluster.stir(self.topic);
                Some(Place::Log { epoch: last.epoch, batch: 0 })
            }
            Ok(Placed::Full) => Some(Place::Full(Instant::now() + FULL)),
            Ok(Placed::Open(other)) => {
                self.heal(other).await;
                None
            }
            Ok(Placed::Fenced) => {
                // Who took it has not ended it in the store.
                let _taken = self.cluster.backplane.fence(self.topic, reply, owner).await;
                None
            }
            Ok(_) | Err(Down) => None,
        }
    }

    /// This process is alone: its viewers go on from memory.
    fn go_on_here(&self) -> Place {
        if let Some(journals) = self.cluster.journals() {
            let mut written = lock(&self.written);
            let is_open = written.draft.is_some();
            let (events, _) = (written.anew(), is_open.then(|| written.waiting.clear()));
            if self.cluster.is_here(self.topic, self.reply, true) {
                journals.topic(self.topic);
                journals.estrange(self.topic, None, events);
            }
        }
        Place::Here
    }
}
