//! Periodic work that no request triggers. Such a loop has to go on: when one ends, the server looks healthy, but stops
//! saving, disconnecting or forgetting.

use super::drain::Drain;
use super::search::indexing::Indexing;
use super::store::presence::Sole;
use super::task::round;
use super::{Shared, State, accounts, conversations, desk, images, oidc, queue};
use std::panic::resume_unwind;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often to forget idle journals, quiet senders, unsent images, unused sessions and abandoned guests.
const SWEEP: Duration = Duration::from_secs(60);
/// How often to look whether the write-ahead log is to be folded: at 20 MB a second it has then grown by 10.
const LOG: Duration = Duration::from_millis(500);
/// How often to check whether the journals take too much memory.
const CROWDED: Duration = Duration::from_secs(1);

/// How often to delete the conversations whose time to be brought back is over.
const LEAVING: Duration = Duration::from_secs(1);

/// Deletes the conversations that were marked for it, also those that a process has marked that is gone.
pub(super) async fn let_leave(state: Weak<Shared>, drain: Drain) {
    while timeout(LEAVING, drain.begun()).await.is_err() {
        let Some(state) = state.upgrade().map(State) else { return };
        round(&state.metrics, "leaving", conversations::leaving::sweep(&state)).await;
    }
}

/// How often to look whether messages wait that a process has left behind.
const QUEUE: Duration = Duration::from_secs(1);
/// Where a hundred replies end in a second, one look is for ten of them.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Sends the messages that wait for the end of a reply: when one ends here, and what other processes have left.
pub(super) async fn send_queued(state: Weak<Shared>, drain: Drain) {
    while let Some(state) = state.upgrade().map(State) {
        let ended = async {
            let _ = timeout(QUEUE, state.engine.reply_ended()).await;
        };
        tokio::select! {
            () = drain.begun() => return,
            () = ended => {}
        }
        round(&state.metrics, "queue", queue::sweep(&state)).await;
        drop(state);
        if timeout(BETWEEN_LOOKS, drain.begun()).await.is_ok() {
            return;
        }
    }
}

/// How often to look whether the search index is to be written: what is deleted is then out of it within seconds.
const INDEX: Duration = Duration::from_secs(2);
/// The pause between two rounds where there is more to do: an index of an existing database takes a third of a processor.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(200);

/// Keeps the search index, behind what is written.
pub(super) async fn index(state: Weak<Shared>, drain: Drain) {
    let mut indexing = Indexing::default();
    let mut pause = INDEX;
    while timeout(pause, drain.begun()).await.is_err() {
        let Some(state) = state.upgrade().map(State) else { return };
        let mut has_more = false;
        round(&state.metrics, "index", async { has_more = indexing.sweep(&state).await }).await;
        pause = if has_more { BETWEEN_ROUNDS } else { INDEX };
    }
}

/// How often to ask local servers for their models: a user who pulls a model expects it to appear.
pub(super) async fn discover(state: Weak<Shared>, drain: Drain) {
    while let Some(state) = state.upgrade() {
        round(&state.metrics, "discovery", state.providers.discover()).await;
        let every = state.bounds.discovery;
        drop(state);
        if timeout(every, drain.begun()).await.is_ok() {
            return;
        }
    }
}

/// Shortens the journals where they take too much memory. On a blocking thread: it can take a while.
pub(super) async fn make_room(state: Weak<Shared>, drain: Drain) {
    while timeout(CROWDED, drain.begun()).await.is_err() {
        let Some(state) = state.upgrade() else { return };
        if !state.journals.is_crowded() {
            continue;
        }
        let journals = Arc::clone(&state.journals);
        let work = async {
            if let Err(error) = spawn_blocking(move || journals.make_room()).await {
                resume_unwind(error.into_panic());
            }
        };
        round(&state.metrics, "memory", work).await;
    }
}

/// Folds the write-ahead log into the database's file, away from what users wait for. It goes on during a drain, in
/// which replies still end.
pub(super) async fn tend_log(state: Weak<Shared>) {
    let mut is_failing = false;
    let mut ticks = interval(LOG);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(state) = state.upgrade() else { return };
        let mut result = Ok(());
        round(&state.metrics, "log", async { result = state.store.tend_log().await }).await;
        match result {
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::warn!(%error, "The write-ahead log could not be folded into the database's file");
            }
            Err(_) => {}
            Ok(()) => is_failing = false,
        }
    }
}

/// Ends with the drain, or when the state is dropped.
pub(super) async fn sweep(state: Weak<Shared>, drain: Drain) {
    let mut guests = accounts::GuestSweep::default();
    while timeout(SWEEP, drain.begun()).await.is_err() {
        let Some(state) = state.upgrade().map(State) else { return };
        round(&state.metrics, "sweep", sweep_once(&state, &mut guests)).await;
    }
}

/// Continues deletions that were begun, unless another node is at it.
pub(super) async fn resume_deletions(state: &State) {
    if let Some(sole) = alone(state).await {
        accounts::resume_deletions(state).await;
        sole.end().await;
    }
}

/// What one node does for all of them: the others would wait for each of its writes, only to find nothing left to do.
async fn sweep_for_all(state: &State, guests: &mut accounts::GuestSweep) {
    let Some(sole) = alone(state).await else { return };
    // First: what takes long must not let them become many, which every node reads four times a second.
    if let Err(error) = state.store.forget_news().await {
        tracing::warn!(%error, "News that every node has seen could not be forgotten");
    }
    accounts::resume_deletions(state).await;
    guests.sweep(state).await;
    desk::sweep(state).await;
    if let Err(error) = state.store.forget_revocations().await {
        tracing::warn!(%error, "What was withdrawn long ago could not be forgotten");
    }
    sole.end().await;
}

async fn alone(state: &State) -> Option<Sole> {
    state.store.sole().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "Whether another node sweeps already could not be looked at");
        None
    })
}

async fn sweep_once(state: &State, guests: &mut accounts::GuestSweep) {
    let left = state.journals.sweep();
    state.limits.sweep();
    state.throttle.sweep();
    images::sweep(state).await;
    match state.store.end_unused_sessions().await {
        Ok(ended) => ended.into_iter().for_each(|revoked| state.grants.revoke(revoked)),
        Err(error) => tracing::warn!(%error, "Sessions that nobody uses could not be ended"),
    }
    sweep_for_all(state, guests).await;
    if let Err(error) = state.store.forget_states(2 * Duration::from_secs(60 * oidc::MINUTES)).await {
        tracing::warn!(%error, "Ways back from the OpenID Connect issuer could not be forgotten");
    }
    tracing::debug!(journals = left, "Swept");
}
