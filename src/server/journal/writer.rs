//! The engine's end of a topic while its reply is open.

use super::{HeldTurn, Journal, Journals, Topic};
use crate::event::{Cursor, Draft, Event};
use crate::model::MessageId;
use std::sync::Arc;

/// Writes one reply. It knows what it has written, also where viewers are not shown that yet.
#[derive(Clone)]
pub struct Writer {
    reply: MessageId,
    journal: Arc<Journal>,
}

/// Another reply is open in the topic: its owner has died, or does not know yet that it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOpened(pub MessageId);

impl Journals {
    /// A writer of a reply that is not open yet.
    pub fn writer(&self, topic: Topic, reply: MessageId) -> Writer {
        Writer { reply, journal: self.topic(topic) }
    }
}

impl Writer {
    /// Opens the reply with these events. Returns the cursor just behind the one that opened it.
    pub async fn open(
        &self,
        _turn: &HeldTurn<'_>,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Cursor, NotOpened> {
        for event in events {
            self.journal.append(event);
        }
        Ok(self.journal.cursor_of(self.reply))
    }

    /// Appends an event of the reply.
    pub fn append(&self, event: Event) {
        self.journal.append(event);
    }

    /// Appends the event that ends the reply.
    pub async fn end(&self, event: Event) {
        self.append(event);
    }

    /// The reply as it has been written so far. `None`: it is not open.
    pub fn draft(&self) -> Option<Draft> {
        self.journal.end().1.filter(|draft| draft.reply == self.reply)
    }

    /// A number that grows with each event.
    pub fn mark(&self) -> u64 {
        self.journal.last()
    }

    /// The number and the reply, where something was written since `mark`.
    pub fn grown_since(&self, mark: u64) -> Option<(u64, Draft)> {
        let (cursor, draft) = self.journal.end_if_after(mark)?;
        Some((cursor.seq, draft.filter(|draft| draft.reply == self.reply)?))
    }
}
