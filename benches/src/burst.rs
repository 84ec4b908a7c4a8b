//! Messages at one time: the times until half of them have their first token, and until all have it. The machine is full
//! until then by design, so these are judged regardless of how busy it is.

use crate::report::Report;
use crate::row::{Budget, Row};
use crate::series::{Series, Shape};

/// The goal for a thousand messages (design, 10): this time, or twice the relay's if that is more, on a slower machine.
const LAST_MS: f64 = 500.0;
const LAST_RATIO: f64 = 2.0;
const OF: usize = 1_000;

pub fn rows(all: &[Series], report: &mut Report) {
    for series in all {
        let Shape::Burst(count) = series.shape else { continue };
        let [relay, rivulet] = series.median(|seen| seen.firsts.millis(50));
        let what = format!("first token, {count} at once, half have it");
        report.add(Row::beside(what, "ms", relay, rivulet).under(series));
        let [relay, rivulet] = series.median(|seen| seen.firsts.millis(100));
        let goal = (count == OF).then(|| Budget::most_or_ratio(LAST_MS, LAST_RATIO));
        let what = format!("first token, {count} at once, the last has it");
        report.add(Row::beside(what, "ms", relay, rivulet).with(goal).under(series));
    }
}
