//! Checkpoints of the open replies: each at most once a second, never per token.
//!
//! Where many are open, each has a slot within the interval, by its id. So the drafts of a thousand replies are written
//! evenly over the second, a few at a time, and a message that comes in waits for one small transaction at most.

use super::{Open, Shared};
use crate::event::Draft;
use crate::model::MessageId;
use crate::server::store::messages::Checkpoint;
use crate::server::sync::lock;
use crate::server::task::round;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A little under the second that promise S6 allows, so that the write itself fits in as well.
const EVERY: Duration = Duration::from_millis(950);
/// Of a thousand replies, two dozen are then written in one transaction, which takes under a millisecond.
const SLOTS: u32 = 38;
const STEP: Duration = Duration::from_millis(EVERY.as_millis() as u64 / SLOTS as u64);

/// About how many drafts are written together where fewer replies are open, by visiting several slots at one time: with only a
/// few drafts in each, the transactions would cost more than they spare.
const TOGETHER: u32 = 16;

/// How many slots a visit takes when this number of replies is open.
fn slots_for(open: usize) -> u32 {
    let visits = u32::try_from(open).unwrap_or(u32::MAX) / TOGETHER;
    SLOTS / visits.clamp(1, SLOTS)
}

/// A stretch of time, in steps since a round began.
#[derive(Clone, Copy)]
struct Due {
    from: u32,
    to: u32,
}

impl Due {
    /// Whether the reply's slot lies within.
    fn has(self, reply: MessageId) -> bool {
        // The last bits of an id are random.
        let slot = (reply.0.as_u128() % u128::from(SLOTS)) as u32;
        (slot + SLOTS - self.from) % SLOTS < self.to - self.from
    }

    /// The rounds that begin within.
    fn rounds(self) -> u32 {
        self.to / SLOTS
    }
}

/// Runs until the engine is dropped.
pub(super) async fn run(shared: Weak<Shared>) {
    // The round that we are in, and the step within it.
    let (mut began, mut from) = (Instant::now(), 0);
    let mut wait = SLOTS;
    loop {
        sleep_until(began + STEP * (from + wait)).await;
        let Some(shared) = shared.upgrade() else { return };
        // More steps than were meant where the last visit took long.
        let to = (began.elapsed().as_millis() / STEP.as_millis()) as u32;
        let due = Due { from, to: to.max(from + 1) };
        began += STEP * (due.rounds() * SLOTS);
        from = due.to % SLOTS;
        wait = slots_for(lock(&shared.open).len());
        round(&shared.metrics, "checkpoint", visit(&shared, due, wait < SLOTS)).await;
    }
}

/// Saves the drafts that are due; all of them where the next visit is an interval away.
async fn visit(shared: &Shared, due: Due, are_many: bool) {
    let open: Vec<Arc<Open>> = {
        let open = lock(&shared.open);
        if open.len() == 0 {
            return;
        }
        open.values().filter(|open| !are_many || due.has(open.reply)).cloned().collect()
    };
    save(shared, &open).await;
}

async fn save(shared: &Shared, open: &[Arc<Open>]) {
    let (drafts, marks): (Vec<_>, Vec<_>) = open.iter().filter_map(changed).unzip();
    if drafts.is_empty() {
        return;
    }
    let began = Instant::now();
    let written = shared.store.checkpoint(shared.store.process(), &drafts).await;
    shared.metrics.checkpoint.observe(began.elapsed());
    match written {
        Ok(()) => marks.iter().for_each(|(open, mark)| open.saved.store(*mark, Ordering::Relaxed)),
        // The text is safe in memory; its next turn writes all of it.
        Err(error) => {
            shared.metrics.checkpoint_failures.inc();
            tracing::warn!(%error, replies = drafts.len(), "A checkpoint was not written");
        }
    }
}

/// The reply's draft, if it grew since the last checkpoint.
fn changed(open: &Arc<Open>) -> Option<(Checkpoint, (Arc<Open>, u64))> {
    let (mark, draft) = open.journal.grown_since(open.saved.load(Ordering::Relaxed))?;
    let Draft { reply, text, thinking, thinking_ms, thinking_since, .. } = draft;
    let checkpoint = Checkpoint { reply, text, thinking, thinking_ms, thinking_since };
    Some((checkpoint, (Arc::clone(open), mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_is_due_once_in_an_interval_however_it_is_cut() {
        let replies: Vec<_> = (0..500).map(|_| MessageId::new()).collect();
        for cut in [1, 3, 7, SLOTS - 1, SLOTS] {
            let mut times = vec![0; replies.len()];
            let mut from = 5;
            while from < 5 + SLOTS {
                let to = (from + cut).min(5 + SLOTS);
                let due = Due { from: from % SLOTS, to: from % SLOTS + (to - from) };
                replies.iter().zip(&mut times).for_each(|(reply, times)| *times += u32::from(due.has(*reply)));
                from = to;
            }
            assert!(times.iter().all(|times| *times == 1), "{cut}: {times:?}");
        }
    }

    #[test]
    fn few_replies_are_visited_together_and_many_a_few_at_a_time() {
        let slots = [0, 1, 31, 32, 100, 250, 400, 1_000, 1 << 40].map(slots_for);
        assert_eq!(slots, [SLOTS, SLOTS, SLOTS, SLOTS / 2, 6, 2, 1, 1, 1]);
    }

    #[test]
    fn after_a_pause_all_are_due() {
        assert!((0..100).all(|_| Due { from: 7, to: 7 + 3 * SLOTS }.has(MessageId::new())));
    }

    #[test]
    fn the_replies_of_a_moment_are_spread() {
        let mut most = [0; SLOTS as usize];
        for reply in (0..1_000).map(|_| MessageId::new()) {
            (0..SLOTS).for_each(|from| most[from as usize] += u32::from(Due { from, to: from + 1 }.has(reply)));
        }
        assert!(most.iter().all(|count| *count < 100), "{most:?}");
    }
}
