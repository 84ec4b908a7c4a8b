//! The turn of a journal: held while a message is added, a reply opened, a setting changed, so that store and journal have
//! one order.
//!
//! It also tells whether anybody had it since a moment. What was read from the store at that moment is then still as it
//! would be read in the turn, and need not be read in it.

use super::{Journal, Journals, Topic};
use crate::server::backplane;
use crate::server::sync::lock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Mutex, MutexGuard};

/// The lock, and how often it was taken and given back: an odd number while somebody has it.
#[derive(Default)]
pub(super) struct Turn {
    lock: Mutex<()>,
    moves: AtomicU64,
}

/// A moment at which nobody had the turn. While it is kept there is no second one of the topic: what is read early can be
/// long, and of many who read at the same moment only one can be next.
pub struct Moment<'a> {
    journals: &'a Journals,
    topic: Topic,
    /// The journal's epoch; none where the topic had no journal in memory, and so no turn.
    epoch: Option<u64>,
    moves: u64,
}

/// Held by the one whose turn it is.
pub struct HeldTurn<'a> {
    journal: &'a Arc<Journal>,
    moves: u64,
    /// The turn among all processes. Given back before the guard.
    shared: Option<Box<dyn backplane::Turn>>,
    _guard: MutexGuard<'a, ()>,
}

impl Journal {
    /// Waits for the journal's turn.
    pub async fn turn(self: &Arc<Self>) -> HeldTurn<'_> {
        let mut turn = self.hold(self.turn.lock.lock().await);
        if let Some(home) = &self.home {
            turn.shared = home.cluster.turn(home.topic).await;
        }
        turn
    }

    /// Takes the turn if nobody has it or waits for it. None where other processes have turns, too: they are asked.
    pub fn turn_now(self: &Arc<Self>) -> Option<HeldTurn<'_>> {
        Some(self.hold(self.turn.lock.try_lock().ok().filter(|_| self.home.is_none())?))
    }

    fn hold<'a>(self: &'a Arc<Self>, guard: MutexGuard<'a, ()>) -> HeldTurn<'a> {
        let moves = self.turn.moves.fetch_add(1, Ordering::SeqCst) + 1;
        HeldTurn { journal: self, moves, shared: None, _guard: guard }
    }
}

impl Journals {
    /// This moment, if nobody has the topic's turn, and nobody else keeps a moment of it. It makes no journal. None where
    /// other processes have turns, too.
    pub fn moment(&self, topic: Topic) -> Option<Moment<'_>> {
        if self.cluster.is_some() {
            return None;
        }
        let journal = lock(&self.topics).get(&topic).map(Arc::clone);
        // Without a journal in memory nobody has a turn.
        let moves = journal.as_ref().map_or(0, |journal| journal.turn.moves.load(Ordering::SeqCst));
        let is_first = moves.is_multiple_of(2) && lock(&self.early).insert(topic);
        let epoch = journal.map(|journal| journal.epoch);
        is_first.then(|| Moment { journals: self, topic, epoch, moves })
    }
}

impl HeldTurn<'_> {
    /// What an append names that is made in this turn.
    pub(super) fn value(&self) -> Option<&str> {
        self.shared.as_ref().map(|turn| turn.value())
    }

    pub fn journal(&self) -> &Arc<Journal> {
        self.journal
    }

    /// Whether nobody else had the turn since then.
    pub fn is_next_after(&self, moment: &Moment<'_>) -> bool {
        moment.epoch.is_none_or(|epoch| epoch == self.journal.epoch) && self.moves == moment.moves + 1
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        lock(&self.journals.early).remove(&self.topic);
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
        assert!(turn.is_next_after(&never));
        drop(turn);
        assert!(!journal.turn().await.is_next_after(&never), "somebody had it in between");
        drop(never);
        let turn = journal.turn().await;
        assert!(journals.moment(topic).is_none(), "what is read now may be changed in this turn");
        drop(turn);
        let moment = journals.moment(topic).unwrap();
        assert!(journal.turn().await.is_next_after(&moment));
        assert!(!journal.turn().await.is_next_after(&moment));
        drop(moment);
        // Another journal of the same topic.
        let moment = journals.moment(topic).unwrap();
        let other = Journals::new(Duration::from_secs(600), 1 << 20).topic(topic);
        drop(other.turn().await);
        drop(other.turn().await);
        drop(other.turn().await);
        assert!(!other.turn().await.is_next_after(&moment));
    }

    #[tokio::test]
    async fn one_who_waits_in_line_knows_that_another_was_before() {
        let journals = Journals::new(Duration::from_secs(600), 1 << 20);
        let topic = Topic::Conversation(ConversationId::new());
        let journal = journals.topic(topic);
        let moment = journals.moment(topic).unwrap();
        let first = journal.turn().await;
        assert!(first.is_next_after(&moment));
        let (second, ()) = tokio::join!(journal.turn(), async { drop(first) });
        assert!(!second.is_next_after(&moment));
    }

    #[tokio::test]
    async fn of_many_who_would_read_before_their_turn_one_does() {
        let journals = Journals::new(Duration::from_secs(600), 1 << 20);
        let (topic, other) = (Topic::Conversation(ConversationId::new()), Topic::Conversation(ConversationId::new()));
        let first = journals.moment(topic).unwrap();
        assert!(journals.moment(topic).is_none(), "also without a journal in memory");
        assert!(journals.moment(other).is_some(), "another conversation is read meanwhile");
        let journal = journals.topic(topic);
        assert!(journals.moment(topic).is_none());
        let turn = journal.turn_now().unwrap();
        assert!(turn.is_next_after(&first));
        drop(first);
        assert!(journals.moment(topic).is_none(), "somebody has the turn");
        drop(turn);
        assert!(journals.moment(topic).is_some());
        assert!(journals.moment(topic).is_some(), "the former was dropped");
    }

    #[tokio::test]
    async fn a_turn_that_somebody_has_or_waits_for_is_not_taken_now() {
        let journals = Journals::new(Duration::from_secs(600), 1 << 20);
        let journal = journals.topic(Topic::Conversation(ConversationId::new()));
        let first = journal.turn_now().unwrap();
        assert!(journal.turn_now().is_none());
        let mut second = std::pin::pin!(journal.turn());
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert!(journal.turn_now().is_none(), "who waits is before us");
        drop(second.await);
        assert!(journal.turn_now().is_some());
    }
}
