//! `scripts/peers`: Rivulet beside other programs that stand between a browser and a model's API, in one run: the same
//! model API, machine, clients and loads. It is documented in `docs/benchmarks.md` and run by hand.

mod answer;
mod channel;
mod door;
mod load;
mod peer;
mod pusher;
mod tree;

use crate::machine::Machine;
use crate::process::Program;
use crate::{scene, table};
use anyhow::Context;
use load::Figures;
use peer::Peer;
use pusher::Server;
use serde::Serialize;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Plan {
    /// Open WebUI's command; without it, Open WebUI is left out.
    #[arg(long)]
    open_webui: Option<PathBuf>,

    /// LiteLLM's command; without it, its proxy is left out.
    #[arg(long)]
    litellm: Option<PathBuf>,

    /// Sockudo's command; without it, Sockudo is left out.
    #[arg(long)]
    sockudo: Option<PathBuf>,

    /// The number of sockets on one channel; 0: no sockets.
    #[arg(long, default_value_t = 5_000)]
    sockets: usize,

    /// How many replies are open together, one load for each number; 0: no replies.
    #[arg(long, value_delimiter = ',', default_value = "1,20,100")]
    streams: Vec<usize>,

    /// The file for the figures as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/peers.json")]
    json: PathBuf,
}

/// One program under one load.
#[derive(Serialize)]
struct Line {
    program: String,
    streams: usize,
    figures: Figures,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    lines: Vec<Line>,
    /// Rivulet and Sockudo, round by round.
    channel: Vec<(String, channel::Figures)>,
}

/// How often the channel is measured with each server, one after the other.
const ROUNDS: usize = 3;

pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let machine = Machine::look()?;
    machine.check()?;
    let mut report = Report { machine, lines: Vec::new(), channel: Vec::new() };
    let peers = Peer::all(plan.open_webui.clone(), plan.litellm.clone());
    for peer in peers.into_iter().filter(|_| plan.streams != [0]) {
        eprintln!("peers: {peer} ...");
        let figures = measure(&peer, &plan.streams).await.with_context(|| format!("{peer} cannot be measured"))?;
        let line = |(streams, figures)| Line { program: peer.to_string(), streams, figures };
        report.lines.extend(plan.streams.iter().copied().zip(figures).map(line));
    }
    if plan.sockets != 0 {
        report.channel = channel(plan).await?;
    }
    print(&report);
    std::fs::write(&plan.json, serde_json::to_vec_pretty(&report)?)
        .with_context(|| format!("{} cannot be written", plan.json.display()))
}

/// All loads on one process of the program, which has answered one message before: the first one loads code.
async fn measure(peer: &Peer, streams: &[usize]) -> anyhow::Result<Vec<Figures>> {
    let upstream = scene::upstream().await?;
    let program: Program = peer.start(upstream.address).await?;
    let door = peer.door(program.address).await?;
    load::warm_up(&door).await?;
    let mut all = Vec::new();
    for streams in streams {
        all.push(load::run(&door, program.id(), *streams).await?);
    }
    program.end().await?;
    Ok(all)
}

async fn channel(plan: &Plan) -> anyhow::Result<Vec<(String, channel::Figures)>> {
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        for server in [Some(Server::Rivulet), plan.sockudo.clone().map(Server::Sockudo)].into_iter().flatten() {
            eprintln!("peers: {} sockets of {server}, round {round} ...", plan.sockets);
            let figures = channel::run(&server, plan.sockets).await;
            rounds.push((server.to_string(), figures.with_context(|| format!("{server} cannot be measured"))?));
        }
    }
    Ok(rounds)
}

const CHANNEL_HEAD: [&str; 5] = ["server", "half have an event", "the last", "CPU a delivery", "memory a socket"];

const HEAD: [&str; 8] =
    ["streams", "program", "first token p50", "p99", "token late p99", "CPU a token", "memory", "CPU beside Rivulet's"];

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn print(report: &Report) {
    let Machine { cores, cpu, kernel, load_before, .. } = &report.machine;
    println!("\n{cores} cores of {cpu}, Linux {kernel}; load before the run {load_before}");
    let mut lines: Vec<_> = report.lines.iter().collect();
    // Stable: the programs stay in their order.
    lines.sort_by_key(|line| line.streams);
    let cells = lines.into_iter().map(|line| line.cells(report.rivulet(line.streams)));
    if !report.lines.is_empty() {
        println!("{}", table::of(HEAD.map(str::to_owned), cells, &[0, 2, 3, 4, 5, 6, 7]));
    }
    let rounds = report.channel.iter().map(|(server, figures)| {
        let channel::Figures { half_ms, last_ms, cpu_us_per_delivery, memory_kib } = figures;
        [
            server.clone(),
            format!("{half_ms:.0} ms"),
            format!("{last_ms:.0} ms"),
            format!("{cpu_us_per_delivery:.1} us"),
            format!("{memory_kib:.1} KiB"),
        ]
    });
    if !report.channel.is_empty() {
        println!("{}", table::of(CHANNEL_HEAD.map(str::to_owned), rounds, &[1, 2, 3, 4]));
    }
}

impl Report {
    /// Rivulet's conversation under this load.
    fn rivulet(&self, streams: usize) -> Option<&Figures> {
        let conversation = Peer::Conversation.to_string();
        let line = self.lines.iter().find(|line| line.streams == streams && line.program == conversation)?;
        Some(&line.figures)
    }
}

impl Line {
    fn cells(&self, rivulet: Option<&Figures>) -> [String; 8] {
        let Figures { first_p50_ms, first_p99_ms, late_p99_ms, cpu_us_per_token, memory_mib } = &self.figures;
        let ratio = rivulet.map(|rivulet| cpu_us_per_token / rivulet.cpu_us_per_token);
        [
            self.streams.to_string(),
            self.program.clone(),
            format!("{first_p50_ms:.1} ms"),
            format!("{first_p99_ms:.1} ms"),
            format!("{late_p99_ms:.1} ms"),
            format!("{cpu_us_per_token:.0} us"),
            format!("{memory_mib:.0} MiB"),
            ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        ]
    }
}
