//! A viewer comes back in the middle of a reply: from connecting to the first frame, while a hundred replies run.

use crate::report::Report;
use crate::row::Row;
use crate::scene::{self, Person};
use crate::times::Times;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const REPLIES: usize = 100;
const GAP_MS: u64 = 50;
/// How long a viewer was away, and thus how much was written meanwhile.
const AWAY: Duration = Duration::from_secs(1);
/// Long enough for all of them to come back in the middle.
const PIECES: usize = 2_400;

pub async fn measure(count: usize, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: {count} viewers come back ...");
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet(upstream.address).await?;
    let mut people = Person::many(rivulet.address, REPLIES).await?;
    let script = json!({ "pieces": PIECES, "gap_ms": GAP_MS });
    try_join_all(people.iter_mut().map(|person| person.send(&script))).await?;
    let mut times = Vec::new();
    let mut left = count;
    while left > 0 {
        let now = left.min(REPLIES);
        let cursors = try_join_all(people[..now].iter_mut().map(Person::cursor)).await?;
        sleep(AWAY).await;
        for (person, cursor) in people.iter().zip(&cursors) {
            times.push(resume(person, cursor).await?);
        }
        left -= now;
    }
    let times = Times::new(times)?;
    for (name, percentile) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let what = format!("resuming in the middle of a reply, {name}");
        report.add(Row::alone(what, "ms", times.millis(percentile)));
    }
    Ok(())
}

async fn resume(person: &Person, cursor: &str) -> anyhow::Result<Duration> {
    let asked = Instant::now();
    let mut caller = person.caller.again().await?;
    let answer = caller.call(Method::GET, &person.events(), &[("last-event-id", cursor)], None).await?;
    let first = answer.into_body().frame().await.context("the stream ended at once")??;
    let took = asked.elapsed();
    let first = String::from_utf8_lossy(first.data_ref().context("the stream has no first frame")?).into_owned();
    ensure!(first.contains("event: resumed"), "a viewer was not resumed but told: {first}");
    Ok(took)
}
