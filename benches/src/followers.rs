//! Many viewers of one conversation: what each costs while nothing happens, and how long a reply's last token takes to
//! reach the last of them.

use crate::follower::{CONNECT_TOGETHER, Follower, Target};
use crate::http::Caller;
use crate::machine::slab_kib;
use crate::process::Program;
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::scene::{self, Person};
use crate::times::Times;
use crate::usage::Look;
use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// The number of followers that the design speaks of.
const OF: usize = 10_000;
/// The memory budget of each, idle (design, 10).
const MAX_KIB: f64 = 12.0;
/// The budget from the last token to the last of them (design, 10).
const MAX_MS: f64 = 120.0;
/// A reply of five pieces, half a second apart: each has reached all followers before the next is written.
const TEXT: &str = "one.two.tri.for.last";
const PIECE_CHARS: usize = 4;
const GAP_MS: u64 = 500;
/// The end of the last token on the wire. The user's message, quoted in an event, does not contain this.
const LAST: &[u8] = b"\"last\"}";
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn measure(count: usize, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: {count} followers ...");
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet(upstream.address).await?;
    let mut person = Person::new(rivulet.address).await?;
    let clock = Clock::of(&upstream).await?;
    let (before, slab) = (rivulet.settled_kib().await?, slab_kib()?);
    let target = Target::of(rivulet.address, &person);
    let followers: Vec<_> = stream::iter(0..count)
        .map(|index| Follower::new(&target, index))
        .buffer_unordered(CONNECT_TOGETHER)
        .try_collect()
        .await?;
    let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / count as f64;
    let memory = each(rivulet.settled_kib().await?, before);
    let what = format!("memory per idle follower, of {count}");
    let goal = |most| (OF <= count).then(|| Budget::most(most));
    report.add(Row::alone(what, "KiB", memory).with(goal(MAX_KIB)));
    let kernel = each(slab_kib()?, slab);
    report.add(Row::alone("the same in the kernel, both ends of its connection".into(), "KiB", kernel));

    let began = Look::now(std::slice::from_ref(&rivulet), &upstream)?;
    let served = fan_out(&clock, &upstream, &mut person, followers).await?;
    let usage = Look::now(std::slice::from_ref(&rivulet), &upstream)?.since(&began)?;
    for (name, percentile) in [("half of them", 50), ("99 in 100", 99), ("the last", 100)] {
        let what = format!("last token to {count} followers: {name}");
        let goal = (name == "the last").then(|| goal(MAX_MS)).flatten();
        report.add(Row::alone(what, "ms", served.millis(percentile)).with(goal).during(&usage));
    }
    Ok(())
}

/// From the upstream's last token to each follower's having it.
async fn fan_out(
    clock: &Clock,
    upstream: &Program,
    person: &mut Person,
    followers: Vec<Follower>,
) -> anyhow::Result<Times> {
    let count = followers.len();
    let mut waiting = JoinSet::new();
    for mut follower in followers {
        waiting.spawn(async move { follower.until(LAST).await });
    }
    person.send(&json!({ "text": TEXT, "piece_chars": PIECE_CHARS, "gap_ms": GAP_MS })).await?;
    let mut arrived = Vec::new();
    let all = async {
        while let Some(ended) = waiting.join_next().await {
            arrived.push(ended??);
        }
        anyhow::Ok(())
    };
    let in_time = timeout(PATIENCE, all).await;
    in_time.with_context(|| format!("after {PATIENCE:?} not all of the {count} followers had the last token"))??;
    let written = clock.last_end(upstream).await?;
    Times::new(arrived.into_iter().map(|at: Instant| at.saturating_duration_since(written)))
}

/// The upstream tells its times in milliseconds since its own start; this is when that was by our clock.
struct Clock {
    upstream_start: Instant,
}

impl Clock {
    /// As exact as the question is short; its length is under a millisecond, and so is the rounding.
    async fn of(upstream: &Program) -> anyhow::Result<Self> {
        let mut caller = Caller::new(upstream.address).await?;
        let asked = Instant::now();
        let request = scene::request(&json!({}));
        let answer = caller.call(Method::POST, "/v1/messages", scene::HEADERS, Some(&request)).await?;
        drop(answer);
        let (started, _) = last_seen(upstream).await?;
        Ok(Self { upstream_start: asked - started })
    }

    /// When the upstream wrote the end of its last answer, which comes right behind the last token.
    async fn last_end(&self, upstream: &Program) -> anyhow::Result<Instant> {
        let (started, lasted) = last_seen(upstream).await?;
        ensure!(!lasted.is_zero(), "the upstream has not ended its answer");
        Ok(self.upstream_start + started + lasted)
    }
}

/// When the upstream's last request came, and how long its answer took.
async fn last_seen(upstream: &Program) -> anyhow::Result<(Duration, Duration)> {
    let seen = Caller::new(upstream.address).await?.get("/seen").await?;
    let last = seen.as_array().and_then(|seen| seen.last()).context("the upstream has seen no request")?;
    let millis = |name: &str| Duration::from_millis(last[name].as_u64().unwrap_or_default());
    Ok((millis("started_ms"), millis("ended_ms")))
}
