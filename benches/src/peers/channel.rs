//! One public channel with thousands of sockets, and a backend's events on it: Rivulet beside Sockudo, a Pusher server.

use super::pusher::{App, Server};
use super::tree;
use crate::follower::{CONNECT_TOGETHER, Follower};
use crate::process::Program;
use crate::times::{Times, median};
use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

const CHANNEL: &str = "news";
/// This part of the sockets is there before their memory is measured: a server's own memory grows with the first of them.
const WARM: usize = 5;
/// Events, not counting the first, which warms up.
const EVENTS: usize = 20;
/// Each has reached all sockets before the next.
const GAP: Duration = Duration::from_millis(500);

#[derive(Serialize)]
pub(super) struct Figures {
    /// From the request of an event to its arrival at half of the sockets, and at the last: the median over the events.
    pub half_ms: f64,
    pub last_ms: f64,
    pub cpu_us_per_delivery: f64,
    /// Of an idle socket.
    pub memory_kib: f64,
}

pub(super) async fn run(server: &Server, count: usize) -> anyhow::Result<Figures> {
    let (program, app) = server.start().await?;
    let warm = open(&program, &app, 0..count / WARM).await?;
    let before = program.settled_kib().await?;
    let mut sockets = open(&program, &app, count / WARM..count).await?;
    let memory_kib = program.settled_kib().await?.saturating_sub(before) as f64 / sockets.len() as f64;
    sockets.extend(warm);
    let (times, cpu) = deliver(&program, &app, sockets).await?;
    program.end().await?;
    let deliveries = count * times.len();
    let percentile = |of| median(times.iter().map(|times| times.millis(of))).context("there were no events");
    Ok(Figures {
        half_ms: percentile(50)?,
        last_ms: percentile(100)?,
        cpu_us_per_delivery: cpu.as_secs_f64() * 1e6 / deliveries as f64,
        memory_kib,
    })
}

async fn open(program: &Program, app: &App, indexes: std::ops::Range<usize>) -> anyhow::Result<Vec<Follower>> {
    let opened = stream::iter(indexes).map(|index| subscribed(program, app, index));
    opened.buffer_unordered(CONNECT_TOGETHER).try_collect().await
}

async fn subscribed(program: &Program, app: &App, index: usize) -> anyhow::Result<Follower> {
    let mut socket = Follower::open(program.address, index, &app.upgrade(program.address)).await?;
    socket.text_until("pusher:connection_established").await?;
    socket.write(&app.subscribe(CHANNEL)).await?;
    socket.text_until("subscription_succeeded").await?;
    Ok(socket)
}

/// For each event, how long after its request each socket had it; and the server's processor time for all of them.
async fn deliver(program: &Program, app: &App, sockets: Vec<Follower>) -> anyhow::Result<(Vec<Times>, Duration)> {
    let mut reading = JoinSet::new();
    for mut socket in sockets {
        reading.spawn(async move {
            let mut arrived = Vec::with_capacity(EVENTS + 1);
            for event in 0..=EVENTS {
                arrived.push(socket.until(mark(event).as_bytes()).await?.into_std());
            }
            // The sockets stay open until all have everything.
            anyhow::Ok((socket, arrived))
        });
    }
    let backend = app.backend(program.address);
    let (mut sent, mut cpu) = (Vec::new(), Duration::ZERO);
    for event in 0..=EVENTS {
        sent.push(Instant::now());
        backend.publish(CHANNEL, &format!("{} {}", mark(event), "x".repeat(100))).await?;
        sleep(GAP).await;
        if event == 0 {
            cpu = tree::cpu(program.id())?;
        }
    }
    cpu = tree::cpu(program.id())?.saturating_sub(cpu);
    let mut times = vec![Vec::new(); EVENTS];
    while let Some(read) = reading.join_next().await {
        let (_socket, arrived) = read??;
        for (event, at) in arrived.into_iter().enumerate().skip(1) {
            times[event - 1].push(at.saturating_duration_since(sent[event]));
        }
    }
    let times = times.into_iter().map(Times::new).collect::<anyhow::Result<Vec<_>>>()?;
    let slowest = times.iter().map(|times| times.millis(100)).fold(0.0, f64::max);
    ensure!(slowest < GAP.as_secs_f64() * 1000.0, "an event took {slowest:.0} ms: the next one came before");
    Ok((times, cpu))
}

fn mark(event: usize) -> String {
    format!("number-{event:04}.")
}
