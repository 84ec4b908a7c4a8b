//! Tasks that must not be cancelled, and loops that must go on.

use super::metrics::Metrics;
use super::principal::asking::{self, Asking};
use crate::error::Problem;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use tracing::Instrument;

/// Runs a write to its end in a task of its own, with the caller's rights, also when the caller's request is dropped
/// half-way. A panic in it is propagated to the request.
pub fn owned<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> impl Future<Output = Result<T, Problem>> + Send {
    let work = work.boxed();
    async move { owned_by(asking::current(), work).await }
}

/// Runs a write to its end without the rights of the caller's session: that session ends in it, and another begins.
pub fn owned_by_server<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> impl Future<Output = Result<T, Problem>> + Send {
    owned_by(None, work.boxed())
}

/// The work is in a box from the start: it may be tens of kilobytes, and would be copied on each step into its task.
async fn owned_by<T: Send + 'static>(
    asking: Option<Asking>,
    work: BoxFuture<'static, Result<T, Problem>>,
) -> Result<T, Problem> {
    match tokio::spawn(asking::with(asking, work).in_current_span()).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and the process with it.
            Err(_) => Err(Problem::Internal),
        },
    }
}

/// One round of a loop. A panic ends that round only: it is counted and logged, and the next round tries again.
pub async fn round(metrics: &Metrics, task: &'static str, work: impl Future<Output = ()>) {
    if AssertUnwindSafe(work).catch_unwind().await.is_err() {
        metrics.panic(task);
    }
}
