//! How much memory the journals take: each adds to one sum, so that reading the sum costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one journal takes, in bytes. Subtracted from the sum when it is dropped.
pub(super) struct Held {
    bytes: usize,
    sum: Arc<AtomicUsize>,
}

impl Held {
    pub(super) fn none_of(sum: &Arc<AtomicUsize>) -> Self {
        Self { bytes: 0, sum: Arc::clone(sum) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn more(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.sum.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn less(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.sum.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn clear(&mut self) {
        self.less(self.bytes);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.clear();
    }
}
