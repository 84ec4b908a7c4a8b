//! Checkpoints of the open replies: many in one transaction, at most once a second, never per token. At the same
//! interval, stops the replies that another process has asked to stop.

use super::{Open, Shared};
use crate::event::Draft;
use crate::server::store::messages::Checkpoint;
use crate::server::sync::lock;
use crate::server::task::round;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// A little under the second that promise S6 allows, so that the write itself fits in as well.
const EVERY: Duration = Duration::from_millis(950);

/// Runs until the engine is dropped.
pub(super) async fn run(shared: Weak<Shared>) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        round(&shared.metrics, "checkpoint", visit(&shared)).await;
    }
}

async fn visit(shared: &Shared) {
    let open: Vec<Arc<Open>> = lock(&shared.open).values().cloned().collect();
    if !open.is_empty() {
        save(shared, &open).await;
        stop(shared).await;
    }
}

async fn save(shared: &Shared, open: &[Arc<Open>]) {
    let (drafts, seqs): (Vec<_>, Vec<_>) = open.iter().filter_map(changed).unzip();
    if drafts.is_empty() {
        return;
    }
    let began = Instant::now();
    let written = shared.store.checkpoint(shared.store.process(), &drafts).await;
    shared.metrics.checkpoint.observe(began.elapsed());
    match written {
        Ok(()) => seqs.iter().for_each(|(open, seq)| open.saved.store(*seq, Ordering::Relaxed)),
        // The text is safe in memory; the next tick retries with all of it.
        Err(error) => {
            shared.metrics.checkpoint_failures.inc();
            tracing::warn!(%error, replies = drafts.len(), "A checkpoint was not written");
        }
    }
}

async fn stop(shared: &Shared) {
    match shared.store.asked_to_stop().await {
        Ok(asked) => asked.into_iter().filter_map(|reply| shared.find(reply)).for_each(|open| open.stop.cancel()),
        Err(error) => tracing::warn!(%error, "Whether another process was asked to stop a reply cannot be read"),
    }
}

/// The reply's draft, if it grew since the last checkpoint.
fn changed(open: &Arc<Open>) -> Option<(Checkpoint, (Arc<Open>, u64))> {
    let (cursor, draft) = open.journal.end_if_after(open.saved.load(Ordering::Relaxed))?;
    let draft = draft.filter(|draft| draft.reply == open.reply)?;
    let Draft { reply, text, thinking, thinking_ms, thinking_since, .. } = draft;
    let checkpoint = Checkpoint { reply, text, thinking, thinking_ms, thinking_since };
    Some((checkpoint, (Arc::clone(open), cursor.seq)))
}
