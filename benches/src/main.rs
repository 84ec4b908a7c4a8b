//! `make bench`: what Rivulet adds to a model's stream, measured beside a bare relay in the same run.
//!
//! The scriptable model API (`examples/upstream`), the relay and Rivulet's release binary each run as a process of their
//! own; this one plays the users.
//!
//! `plan` says how much is measured. `rounds` puts loads on the relay and on Rivulet alternately (`series`, `run`):
//! messages at planned times (`arrivals`), sent by idle clients (`desk`, `client`), which record what they see (`sheet`)
//! while `usage` reads the processors. `latency`, `burst` and `cost` (`fit`) turn this into figures. `memory` measures
//! what open replies cost, `calls` how many system calls a token and a message take, `followers` what viewers cost and how
//! fast one reply reaches them all, `sockets` what idle Pusher clients cost, `resume` a viewer's return, `start` the start,
//! `growth` what a large account costs. `report` judges each figure (`row`) by the goals of the design and prints. `soak`,
//! `peers` and `cluster` are apart: `make soak`, `scripts/peers`, `scripts/bench cluster`.

mod arrivals;
mod burst;
mod calls;
mod client;
mod cluster;
mod cost;
mod desk;
mod fit;
mod follower;
mod followers;
mod growth;
mod http;
mod latency;
mod lines;
mod machine;
mod memory;
mod peers;
mod plan;
mod process;
mod relay;
mod report;
mod resume;
mod rounds;
mod row;
mod run;
mod scene;
mod series;
mod sheet;
mod soak;
mod sockets;
mod sse;
mod start;
mod stat;
mod table;
mod times;
mod under;
mod usage;

#[path = "../../src/tests/rng.rs"]
mod rng;
#[path = "../../examples/upstream/server.rs"]
mod upstream;

use anyhow::Context;
use clap::{Parser, Subcommand};
use machine::Machine;
use plan::Plan;
use report::Report;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

#[derive(Parser)]
#[command(about = "Measures Rivulet beside a bare relay")]
struct Arguments {
    /// A rough answer in under a minute: smaller loads, shorter windows, fewer rounds.
    #[arg(long)]
    quick: bool,

    /// One measurement instead of all: start, latency, burst, cost, memory, followers, sockets, resume, syscalls
    /// or growth.
    #[arg(long)]
    only: Option<String>,

    /// The rounds of each load; the goals require five.
    #[arg(long)]
    rounds: Option<usize>,

    /// Measures /chat/stream, which is stateless, instead of conversations.
    #[arg(long)]
    stateless: bool,

    /// The file for the figures as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Kills Rivulet again and again, then lets users come and go, and reports whether its promises held.
    Soak(soak::Plan),
    /// Measures Rivulet beside other programs of its kind: scripts/peers.
    Peers(peers::Plan),
    /// Measures several nodes on the PostgreSQL and Redis of DATABASE_URL and REDIS_URL.
    Cluster(cluster::Plan),
    /// A process that a run starts itself: copies the upstream's streams to its clients, and does nothing else.
    Relay { listen: SocketAddr, upstream: SocketAddr },
    /// A process that a run starts itself: `count` viewers, who read until the process is stopped.
    Readers { address: SocketAddr, path: String, cookie: String, count: usize },
    /// A process that a run starts itself: the scriptable model API.
    Upstream { listen: Option<SocketAddr> },
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    let ended = match arguments.role.take() {
        None => measure(&arguments.json.clone(), &Plan::new(arguments)).await,
        Some(Role::Soak(plan)) => soak::run(&plan).await,
        Some(Role::Cluster(plan)) => cluster::run(&plan).await,
        Some(Role::Peers(plan)) => peers::run(&plan).await,
        Some(Role::Relay { listen, upstream }) => relay::run(listen, upstream).await,
        Some(Role::Readers { address, path, cookie, count }) => {
            soak::readers(follower::Target { address, path, cookie }, count).await
        }
        Some(Role::Upstream { listen }) => serve_upstream(listen).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(json: &Path, plan: &Plan) -> anyhow::Result<()> {
    let machine = Machine::look()?;
    machine.check()?;
    let began = Instant::now();
    let followers = machine.followers(plan.followers);
    let mut report = Report::new(machine, plan.quick, plan.rounds.count);
    for part in ["start", "memory", "followers", "sockets", "resume", "syscalls", "growth"] {
        if plan.has(part) {
            let before = usage::machine_now()?;
            measure_part(part, plan, followers, &mut report)
                .await
                .with_context(|| format!("{part} cannot be measured"))?;
            report.since(before)?;
        }
    }
    rounds::measure(&plan.rounds, &mut report).await?;
    report.judge(began.elapsed().as_secs_f64());
    report.print();
    report.write(json)
}

async fn measure_part(part: &str, plan: &Plan, followers: usize, report: &mut Report) -> anyhow::Result<()> {
    match part {
        "start" => start::measure(plan.starts, report).await,
        "memory" => memory::measure(plan.open, report).await,
        "followers" => followers::measure(followers, report).await,
        "syscalls" => match &plan.counted {
            loads if loads.is_empty() => Ok(()),
            loads => calls::measure(loads, report).await,
        },
        "sockets" => match plan.sockets {
            Some(count) => sockets::measure(count, report).await,
            None => Ok(()),
        },
        "growth" if plan.growth => growth::measure(report).await,
        "growth" => Ok(()),
        _ => resume::measure(plan.resumes, report).await,
    }
}

async fn serve_upstream(listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let upstream = match listen {
        Some(address) => upstream::Upstream::listen(address).await?,
        None => upstream::Upstream::start().await,
    };
    eprintln!("The upstream listens on {}", upstream.url());
    Ok(tokio::signal::ctrl_c().await?)
}
