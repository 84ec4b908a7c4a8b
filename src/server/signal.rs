//! A sign that something has changed, without saying what. Of every kind that thousands of viewers wait for there is one
//! for each conversation, so it is small: a channel of tokio's that carries nothing takes six times the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// The giving end.
#[derive(Debug, Default)]
pub struct Signal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    times: AtomicU64,
    given: Notify,
}

/// The waiting end: knows which signals it has seen.
#[derive(Clone, Debug)]
pub struct Watcher {
    inner: Arc<Inner>,
    seen: u64,
}

impl Signal {
    /// Something has changed.
    pub fn give(&self) {
        self.0.times.fetch_add(1, Ordering::AcqRel);
        self.0.given.notify_waiters();
    }

    /// Sees the signals from now on.
    pub fn watcher(&self) -> Watcher {
        Watcher { inner: Arc::clone(&self.0), seen: self.0.times.load(Ordering::Acquire) }
    }
}

impl Watcher {
    /// Whether there was a signal since the last that was seen.
    pub fn has_any(&self) -> bool {
        self.inner.times.load(Ordering::Acquire) != self.seen
    }

    /// All signals so far are seen.
    pub fn see(&mut self) {
        self.seen = self.inner.times.load(Ordering::Acquire);
    }

    /// Completes at the next signal, or where there was one that was not seen, and has then seen it. Cancel-safe.
    pub async fn next(&mut self) {
        loop {
            // Before the check: it is notified from here on.
            let given = self.inner.given.notified();
            if self.has_any() {
                break;
            }
            given.await;
        }
        self.see();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_signal_is_seen_once_also_where_nobody_waited() {
        let signal = Signal::default();
        signal.give();
        let mut watcher = signal.watcher();
        assert!(watcher.next().now_or_never().is_none(), "it came before");
        signal.give();
        signal.give();
        assert!(watcher.has_any());
        let mut other = watcher.clone();
        assert!(watcher.next().now_or_never().is_some());
        assert!(watcher.next().now_or_never().is_none());
        other.see();
        assert!(!other.has_any());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn none_is_lost() {
        let signal = Signal::default();
        for _ in 0..2_000 {
            let mut watcher = signal.watcher();
            let waiting = tokio::spawn(async move { watcher.next().await });
            signal.give();
            waiting.await.unwrap();
        }
    }
}
