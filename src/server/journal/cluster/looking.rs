//! What is done without being asked: hearing of growth, looking at what has grown, following whether this process is
//! joined, and a round each second for what may have been missed.

use super::Cluster;
use crate::event::Cursor;
use crate::server::backplane::{Down, Look, Wake};
use crate::server::journal::{Journal, Journals, Topic, lock};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};

/// A log with an open reply is looked at after this time without a wake: one may have been lost.
const LOOK_OPEN: Duration = Duration::from_secs(1);
/// Any other one.
const LOOK_QUIET: Duration = Duration::from_secs(30);
/// An open reply of another process that says nothing for this time is asked about in the store.
const SILENT: Duration = Duration::from_secs(5);

/// How far each reply of another process has come, and since when.
type Heard = HashMap<Topic, (Cursor, Instant)>;

/// Begins, until the journals are dropped.
pub(super) fn begin(cluster: &Arc<Cluster>) {
    tokio::spawn(listen(Arc::downgrade(cluster), cluster.backplane.wakes()));
    tokio::spawn(look(Arc::downgrade(cluster)));
    tokio::spawn(stand(Arc::downgrade(cluster), cluster.joined.clone()));
    tokio::spawn(rounds(Arc::downgrade(cluster)));
}

impl Cluster {
    /// The journals go on alone, with a snapshot for every viewer. The writers see to theirs.
    fn part(&self, journals: &Journals) {
        for (topic, journal) in journals.all_in_memory() {
            if journal.is_mirror() && !lock(&self.writing).contains_key(&topic) {
                journals.estrange(topic, None, Vec::new());
            }
        }
    }

    /// What was read here while this process was alone is followed from here on.
    async fn follow_again(&self, journals: &Journals) {
        let own =
            |(topic, journal): &(Topic, Arc<Journal>)| !journal.is_mirror() && !lock(&self.writing).contains_key(topic);
        for (topic, _) in journals.all_in_memory().into_iter().filter(own) {
            self.follow(topic).await;
            self.stir(topic);
        }
    }

    fn stir_all(&self, is_due: impl Fn(&Topic, &Instant) -> bool) {
        let followed = lock(&self.followed);
        let due = followed.iter().filter(|(topic, looked)| is_due(topic, looked)).map(|(topic, _)| *topic);
        lock(&self.dirty).extend(due);
        self.stirred.notify_one();
    }

    /// Starts over what is owed.
    async fn pay(&self) {
        let owed: Vec<Topic> = lock(&self.owed).iter().copied().collect();
        for topic in owed {
            match self.backplane.start_over(topic).await {
                Ok(true) => {
                    lock(&self.owed).remove(&topic);
                    self.stir(topic);
                }
                Ok(false) => self.heal_what_is_open(topic).await,
                Err(Down) => return,
            }
        }
    }

    /// The reply that is open in the log has ended, perhaps.
    async fn heal_what_is_open(&self, topic: Topic) {
        let Ok(looks) = self.backplane.look(vec![(topic, None)]).await else { return };
        let open = looks.into_iter().next().flatten().and_then(|look: Look| look.open);
        if let (Some(open), Some(rows)) = (open, self.rows()) {
            rows.heal(topic, open.reply).await;
        }
    }

    /// Asks about the replies of others that have fallen silent.
    async fn ask_about_silent(&self, journals: &Journals, heard: &mut Heard) {
        let now = Instant::now();
        let mut silent = Vec::new();
        let before = std::mem::take(heard);
        for (topic, journal) in journals.all_in_memory() {
            let is_ours = !journal.is_mirror() || lock(&self.writing).contains_key(&topic);
            let Some((reply, cursor)) = journal.open_reply().filter(|_| !is_ours) else { continue };
            let mut since = before.get(&topic).filter(|(known, _)| *known == cursor).map_or(now, |(_, since)| *since);
            if SILENT <= now - since {
                silent.push((topic, reply));
                since = now;
            }
            heard.insert(topic, (cursor, since));
        }
        if let Some(rows) = self.rows().filter(|_| !silent.is_empty()) {
            rows.silent(silent).await;
        }
    }
}

/// Hears of growth.
async fn listen(cluster: Weak<Cluster>, mut wakes: mpsc::UnboundedReceiver<Wake>) {
    while let Some(wake) = wakes.recv().await {
        let Some(cluster) = cluster.upgrade() else { return };
        match wake {
            Wake::Topic(topic, cursor) => cluster.hear(topic, cursor),
            Wake::Everything => cluster.stir_all(|_, _| true),
        }
    }
}

/// Looks at what is dirty: all of it at once, and what gathers meanwhile the next time.
async fn look(cluster: Weak<Cluster>) {
    loop {
        let Some(this) = cluster.upgrade() else { return };
        let Some(journals) = this.journals.upgrade() else { return };
        let dirty: Vec<Topic> = match this.is_joined() {
            true => lock(&this.dirty).drain().collect(),
            false => Vec::new(),
        };
        if dirty.is_empty() {
            drop(journals);
            // The weak one is asked again within the time of a round.
            let _waited = tokio::time::timeout(LOOK_OPEN, this.stirred.notified()).await;
            continue;
        }
        if let Err(Down) = this.look(&journals, &dirty, false).await {
            lock(&this.dirty).extend(dirty);
            drop((journals, this));
            sleep(LOOK_OPEN).await;
        }
    }
}

/// Follows whether this process is joined to the others.
async fn stand(cluster: Weak<Cluster>, mut joined: watch::Receiver<bool>) {
    while joined.changed().await.is_ok() {
        let is_joined = *joined.borrow_and_update();
        let Some(cluster) = cluster.upgrade() else { return };
        let Some(journals) = cluster.journals.upgrade() else { return };
        match is_joined {
            false => cluster.part(&journals),
            true => {
                cluster.pay().await;
                cluster.stir_all(|_, _| true);
                cluster.follow_again(&journals).await;
            }
        }
    }
}

/// Each second: what may have been missed.
async fn rounds(cluster: Weak<Cluster>) {
    let mut heard = Heard::new();
    loop {
        sleep(LOOK_OPEN).await;
        let Some(cluster) = cluster.upgrade() else { return };
        let Some(journals) = cluster.journals.upgrade() else { return };
        if !cluster.is_joined() {
            continue;
        }
        cluster.pay().await;
        let later = std::mem::take(&mut *lock(&cluster.later));
        lock(&cluster.dirty).extend(later);
        cluster.stir_all(|topic, looked| {
            let is_open = journals.in_memory(*topic).is_some_and(|journal| journal.is_open());
            (if is_open { LOOK_OPEN } else { LOOK_QUIET }) <= looked.elapsed()
        });
        cluster.ask_about_silent(&journals, &mut heard).await;
    }
}
