//! Traces by OTLP: spans of requests and replies, collected where `tracing` closes them and sent to a collector as JSON over
//! HTTP. By hand, because it is little: docs/decisions.md says what the kept crates cost.
//!
//! Nothing waits for the collector. Spans that it does not take are counted, reported in the log and forgotten.

mod export;
mod json;
mod span;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use export::Exporter;
use span::Collector;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterFn, filter_fn};

/// Spans that wait to be sent: about four seconds of a busy server, 4 MiB.
const WAITING: usize = 4_096;
/// How long the end of the process waits for the last spans to be sent.
pub const LAST: Duration = Duration::from_secs(2);

/// The sending of spans. It goes on until [`Traces::finish`].
pub struct Traces {
    stop: CancellationToken,
    give_up: CancellationToken,
    task: JoinHandle<()>,
}

/// Starts sending to `endpoint`, with `headers` in each request. The layer collects the spans.
///
/// # Errors
/// A sentence that says why there can be no HTTP client.
pub fn start(endpoint: &str, headers: Vec<(HeaderName, HeaderValue)>) -> anyhow::Result<(Traces, Collector)> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let lost = Arc::<Lost>::default();
    let headers: HeaderMap = headers.into_iter().collect();
    let exporter = Exporter::new(format!("{endpoint}/v1/traces"), headers, Arc::clone(&lost))?;
    let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
    let task = tokio::spawn(exporter.run(receiver, stop.clone(), give_up.clone()));
    Ok((Traces { stop, give_up, task }, Collector::new(sender, lost)))
}

/// What is collected: our own spans, and what is logged in them. Libraries' spans name no request.
pub fn ours() -> FilterFn<fn(&Metadata<'_>) -> bool> {
    filter_fn(|about| about.target().starts_with("rivulet") && *about.level() <= Level::INFO)
}

impl Traces {
    /// Sends what was collected, for at most `patience`: a collector that does not answer does not hold up the end. Called
    /// after the last request.
    pub async fn finish(mut self, patience: Duration) {
        self.stop.cancel();
        if timeout(patience, &mut self.task).await.is_err() {
            self.give_up.cancel();
            self.task.await.ok();
        }
    }
}

/// Spans that were not sent.
#[derive(Default)]
struct Lost(AtomicU64);

impl Lost {
    fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}
