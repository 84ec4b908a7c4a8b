//! Latencies under a Poisson load: from a message's planned time to its reply's first token, and between tokens.

use crate::report::Report;
use crate::row::{Budget, Row};
use crate::series::{Series, Shape};

/// The goal for the time that Rivulet adds to the relay's first token at p99, in milliseconds (design, 10). It is judged
/// at 1,000 open replies, and at 400 because 1,000 may fill the machine.
const ADDED_MS: f64 = 2.0;
const FEWEST_OPEN: f64 = 400.0;

/// In thousandths.
const P50: usize = 500;
const P99: usize = 990;
const P999: usize = 999;

pub fn rows(all: &[Series], report: &mut Report) {
    for series in all {
        let Shape::Poisson(load) = &series.shape else { continue };
        let name = series.shape.name();
        for (percentile, rank) in [("p50", P50), ("p99", P99), ("p99.9", P999)] {
            let [relay, rivulet] = series.thousandth(rank, |seen| Some(seen.firsts.clone()));
            if relay.or(rivulet).is_none() && !series.kept.is_empty() {
                // Too few messages for this percentile.
                continue;
            }
            let goal = (rank == P99 && FEWEST_OPEN <= load.open()).then(|| Budget::added(ADDED_MS, "ms"));
            let what = format!("first token, {name}, {percentile}");
            report.add(Row::beside(what, "ms", relay, rivulet).with(goal).latency().under(series));
        }
        for (percentile, rank) in [("p50", P50), ("p99", P99)] {
            let [relay, rivulet] = series.thousandth(rank, |seen| seen.gaps.clone());
            let what = format!("between tokens, {name}, {percentile}");
            report.add(Row::beside(what, "ms", relay, rivulet).latency().under(series));
        }
    }
}
