//! Whether the server is draining.

use crate::error::Problem;
use tokio_util::sync::CancellationToken;

/// Whether the server is draining (promise S13).
#[derive(Clone, Default)]
pub struct Drain {
    begun: CancellationToken,
}

impl Drain {
    /// Starts the drain: not ready, no new replies; viewers are disconnected as soon as their reply has ended.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Completes when the drain begins.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        self.begun.clone().cancelled_owned()
    }

    /// Refuses new work during a drain.
    pub fn admit(&self) -> Result<(), Problem> {
        if !self.has_begun() {
            return Ok(());
        }
        let message = "The server is restarting. What you wrote is not lost; send it again in a moment.".into();
        Err(Problem::Unavailable { message, retry_after_seconds: 2 })
    }
}
