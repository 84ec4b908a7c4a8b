//! Thousands of viewers come back at the same time (row F26 of the fault matrix): spread, when the server has told them to
//! go, and all at the same time, when it was killed.

use super::Phase;
use crate::follower::{CONNECT_TOGETHER, Follower, Target};
use crate::scene::{self, Person};
use crate::times::Times;
use anyhow::Context;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// For 99 in 100, from the attempt to the first frame.
const MAX_MS: f64 = 5_000.0;
/// The retry times that a draining server sends to its viewers: from half a second to five.
const HINTS_MS: std::ops::Range<u64> = 500..5_000;
const SLICE_MS: u64 = 500;
/// More than the last frame of a stream.
const LAST_BYTES: usize = 64;

pub async fn run(count: usize) -> anyhow::Result<Phase> {
    let database = scene::new_database()?;
    let upstream = scene::upstream().await?;
    let mut rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let address = rivulet.address;
    let mut person = Person::new(address).await?;
    // A conversation with a message and its reply, to have content.
    person.send(&json!({})).await?;
    let target = Target::of(address, &person);
    let mut violations = Vec::new();

    let followers = connect(&target, count).await?;
    let leaving = followers.into_iter().map(|follower| tokio::spawn(told(follower)));
    let leaving: Vec<_> = leaving.collect();
    rivulet.end().await?;
    let told: Vec<_> = join_all(leaving).await.into_iter().collect::<Result<_, _>>()?;
    let hints: Vec<u64> = told.iter().filter_map(|(hint, _)| *hint).collect();
    violations.extend(spread(&hints, count));
    rivulet = scene::rivulet_at(address, &database, upstream.address, &[]).await?;
    let when = told.iter().map(|(hint, at)| *at + Duration::from_millis(hint.unwrap_or_default()));
    let (times, back) = come_back(&target, when.collect()).await?;
    violations.extend(slow(&times, "spread"));
    let spread_words = words(&times);

    let cut: Vec<_> = back.into_iter().map(|follower| tokio::spawn(follower.rest(LAST_BYTES))).collect();
    // SIGKILL.
    drop(rivulet);
    for cut in cut {
        cut.await?;
    }
    let _rivulet = scene::rivulet_at(address, &database, upstream.address, &[]).await?;
    let (times, _back) = come_back(&target, vec![Instant::now(); count]).await?;
    violations.extend(slow(&times, "all at once"));
    let line = format!(
        "{count} viewers back after an orderly end, first frame {spread_words}, and after a kill all at once, first frame {}",
        words(&times)
    );
    Ok(Phase { line, violations })
}

async fn connect(target: &Target, count: usize) -> anyhow::Result<Vec<Follower>> {
    let connecting = stream::iter(0..count).map(|index| Follower::new(target, index));
    connecting.buffer_unordered(CONNECT_TOGETHER).try_collect().await
}

/// The retry time that the viewer was sent, in milliseconds from its end, and the time of that end.
async fn told(follower: Follower) -> (Option<u64>, Instant) {
    let last = follower.rest(LAST_BYTES).await;
    let hint = last.rsplit_once("retry: ").and_then(|(_, rest)| rest.split('\n').next()?.parse().ok());
    (hint, Instant::now())
}

/// Reconnects each viewer at its time. Returns how long each waited for its first frame: an answer of another status
/// than 200 has none.
async fn come_back(target: &Target, when: Vec<Instant>) -> anyhow::Result<(Times, Vec<Follower>)> {
    let coming = when.into_iter().enumerate().map(|(index, at)| {
        let target = target.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let began = Instant::now();
            let follower = Follower::new(&target, index).await.context("a viewer did not come back")?;
            anyhow::Ok((began.elapsed(), follower))
        })
    });
    let coming: Vec<_> = coming.collect();
    let mut back = Vec::new();
    for came in coming {
        back.push(came.await??);
    }
    let (times, followers): (Vec<_>, Vec<_>) = back.into_iter().unzip();
    Ok((Times::new(times)?, followers))
}

fn words(times: &Times) -> String {
    format!("p50 {:.0} ms, p99 {:.0} ms", times.millis(50), times.millis(99))
}

fn slow(times: &Times, how: &str) -> Option<String> {
    let late = MAX_MS < times.millis(99);
    late.then(|| format!("viewers who came back {how} waited for {} for their first frame", words(times)))
}

/// Checks that every viewer was sent a retry time, and that they are spread evenly over the half seconds.
fn spread(hints: &[u64], count: usize) -> Option<String> {
    let from = |start: u64| hints.iter().filter(|hint| (start..start + SLICE_MS).contains(hint)).count();
    let counts: Vec<usize> = HINTS_MS.step_by(SLICE_MS as usize).map(from).collect();
    let fair = count / counts.len();
    let even = counts.iter().all(|count| (fair / 2..=fair * 2).contains(count));
    let all = counts.iter().sum::<usize>() == count;
    (!even || !all)
        .then(|| format!("of {count} viewers {} were told to come back, by half seconds {counts:?}", hints.len()))
}
