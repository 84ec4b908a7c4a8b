//! A thousand viewers that stopped reading (row F21 of the fault matrix): a process with their connections is stopped, as a
//! laptop that sleeps. What others see must not get slower, they are let go of in time, and their memory comes back.

use super::Phase;
use super::gauges::{metrics, value};
use crate::follower::{CONNECT_TOGETHER, Follower, Target};
use crate::http::Caller;
use crate::process::{Program, signal};
use crate::scene::{self, Person};
use crate::sse::{Events, Seen};
use crate::times::Times;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The viewers who keep reading, and whose gaps are measured.
const READING: usize = 50;
/// Each with and without the stopped ones, alternately, so that other load on the machine affects both.
const ROUNDS: usize = 5;
/// Nearly as long a reply as there is, as quick as pieces are shown: more than the buffers on the way can hold. It ends
/// before the stopped ones are let go of.
const TEXT_CHARS: usize = 900_000;
const PIECE_CHARS: usize = 1_600;
const GAP_MS: u64 = 25;
/// How much the gap may grow that 99 in 100 do not exceed (issue 3).
const MAX_GROWN: f64 = 1.2;
/// From a full send buffer of a stopped viewer (promise S11), with a margin for the polling.
const LET_GO: Duration = Duration::from_secs(32);
/// What may remain of the memory that the stopped ones took: pools, and the end of the last reply's journal.
const MAX_LEFT: f64 = 0.2;
/// When it has to be back: journals are swept once a minute.
const GIVEN_BACK: Duration = Duration::from_secs(75);
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub async fn run(count: usize) -> anyhow::Result<Phase> {
    let upstream = scene::upstream().await?;
    let settings = [("RIVULET_WINDOW_SECONDS", "5")];
    let rivulet = scene::rivulet_with(&scene::new_database()?, upstream.address, &settings).await?;
    let scene = Scene { upstream, rivulet, count };
    // The first fills pools and caches.
    let before_kib = scene.round(false).await?.after_kib;
    let mut sum = Sum { before_kib, ..Sum::default() };
    for _ in 0..ROUNDS {
        let without = scene.round(false).await?;
        let with = scene.round(true).await?;
        sum.without.push(without.gaps);
        sum.with.push(with.gaps);
        sum.peak_kib = sum.peak_kib.max(with.peak_kib);
        sum.let_go = sum.let_go.max(with.let_go);
    }
    let left = Instant::now();
    loop {
        sum.after_kib = scene.rivulet.rss_kib()?;
        if sum.is_back() || GIVEN_BACK < left.elapsed() {
            break;
        }
        sleep(LOOK_EVERY).await;
    }
    sum.judge(count)
}

#[derive(Default)]
struct Sum {
    without: Vec<Times>,
    with: Vec<Times>,
    before_kib: u64,
    peak_kib: u64,
    after_kib: u64,
    let_go: Duration,
}

impl Sum {
    /// Whether their memory has come back.
    fn is_back(&self) -> bool {
        let [before, peak, after] = [self.before_kib, self.peak_kib, self.after_kib].map(|kib| kib as f64);
        after - before <= MAX_LEFT * (peak - before)
    }

    fn judge(self, count: usize) -> anyhow::Result<Phase> {
        let is_back = self.is_back();
        let [before, peak, after] = [self.before_kib, self.peak_kib, self.after_kib].map(|kib| kib as f64 / 1024.0);
        let let_go = self.let_go.as_secs_f64();
        let line = format!(
            "{count} stopped viewers: gap of {READING} others p50 {:.1} ms, p99 {:.1} ms, without them p50 {:.1} ms, p99 \
             {:.1} ms; let go of after {let_go:.1} s; {before:.0} MiB before, {peak:.0} MiB with them, {after:.0} MiB after",
            middle(&self.with, 50),
            middle(&self.with, 99),
            middle(&self.without, 50),
            middle(&self.without, 99),
        );
        let mut violations = Vec::new();
        let mut hold = |held: bool, what: &str| (!held).then(|| violations.push(what.to_owned()));
        hold(middle(&self.with, 99) <= MAX_GROWN * middle(&self.without, 99), "stopped viewers made others wait");
        hold(self.let_go <= LET_GO, "stopped viewers were kept for too long");
        hold(is_back, "the memory of stopped viewers did not come back");
        Ok(Phase { line, violations })
    }
}

/// The percentile of the middle one of the rounds: a machine that stumbled once in one of them is not what is asked.
fn middle(rounds: &[Times], percentile: usize) -> f64 {
    let mut millis: Vec<_> = rounds.iter().map(|round| round.millis(percentile)).collect();
    millis.sort_by(f64::total_cmp);
    millis[millis.len() / 2]
}

struct Scene {
    upstream: Program,
    rivulet: Program,
    count: usize,
}

/// What was seen of one reply.
struct Round {
    gaps: Times,
    peak_kib: u64,
    after_kib: u64,
    let_go: Duration,
}

impl Scene {
    async fn round(&self, with: bool) -> anyhow::Result<Round> {
        let mut person = Person::new(self.rivulet.address).await?;
        let stopped = if with {
            Some(Readers::stopped(&Target::of(self.rivulet.address, &person), self.count).await?)
        } else {
            None
        };
        let script = json!({ "text": "word ".repeat(TEXT_CHARS / 5), "piece_chars": PIECE_CHARS, "gap_ms": GAP_MS });
        scene::next_answer(self.upstream.address, &script).await?;
        let cursor = person.cursor().await?;
        let reading: Vec<_> = (0..READING).map(|_| read(&person, &cursor)).collect();
        let streams = try_join_all(reading).await?;
        person.say("Go on").await?;
        let began = Instant::now();
        let mut gaps = Vec::new();
        let reading: Vec<_> = streams.into_iter().map(|events| tokio::spawn(gaps_of(events))).collect();
        for seen in reading {
            gaps.extend(seen.await??);
        }
        if with {
            let there = self.followers().await?;
            ensure!(self.count <= there, "only {there} stopped viewers were left at the reply's end");
        }
        let peak_kib = self.rivulet.rss_kib()?;
        while self.followers().await? > 0 {
            ensure!(began.elapsed() < LET_GO * 4, "the stopped viewers are still there");
            sleep(LOOK_EVERY).await;
        }
        let let_go = began.elapsed();
        drop(stopped);
        Ok(Round { gaps: Times::new(gaps)?, peak_kib, after_kib: self.rivulet.settled_kib().await?, let_go })
    }

    async fn followers(&self) -> anyhow::Result<usize> {
        let mut caller = Caller::new(self.rivulet.address).await?;
        Ok(value(&metrics(&mut caller).await?, "rivulet_followers")? as usize)
    }
}

async fn read(person: &Person, cursor: &str) -> anyhow::Result<Events> {
    let mut caller = person.caller.again().await?;
    let answer = caller.call(Method::GET, &person.events(), &[("last-event-id", cursor)], None).await?;
    Ok(Events::new(answer.into_body()))
}

/// Between one piece of the reply and the next.
async fn gaps_of(mut events: Events) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    while let Seen::Pieces(_) = events.next().await? {
        times.push(Instant::now());
    }
    Ok(times.windows(2).map(|pair| pair[1] - pair[0]).collect())
}

/// A process of viewers. Ends with this value.
struct Readers(Child);

impl Readers {
    /// They follow, and then the process is stopped.
    async fn stopped(target: &Target, count: usize) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("readers")
            .arg(target.address.to_string())
            .args([&target.path, &target.cookie])
            .arg(count.to_string());
        let mut readers = Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        let mut said = BufReader::new(readers.0.stdout.take().context("it has an output")?);
        tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            said.read_line(&mut line)?;
            ensure!(line == READY, "the viewers did not come");
            Ok(())
        })
        .await??;
        signal("STOP", readers.0.id())?;
        Ok(readers)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const READY: &str = "reading\n";

/// The process of such viewers: says when all of them follow, and reads on.
///
/// # Errors
/// One of them could not follow.
#[expect(clippy::print_stdout, reason = "this line is what the process that started this one waits for")]
pub async fn readers(target: Target, count: usize) -> anyhow::Result<()> {
    let connecting = stream::iter(0..count).map(|index| Follower::new(&target, index));
    let followers: Vec<_> = connecting.buffer_unordered(CONNECT_TOGETHER).try_collect().await?;
    let reading: Vec<_> = followers.into_iter().map(|follower| tokio::spawn(follower.rest(0))).collect();
    print!("{READY}");
    for reader in reading {
        reader.await?;
    }
    Ok(())
}
