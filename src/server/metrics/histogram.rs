//! A histogram of times without a lock: every piece of every reply adds to one of these.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// In seconds, ascending.
    bounds: &'static [f64],
    /// One for each bound, and one for what is above the last.
    counts: Box<[AtomicU64]>,
    nanoseconds: AtomicU64,
}

impl Histogram {
    pub fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds, counts, nanoseconds: AtomicU64::new(0) }))
    }

    pub fn observe(&self, time: Duration) {
        let Inner { bounds, counts, nanoseconds } = &*self.0;
        let seconds = time.as_secs_f64();
        let bucket = bounds.iter().position(|bound| seconds <= *bound).unwrap_or(bounds.len());
        counts[bucket].fetch_add(1, Ordering::Relaxed);
        nanoseconds.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Inner { bounds, counts, nanoseconds } = &*self.0;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(counts.iter().map(|count| count.load(Ordering::Relaxed))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = Duration::from_nanos(nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::histogram::Histogram as Theirs;
    use prometheus_client::registry::{Metric, Registry};

    #[test]
    fn it_is_written_as_the_library_writes_its_own() {
        const BOUNDS: [f64; 3] = [0.5, 1.0, 2.0];
        let (ours, theirs) = (Histogram::new(&BOUNDS), Theirs::new(BOUNDS));
        for ms in [0, 250, 500, 501, 1_000, 1_500, 2_000, 2_001, 90_000] {
            ours.observe(Duration::from_millis(ms));
            theirs.observe(Duration::from_millis(ms).as_secs_f64());
        }
        assert_eq!(written(ours), written(theirs));
    }

    fn written(metric: impl Metric) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register("times", "Help", metric);
        encode(&mut text, &registry).unwrap();
        text
    }
}
