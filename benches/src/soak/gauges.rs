//! The server's resources, sampled once a second, and whether they grow.

use crate::http::Caller;
use crate::process::Program;
use crate::scene::METRICS_TOKEN;
use anyhow::Context;
use http_body_util::BodyExt;
use hyper::Method;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

const EVERY: Duration = Duration::from_secs(1);
/// The part of the samples that the server gets to fill its pools, caches and journals.
const WARM_UP: f64 = 0.3;
/// Idle journals go once a minute: with fewer samples in a half, the result depends on when that happens.
const FEWEST_SAMPLES: usize = 300;
/// How much a gauge may grow from one half to the other, and the part of itself by which it may grow.
const GAUGES: [Gauge; 4] = [
    Gauge { name: "RSS", unit: "MiB", slack: 4.0, part: 0.1 },
    Gauge { name: "files", unit: "", slack: 10.0, part: 0.1 },
    Gauge { name: "journal entries", unit: "", slack: 500.0, part: 0.25 },
    Gauge { name: "journal bytes", unit: "MiB", slack: 1.0, part: 0.25 },
];
const MIB: f64 = 1024.0 * 1024.0;

struct Gauge {
    name: &'static str,
    unit: &'static str,
    slack: f64,
    part: f64,
}

/// In the order of [`GAUGES`].
type Sample = [f64; 4];

/// Samples until `until`.
pub async fn watch(rivulet: &Program, until: Instant) -> anyhow::Result<Vec<Sample>> {
    let mut caller = Caller::new(rivulet.address).await?;
    let mut samples = Vec::new();
    let mut next = Instant::now();
    while next < until {
        sleep_until(next).await;
        let metrics = metrics(&mut caller).await?;
        samples.push([
            rivulet.rss_kib()? as f64 / 1024.0,
            rivulet.files()? as f64,
            value(&metrics, "rivulet_journal_entries")?,
            value(&metrics, "rivulet_journal_bytes")? / MIB,
        ]);
        next += EVERY;
    }
    Ok(samples)
}

pub async fn metrics(caller: &mut Caller) -> anyhow::Result<String> {
    let bearer = format!("Bearer {METRICS_TOKEN}");
    let answer = caller.call(Method::GET, "/metrics", &[("authorization", &bearer)], None).await?;
    Ok(String::from_utf8(answer.into_body().collect().await?.to_bytes().to_vec())?)
}

pub fn value(metrics: &str, name: &str) -> anyhow::Result<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("/metrics has no {name}"))?.parse()?)
}

/// Both halves of each gauge as words, and which of them grew.
pub fn judge(samples: &[Sample]) -> (String, Vec<String>) {
    let settled = &samples[(samples.len() as f64 * WARM_UP) as usize..];
    let (first, second) = settled.split_at(settled.len() / 2);
    let (mut words, mut grown) = (String::new(), Vec::new());
    for (index, gauge) in GAUGES.iter().enumerate() {
        let Gauge { name, unit, slack, part } = gauge;
        let (before, after) = (mean(first, index), mean(second, index));
        let told = format!("{name} {before:.1} then {after:.1} {unit}");
        let _ = write!(words, ", {}", told.trim_end());
        if before * (1.0 + part) + slack < after && FEWEST_SAMPLES <= samples.len() {
            grown.push(format!("what should stay as it is grew: {told}"));
        }
    }
    if samples.len() < FEWEST_SAMPLES {
        words.push_str(" (too short to tell whether they grow)");
    }
    (words, grown)
}

fn mean(samples: &[Sample], index: usize) -> f64 {
    samples.iter().map(|sample| sample[index]).sum::<f64>() / samples.len().max(1) as f64
}
