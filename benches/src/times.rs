//! All measured times, so that percentiles are exact.

use anyhow::ensure;
use std::time::Duration;

#[derive(Clone)]
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
        self.thousandth(percentile * 10)
    }

    /// The smallest time in milliseconds that `rank` in a thousand do not exceed.
    pub fn thousandth(&self, rank: usize) -> f64 {
        let rank = (self.sorted.len() * rank).div_ceil(1000).max(1);
        self.sorted[rank - 1].as_secs_f64() * 1000.0
    }

    /// Whether there are enough times for this percentile: at least one above it.
    fn tells(&self, rank: usize) -> bool {
        1000 <= self.sorted.len() * (1000 - rank)
    }
}

/// The time in milliseconds that `rank` in a thousand do not exceed: the median of the rounds if each has enough times for
/// it, else that of all rounds' times together. `None` if these are too few as well.
pub fn of_rounds(rounds: &[Times], rank: usize) -> Option<f64> {
    if rounds.iter().all(|round| round.tells(rank)) {
        return median(rounds.iter().map(|round| round.thousandth(rank)));
    }
    let all = Times::new(rounds.iter().flat_map(|round| &round.sorted).copied()).ok()?;
    all.tells(rank).then(|| all.thousandth(rank))
}

/// `None` without values. The mean of the middle two if their number is even.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(lower.midpoint(upper))
}
