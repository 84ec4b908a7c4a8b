//! What an open reply costs in memory, in the middle of it and without viewers.

use crate::http::Caller;
use crate::process::Program;
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::scene::{self, Person};
use crate::sse::{Events, Seen};
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use hyper::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const GAP_MS: u64 = 50;
/// The number of open replies that the design speaks of.
const OF: usize = 1_000;
/// The memory budget of each (design, 10).
const MAX_KIB: f64 = 48.0;
/// How much longer than the upstream's pace the replies may take to get this far.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many replies are open when memory is read, and how many pieces each of them has.
#[derive(Clone, Copy)]
pub struct Open {
    pub replies: usize,
    pub pieces: usize,
}

pub async fn measure(open: Open, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: memory of {} open replies ...", open.replies);
    let relay = async { by_relay(open).await.context("by the bare relay") };
    let rivulet = async { by_rivulet(open).await.context("by Rivulet") };
    // Both loads together would fill the machine, unless they are small.
    let (relay, rivulet) =
        if open.replies < OF { futures::try_join!(relay, rivulet)? } else { (relay.await?, rivulet.await?) };
    let what = format!("memory per open reply, {} pieces in", open.pieces);
    let goal = (OF <= open.replies).then(|| Budget::most(MAX_KIB));
    report.add(Row::beside(what, "KiB", relay, rivulet).with(goal));
    Ok(())
}

/// Writes `pieces` pieces and then stays open without text.
fn script(pieces: usize) -> Value {
    json!({ "pieces": pieces + 1, "gap_ms": GAP_MS, "silence_after": pieces })
}

async fn by_rivulet(open: Open) -> anyhow::Result<f64> {
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet(upstream.address).await?;
    let mut people = Person::many(rivulet.address, open.replies).await?;
    let before = rivulet.settled_kib().await?;
    let script = script(open.pieces);
    try_join_all(people.iter_mut().map(|person| person.send(&script))).await?;
    written(&upstream, open).await?;
    per_reply(&rivulet, before, open.replies).await
}

/// A relay keeps nothing without a client, so each of its replies has one.
async fn by_relay(open: Open) -> anyhow::Result<f64> {
    let upstream = scene::upstream().await?;
    let relay = scene::relay(upstream.address).await?;
    let before = relay.settled_kib().await?;
    let request = scene::request(&script(open.pieces));
    let opening = (0..open.replies).map(|_| async {
        let mut caller = Caller::new(relay.address).await?;
        let answer = caller.call(Method::POST, "/v1/messages", scene::HEADERS, Some(&request)).await?;
        let mut events = Events::new(answer.into_body());
        let mut pieces = 0;
        while pieces < open.pieces {
            let Seen::Pieces(more) = events.next().await? else { break };
            pieces += more;
        }
        ensure!(pieces == open.pieces, "a reply ended after {pieces} pieces");
        anyhow::Ok((caller, events))
    });
    let streams = try_join_all(opening).await?;
    per_reply(&relay, before, streams.len()).await
}

/// Waits until the upstream has written all that it will.
async fn written(upstream: &Program, open: Open) -> anyhow::Result<()> {
    let limit = PATIENCE + Duration::from_millis(GAP_MS * open.pieces as u64);
    let began = Instant::now();
    loop {
        let seen = Caller::new(upstream.address).await?.get("/seen").await?;
        let seen = seen.as_array().context("the upstream tells no list of requests")?;
        let complete = seen.iter().filter(|request| request["pieces"] == open.pieces).count();
        if complete == open.replies {
            return Ok(());
        }
        ensure!(began.elapsed() < limit, "only {complete} of {} replies were written", open.replies);
        sleep(LOOK_EVERY).await;
    }
}

async fn per_reply(program: &Program, before: u64, replies: usize) -> anyhow::Result<f64> {
    let now = program.settled_kib().await?;
    Ok(now.saturating_sub(before) as f64 / replies as f64)
}
