//! What has happened, in order, so that a failure can be understood: the nodes', what people did, and each viewer's.

use crate::server::sync::lock;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The lines of the whole cluster's story in a report, at most.
const MOST_LINES: usize = 400;

/// The story of everything but what viewers see.
#[derive(Clone)]
pub(super) struct Story {
    began: Instant,
    lines: Arc<Mutex<Vec<(Duration, String)>>>,
}

impl Story {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), lines: Arc::default() }
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn tell(&self, line: String) {
        lock(&self.lines).push((self.now(), line));
    }

    /// Drops what has ended well.
    pub(super) fn forget(&self) {
        lock(&self.lines).clear();
    }

    /// Together with a viewer's own lines, in the order of time.
    pub(super) fn with(&self, viewer: &[(Duration, String)]) -> String {
        let own = viewer.iter().map(|(at, line)| (*at, format!("      {line}")));
        let mut all: Vec<_> = lock(&self.lines).iter().cloned().chain(own).collect();
        all.sort_by_key(|(at, _)| *at);
        let lines = all[all.len().saturating_sub(MOST_LINES)..].iter();
        lines.map(|(at, line)| format!("{:9.3} {line}\n", at.as_secs_f64())).collect()
    }
}
