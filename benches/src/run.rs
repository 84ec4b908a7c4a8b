//! One load on one server, in new processes.

use crate::arrivals::{Arrival, Schedule};
use crate::calls::Counting;
use crate::client::{Client, Way};
use crate::desk::Desk;
use crate::process::Program;
use crate::scene;
use crate::sheet::Sheet;
use crate::times::Times;
use crate::usage::{Look, Usage};
use anyhow::{Context, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::sleep;

/// Between the preparation and the first message.
const LEAD: Duration = Duration::from_millis(100);
/// How long after the window its messages may take until their first token.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The measurements of the window.
pub struct Seen {
    pub firsts: Times,
    /// `None` if no reply has two pieces in the window.
    pub gaps: Option<Times>,
    pub tokens: f64,
    pub messages: f64,
    /// Messages of the whole load that found no idle client.
    pub found_none: usize,
    pub usage: Usage,
    /// The server's system calls in the window, if they were counted.
    pub calls: Option<u64>,
}

/// The state that the tasks of a load share.
struct Load {
    desk: Mutex<Desk<Client>>,
    sheet: Sheet,
    gap: Duration,
    over: AtomicBool,
}

pub async fn run(way: Way, schedule: Schedule) -> anyhow::Result<Seen> {
    measure(way, schedule, false).await
}

/// As [`run`], with the server's system calls.
pub async fn counting(way: Way, schedule: Schedule) -> anyhow::Result<Seen> {
    measure(way, schedule, true).await
}

async fn measure(way: Way, schedule: Schedule, is_counting: bool) -> anyhow::Result<Seen> {
    let upstream = scene::upstream().await?;
    let server = way.start(upstream.address).await?;
    let clients = way.clients(server.address, schedule.clients).await.context("the clients could not connect")?;
    let counting = |until: Duration| is_counting.then(|| Counting::begin(&server, until)).transpose();
    let nodes = std::slice::from_ref(&server);
    let (mut seen, counting) = loaded(&upstream, nodes, clients, schedule, counting).await?;
    seen.calls = counting.map(Counting::end).transpose()?.flatten();
    Ok(seen)
}

/// A load on nodes that run, and what `other` tells of its window: the difference of both ends.
pub async fn on(
    upstream: &Program,
    nodes: &[Program],
    clients: Vec<Client>,
    schedule: Schedule,
    other: fn() -> anyhow::Result<[Duration; 2]>,
) -> anyhow::Result<(Seen, [Duration; 2])> {
    let length = schedule.until - schedule.from;
    let watching = move |_| {
        Ok(Some(tokio::spawn(async move {
            let before = other()?;
            sleep(length).await;
            let after = other()?;
            anyhow::Ok([0, 1].map(|server| after[server].saturating_sub(before[server])))
        })))
    };
    let (seen, watched) = loaded(upstream, nodes, clients, schedule, watching).await?;
    let watched = watched.context("the servers were not watched")?.await??;
    Ok((seen, watched))
}

/// Sends the messages of the schedule, and begins `beside` with the window, which it is told the length of.
async fn loaded<T>(
    upstream: &Program,
    nodes: &[Program],
    clients: Vec<Client>,
    schedule: Schedule,
    beside: impl FnOnce(Duration) -> anyhow::Result<Option<T>>,
) -> anyhow::Result<(Seen, Option<T>)> {
    let sheet = Sheet::new(Instant::now() + LEAD, &schedule);
    let (from, until) = (sheet.moment(schedule.from), sheet.moment(schedule.until));
    let measured = schedule.measured();
    let desk = Mutex::new(Desk::new(clients));
    let load = Arc::new(Load { desk, sheet, gap: schedule.gap, over: AtomicBool::new(false) });
    let (pacing, handle) = (load.clone(), Handle::current());
    // A separate thread, because the runtime's timer has a resolution of a millisecond.
    std::thread::spawn(move || pace(&pacing, &schedule.arrivals, &handle));
    sleep_until(from).await;
    let beside = beside(until - from)?;
    let before = Look::now(nodes, upstream)?;
    sleep_until(until).await;
    let mut after = Look::now(nodes, upstream)?;
    let in_time = all_begun(&load.sheet, measured, until + PATIENCE).await?;
    ensure!(in_time == measured, "{in_time} of {measured} messages had a first token within {PATIENCE:?}");
    if from == until {
        // The window of a burst ends with its last first token.
        after = Look::now(nodes, upstream)?;
    }
    load.over.store(true, Ordering::Relaxed);
    let found_none = load.desk().found_none();
    let noted = load.sheet.take();
    let seen = Seen {
        firsts: Times::new(noted.firsts)?,
        gaps: Times::new(noted.gaps).ok(),
        tokens: noted.tokens as f64,
        messages: (noted.begun + noted.ended) as f64 / 2.0,
        found_none,
        usage: after.since(&before)?,
        calls: None,
    };
    Ok((seen, beside))
}

/// Waits for the first tokens of all measured messages, and returns how many arrived before the limit.
async fn all_begun(sheet: &Sheet, measured: usize, limit: Instant) -> anyhow::Result<usize> {
    loop {
        let begun = sheet.firsts()?;
        if measured <= begun || limit < Instant::now() {
            return Ok(begun);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Sends each message at its planned time, independent of earlier replies.
fn pace(load: &Arc<Load>, arrivals: &[Arrival], handle: &Handle) {
    for arrival in arrivals {
        std::thread::sleep(load.sheet.moment(arrival.at).saturating_duration_since(Instant::now()));
        if load.over.load(Ordering::Relaxed) {
            return;
        }
        let client = load.desk().arrive(*arrival);
        if let Some(client) = client {
            handle.spawn(serve(load.clone(), client, *arrival));
        }
    }
}

/// Sends the message and reads its reply, then takes queued messages.
async fn serve(load: Arc<Load>, mut client: Client, mut arrival: Arrival) {
    loop {
        if let Err(error) = client.ask(arrival, load.gap, &load.sheet).await {
            // Ignored after the measurement, when the server has been ended.
            load.sheet.failed(error);
            return;
        }
        match load.desk().back(client) {
            Some(next) => (client, arrival) = next,
            None => return,
        }
    }
}

async fn sleep_until(moment: Instant) {
    tokio::time::sleep_until(moment.into()).await;
}

impl Load {
    fn desk(&self) -> MutexGuard<'_, Desk<Client>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
