//! All measured times, so that percentiles are exact.

use anyhow::ensure;
use std::time::Duration;

pub struct Times {
    sorted: Vec<Duration>,
}

impl Times {
    /// # Errors
    /// There are no times.
    pub fn new(times: impl IntoIterator<Item = Duration>) -> anyhow::Result<Self> {
        let mut sorted: Vec<_> = times.into_iter().collect();
        ensure!(!sorted.is_empty(), "nothing was measured");
        sorted.sort_unstable();
        Ok(Self { sorted })
    }

    /// The percentile in milliseconds: the smallest time that `percentile` in a hundred do not exceed.
    pub fn millis(&self, percentile: usize) -> f64 {
        let rank = (self.sorted.len() * percentile).div_ceil(100).max(1);
        self.sorted[rank - 1].as_secs_f64() * 1000.0
    }
}
