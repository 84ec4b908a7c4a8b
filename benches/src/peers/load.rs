//! One load: replies that begin evenly within two seconds and stay open together.

use super::answer::Piece;
use super::door::{Client, Door};
use super::tree;
use crate::times::Times;
use anyhow::ensure;
use futures::future::{try_join, try_join_all};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::{sleep, sleep_until};

/// All replies of a wave begin within this time.
const ARRIVING: Duration = Duration::from_secs(2);
/// Between the pieces of a reply.
const GAP: Duration = Duration::from_millis(50);
/// So a reply takes four seconds: two of them with all replies open.
const PIECES: usize = 80;
/// At least this many replies for each load, in as many waves as that takes.
const FEWEST: usize = 5;
/// And this many waves.
const WAVES: usize = 3;
/// Between the connecting of a wave and its first message, and after its end.
const REST: Duration = Duration::from_millis(500);
/// When all replies of a wave are open.
const MIDDLE: Duration = Duration::from_secs(3);

#[derive(Serialize)]
pub(super) struct Figures {
    /// From the planned time of a message to its first text.
    pub first_p50_ms: f64,
    pub first_p99_ms: f64,
    /// How much later a piece came than the model's even pace, counted from the reply's earliest piece.
    pub late_p99_ms: f64,
    /// Of the program's processes together.
    pub cpu_us_per_token: f64,
    /// In the middle of the last wave, of its processes together.
    pub memory_mib: f64,
}

/// One reply, not measured.
pub(super) async fn warm_up(door: &Door) -> anyhow::Result<()> {
    door.connect().await?.ask(&json!({ "pieces": 3, "gap_ms": 1 })).await.map(drop)
}

pub(super) async fn run(door: &Door, process: u32, streams: usize) -> anyhow::Result<Figures> {
    let (mut firsts, mut late, mut tokens) = (Vec::new(), Vec::new(), 0);
    let (mut cpu, mut memory_mib) = (Duration::ZERO, 0.0);
    for _ in 0..FEWEST.div_ceil(streams).max(WAVES) {
        let clients = try_join_all((0..streams).map(|_| door.connect())).await?;
        sleep(REST).await;
        let before = tree::cpu(process)?;
        let began = Instant::now();
        let memory = async {
            sleep_until((began + MIDDLE).into()).await;
            tree::memory_mib(process)
        };
        let (replies, mib) = try_join(wave(clients, began), memory).await?;
        sleep(REST).await;
        cpu += tree::cpu(process)?.saturating_sub(before);
        memory_mib = mib;
        for (planned, pieces) in replies {
            tokens += pieces.iter().map(|piece| piece.count).sum::<usize>();
            firsts.push(pieces[0].at.saturating_duration_since(planned));
            late.extend(lateness(&pieces));
        }
    }
    let (firsts, late) = (Times::new(firsts)?, Times::new(late)?);
    Ok(Figures {
        first_p50_ms: firsts.millis(50),
        first_p99_ms: firsts.millis(99),
        late_p99_ms: late.millis(99),
        cpu_us_per_token: cpu.as_secs_f64() * 1e6 / tokens as f64,
        memory_mib,
    })
}

/// The planned time and the pieces of each reply.
async fn wave(clients: Vec<Client>, began: Instant) -> anyhow::Result<Vec<(Instant, Vec<Piece>)>> {
    let script: Value = json!({ "pieces": PIECES, "gap_ms": GAP.as_millis() as u64 });
    let step = ARRIVING / clients.len() as u32;
    let replies = clients.into_iter().enumerate().map(|(index, client)| {
        let (planned, script) = (began + step * index as u32, &script);
        async move {
            sleep_until(planned.into()).await;
            let pieces = client.ask(script).await?;
            let count = pieces.iter().map(|piece| piece.count).sum::<usize>();
            ensure!(count == PIECES, "a reply came with {count} of {PIECES} pieces");
            anyhow::Ok((planned, pieces))
        }
    });
    try_join_all(replies).await
}

/// For each event of a reply, by its last piece.
fn lateness(pieces: &[Piece]) -> Vec<Duration> {
    let mut count = 0;
    let starts: Vec<Instant> = pieces
        .iter()
        .map(|piece| {
            count += piece.count;
            // When the reply would have begun if this event were in time.
            piece.at - GAP * (count as u32 - 1)
        })
        .collect();
    let earliest = starts.iter().min().copied();
    starts.iter().filter_map(|start| Some(*start - earliest?)).collect()
}
