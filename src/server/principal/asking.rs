//! The principal for whom a task works.
//!
//! A caller is authenticated when the request's body has arrived. Between that and a write there may be a queue, so
//! each write of a request checks the principal once more, inside its transaction (`store/asking`). The principal is
//! bound to the task, and `task::owned` passes it on: no entry point can forget it. The server's own tasks have none.

use crate::server::principal::Principal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static ASKING: Option<Asking>;
}

/// The principal, and whether a write was refused because its credential was withdrawn meanwhile.
#[derive(Clone, Debug)]
pub struct Asking {
    pub who: Principal,
    refused: Arc<AtomicBool>,
}

impl Asking {
    pub fn new(who: Principal) -> Self {
        Self { who, refused: Arc::default() }
    }

    pub fn refuse(&self) {
        self.refused.store(true, Ordering::SeqCst);
    }

    pub fn is_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}

/// Does `work` for this principal.
pub async fn with<T>(asking: Option<Asking>, work: impl Future<Output = T>) -> T {
    ASKING.scope(asking, work).await
}

/// The principal for whom this task works.
pub fn current() -> Option<Asking> {
    ASKING.try_with(Clone::clone).ok().flatten()
}
