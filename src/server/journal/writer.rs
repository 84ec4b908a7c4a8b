//! The engine's end of a topic while its reply is open.

use super::outbound::Outbound;
use super::{HeldTurn, Journal, Journals, Topic, lock};
use crate::event::{Cursor, Draft, Event};
use crate::model::MessageId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a reply's end is waited for until the log has it. It goes on its way all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a piece may wait for the next ones. Shorter than a frame and a half on a screen, long enough to halve the
/// events of a fast model.
const MERGE: Duration = Duration::from_millis(20);
/// Longer where several processes share the log: each piece is a call for all of them, and nobody sees the difference.
const MERGE_SHARED: Duration = Duration::from_millis(50);

/// Writes one reply. It knows what it has written, also where viewers are not shown that yet.
#[derive(Clone)]
pub struct Writer {
    reply: MessageId,
    journal: Arc<Journal>,
    /// None: there is one process.
    outbound: Option<Arc<Outbound>>,
}

impl Journals {
    /// A writer of a reply that is not open yet. `process`: this one. `stop`: cancelled where another process knows first
    /// that the reply is to end.
    pub fn writer(&self, topic: Topic, reply: MessageId, process: &str, stop: &CancellationToken) -> Writer {
        let cluster = self.cluster.as_ref();
        let outbound = cluster.map(|cluster| Outbound::new(Arc::clone(cluster), topic, reply, process, stop.clone()));
        Writer { reply, journal: self.topic(topic), outbound }
    }
}

impl Writer {
    /// Opens the reply with these events. Returns the cursor just behind the one that opened it.
    pub async fn open(&self, turn: &HeldTurn<'_>, events: impl IntoIterator<Item = Event>) -> Cursor {
        if let Some(outbound) = &self.outbound {
            let events = events.into_iter().collect();
            return Box::pin(outbound.open(turn.value(), events)).await;
        }
        for event in events {
            self.journal.append(event);
        }
        self.journal.cursor_of(self.reply)
    }

    /// Appends an event of the reply.
    pub fn append(&self, event: Event) {
        match &self.outbound {
            None => drop(self.journal.append(event)),
            Some(outbound) => outbound.append(event),
        }
    }

    /// Appends the event that ends the reply.
    pub async fn end(&self, event: Event) {
        self.append(event);
        if let Some(outbound) = &self.outbound
            && outbound.over.is_cancelled()
        {
            // Nothing of it is on its way any more, and the store has an end that nobody was told perhaps.
            outbound.cluster.owe(outbound.topic);
        } else if let Some(outbound) = &self.outbound
            && timeout(PATIENCE, outbound.over.cancelled()).await.is_err()
        {
            tracing::warn!(reply = %self.reply, "A reply's end is not told to the other processes yet");
        }
    }

    /// Completes when the reply is another process' to end: this one has been taken for dead, or the conversation is
    /// deleted. Never where there is one process.
    pub async fn lost(&self) {
        match &self.outbound {
            None => std::future::pending().await,
            Some(outbound) => outbound.lost.cancelled().await,
        }
    }

    /// Nothing more comes of it, as where the process is killed.
    #[cfg(test)]
    pub(crate) fn die(&self) {
        if let Some(outbound) = &self.outbound {
            outbound.lost.cancel();
        }
    }

    /// The reply as it has been written so far. `None`: it is not open.
    pub fn draft(&self) -> Option<Draft> {
        match &self.outbound {
            None => self.journal.end().1.filter(|draft| draft.reply == self.reply),
            Some(outbound) => lock(&outbound.written).draft.clone(),
        }
    }

    /// A number that grows with each event.
    pub fn mark(&self) -> u64 {
        match &self.outbound {
            None => self.journal.last(),
            Some(outbound) => lock(&outbound.written).mark,
        }
    }

    /// The number and the reply, where something was written since `mark`.
    pub fn grown_since(&self, mark: u64) -> Option<(u64, Draft)> {
        let Some(outbound) = &self.outbound else {
            let (cursor, draft) = self.journal.end_if_after(mark)?;
            return Some((cursor.seq, draft.filter(|draft| draft.reply == self.reply)?));
        };
        let written = lock(&outbound.written);
        let draft = (mark < written.mark).then(|| written.draft.clone()).flatten()?;
        Some((written.mark, draft))
    }

    /// How long a piece may wait for the next ones.
    pub fn merges_for(&self) -> Duration {
        if self.outbound.is_some() { MERGE_SHARED } else { MERGE }
    }
}
