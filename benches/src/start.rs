//! The start: from the program's execution to `/readyz`, and the memory that it takes at rest.

use crate::http::Caller;
use crate::process::Program;
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::scene;
use crate::times::Times;
use std::path::Path;
use std::time::Duration;

/// On an existing database (design, 10).
const MAX_MS: f64 = 80.0;
const MAX_IDLE_MB: f64 = 30.0;

pub async fn measure(count: usize, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: {count} starts ...");
    let upstream = scene::upstream().await?;
    let database = scene::new_database()?;
    let first = start(&database, &upstream).await?;
    report.add(Row::alone("first start, with a new database".into(), "ms", first.as_secs_f64() * 1000.0));
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(start(&database, &upstream).await?);
    }
    let times = Times::new(times)?;
    report.add(Row::alone("start, median".into(), "ms", times.millis(50)));
    let slowest = Row::alone(format!("start, slowest of {count}"), "ms", times.millis(100));
    report.add(slowest.with(Some(Budget::most(MAX_MS))).latency());

    let rivulet = scene::rivulet_on(&database, upstream.address).await?;
    Caller::guest(rivulet.address).await?;
    let idle = rivulet.settled_kib().await? as f64 * 1024.0 / 1e6;
    report.add(Row::alone("memory at rest, after one page".into(), "MB", idle).with(Some(Budget::most(MAX_IDLE_MB))));
    Ok(())
}

async fn start(database: &Path, upstream: &Program) -> anyhow::Result<Duration> {
    Ok(scene::rivulet_on(database, upstream.address).await?.start_time)
}
