//! All loads one after another, then the next round: a minute of a slow machine affects one round of several loads, not all
//! rounds of one.

use crate::client::Way;
use crate::report::Report;
use crate::series::{Series, Shape};
use crate::{burst, cost, latency};
use std::time::{Duration, Instant};

pub struct Rounds {
    pub shapes: Vec<Shape>,
    /// The rounds of each load.
    pub count: usize,
    /// What is compared with the relay.
    pub rivulet: Way,
}

/// Discarded rounds are repeated until this time: all of `make bench` must end within ten minutes.
const TIME_FOR_MORE: Duration = Duration::from_secs(480);
/// The most discarded rounds of one load: on a machine with constant steal, more rounds do not help.
const MOST_DISCARDED: usize = 3;

pub async fn measure(rounds: &Rounds, report: &mut Report) -> anyhow::Result<()> {
    if rounds.shapes.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    let mut all: Vec<_> = rounds.shapes.iter().cloned().map(Series::new).collect();
    for round in 0..rounds.count {
        let so_far = began.elapsed().as_secs();
        eprintln!(
            "bench: {} loads, round {} of {}, {so_far} s after the first ...",
            all.len(),
            round + 1,
            rounds.count
        );
        for series in &mut all {
            series.round(round, rounds.rivulet).await?;
        }
    }
    let lacks = |series: &Series| series.kept.len() < rounds.count && series.discarded <= MOST_DISCARDED;
    while began.elapsed() < TIME_FOR_MORE
        && let Some(series) = all.iter_mut().find(|series| lacks(series))
    {
        series.round(series.kept.len() + series.discarded, rounds.rivulet).await?;
    }
    latency::rows(&all, report);
    burst::rows(&all, report);
    cost::rows(&all, report);
    all.iter().for_each(|series| report.add_load(series));
    Ok(())
}
