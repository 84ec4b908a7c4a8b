//! The turn of a journal: held while a message is added, a reply opened, a setting changed, so that store and journal have
//! one order.
//!
//! It also tells whether anybody had it since a moment. What was read from the store at that moment is then still as it
//! would be read in the turn, and need not be read in it.

use super::{Journal, Journals, Topic};
use crate::server::sync::lock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, MutexGuard};

/// The lock, and how often it was taken and given back: an odd number while somebody has it.
#[derive(Default)]
pub(super) struct Turn {
    lock: Mutex<()>,
    moves: AtomicU64,
}

/// A moment at which nobody had the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The journal's epoch; none where the topic had no journal in memory, and so no turn.
    epoch: Option<u64>,
    moves: u64,
}

/// Held by the one whose turn it is.
pub struct HeldTurn<'a> {
    journal: &'a Journal,
    moves: u64,
    _guard: MutexGuard<'a, ()>,
}

impl Journal {
    /// Waits for the journal's turn.
    pub async fn turn(&self) -> HeldTurn<'_> {
        let guard = self.turn.lock.lock().await;
        let moves = self.turn.moves.fetch_add(1, Ordering::SeqCst) + 1;
        HeldTurn { journal: self, moves, _guard: guard }
    }
}

impl Journals {
    /// This moment, if nobody has the topic's turn. It makes no journal.
    pub fn moment(&self, topic: Topic) -> Option<Moment> {
        let topics = lock(&self.topics);
        // Without a journal in memory nobody has a turn.
        let Some(journal) = topics.get(&topic) else { return Some(Moment { epoch: None, moves: 0 }) };
        let moves = journal.turn.moves.load(Ordering::SeqCst);
        moves.is_multiple_of(2).then_some(Moment { epoch: Some(journal.epoch), moves })
    }
}

impl HeldTurn<'_> {
    /// Whether nobody else had the turn since then.
    pub fn is_next_after(&self, moment: Moment) -> bool {
        moment.epoch.is_none_or(|epoch| epoch == self.journal.epoch) && self.moves == moment.moves + 1
    }
}

impl Drop for HeldTurn<'_> {
    fn drop(&mut self) {
        // Before the lock is given back.
        self.journal.turn.moves.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ConversationId;
    use std::time::Duration;

    #[tokio::test]
    async fn a_turn_tells_whether_anybody_had_it_since_a_moment() {
        let journals = Journals::new(Duration::from_secs(600), 1 << 20);
        let topic = Topic::Conversation(ConversationId::new());
        let never = journals.moment(topic).unwrap();
        assert_eq!(journals.size().topics, 0, "it makes no journal");
        let journal = journals.topic(topic);
        let turn = journal.turn().await;
        assert!(turn.is_next_after(never));
        assert_eq!(journals.moment(topic), None, "what is read now may be changed in this turn");
        drop(turn);
        assert!(!journal.turn().await.is_next_after(never), "somebody had it in between");
        let moment = journals.moment(topic).unwrap();
        assert!(journal.turn().await.is_next_after(moment));
        assert!(!journal.turn().await.is_next_after(moment));
        // Another journal of the same topic.
        let moment = journals.moment(topic).unwrap();
        let other = Journals::new(Duration::from_secs(600), 1 << 20).topic(topic);
        drop(other.turn().await);
        drop(other.turn().await);
        drop(other.turn().await);
        assert!(!other.turn().await.is_next_after(moment));
    }

    #[tokio::test]
    async fn one_who_waits_in_line_knows_that_another_was_before() {
        let journals = Journals::new(Duration::from_secs(600), 1 << 20);
        let topic = Topic::Conversation(ConversationId::new());
        let journal = journals.topic(topic);
        let moment = journals.moment(topic).unwrap();
        let first = journal.turn().await;
        assert!(first.is_next_after(moment));
        let (second, ()) = tokio::join!(journal.turn(), async { drop(first) });
        assert!(!second.is_next_after(moment));
    }
}
