//! In whose name a task works.
//!
//! Whoever sends a request is named when its body is there. Between that and a write there may be a queue, so each write of
//! a request asks once more, inside its transaction (`store/asking`). That is bound to the task, and handed on by
//! `task::owned`: no door can forget it. What the server does in tasks of its own is asked by nobody.

use super::Who;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static ASKING: Option<Asking>;
}

/// Who asks, and whether something was refused because what let them in was withdrawn meanwhile.
#[derive(Clone, Debug)]
pub struct Asking {
    pub who: Who,
    refused: Arc<AtomicBool>,
}

impl Asking {
    pub fn new(who: Who) -> Self {
        Self { who, refused: Arc::default() }
    }

    pub fn refuse(&self) {
        self.refused.store(true, Ordering::SeqCst);
    }

    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}

/// Does `work` in this name.
pub async fn with<T>(asking: Option<Asking>, work: impl Future<Output = T>) -> T {
    ASKING.scope(asking, work).await
}

/// In whose name this task works.
pub fn current() -> Option<Asking> {
    ASKING.try_with(Clone::clone).ok().flatten()
}
