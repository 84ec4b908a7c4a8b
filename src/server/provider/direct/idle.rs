//! Connections that wait for the next request.

use super::Held;
use crate::server::sync::lock;
use std::mem::take;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

/// How long a connection is kept, as with reqwest.
const KEPT: Duration = Duration::from_secs(90);
/// How often those are closed that were kept for so long, or that the server has closed: some do so after five seconds.
const SWEEP: Duration = Duration::from_secs(5);
/// How many are kept: each takes about 20 KiB here, and more at the server. More replies than this rarely end together.
const MOST: usize = 256;

#[derive(Default)]
pub(super) struct Idle(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// The last one used is the last.
    connections: Vec<(Held, Instant)>,
    is_swept: bool,
}

impl Idle {
    /// The one that was used last, and is still open.
    pub(super) fn take(&self) -> Option<Held> {
        loop {
            let (mut held, since) = lock(&self.0).connections.pop()?;
            if since.elapsed() < KEPT && held.is_ready() {
                return Some(held);
            }
        }
    }

    pub(super) fn keep(self: &Arc<Self>, held: Held) {
        // Without a runtime all ends.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut waiting = lock(&self.0);
        if MOST <= waiting.connections.len() {
            return;
        }
        waiting.connections.push((held, Instant::now()));
        if !std::mem::replace(&mut waiting.is_swept, true) {
            runtime.spawn(sweep(Arc::downgrade(self)));
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        lock(&self.0).connections.len()
    }

    /// Closes what is of no more use. Returns whether any are left.
    pub(super) fn clean(&self) -> bool {
        let mut connections = take(&mut lock(&self.0).connections);
        // Not under the lock: it reads from each.
        connections.retain_mut(|(held, since)| since.elapsed() < KEPT && held.is_ready());
        let mut waiting = lock(&self.0);
        // Those that came back meanwhile were used later.
        connections.append(&mut waiting.connections);
        waiting.connections = connections;
        waiting.is_swept = !waiting.connections.is_empty();
        waiting.is_swept
    }
}

async fn sweep(idle: Weak<Idle>) {
    loop {
        sleep(SWEEP).await;
        let Some(idle) = idle.upgrade() else { return };
        if !idle.clean() {
            return;
        }
    }
}
