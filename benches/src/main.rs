//! `make bench`: what Rivulet adds to a model's stream, measured beside a bare relay in the same run.
//!
//! The scriptable model API (`examples/upstream`), the relay and Rivulet's release binary each run as a process of their
//! own; this one plays the users. `load` measures replies, `memory` what open ones cost, `followers` what viewers cost
//! and how fast one reply reaches them all, `sockets` what idle Pusher clients cost, `resume` a viewer's return,
//! `start` the start. `report` judges by the budgets of the design and prints. `soak` is apart: `make soak`.

mod follower;
mod followers;
mod http;
mod load;
mod machine;
mod memory;
mod process;
mod relay;
mod report;
mod resume;
mod scene;
mod soak;
mod sockets;
mod sse;
mod start;
mod times;

#[path = "../../examples/upstream/server.rs"]
mod upstream;

use anyhow::Context;
use clap::{Parser, Subcommand};
use machine::Machine;
use report::Report;
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Measures Rivulet beside a bare relay")]
struct Arguments {
    /// A rough answer in half a minute: smaller loads, shorter windows.
    #[arg(long)]
    quick: bool,

    /// One measurement instead of all: start, replies-1, replies-100, replies-1000, memory, followers, sockets or
    /// resume.
    #[arg(long)]
    only: Option<String>,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// Kills Rivulet again and again, then lets users come and go, and reports whether its promises held.
    Soak(soak::Plan),
    /// A process that a run starts itself: copies the upstream's streams to its clients, and does nothing else.
    Relay { listen: SocketAddr, upstream: SocketAddr },
    /// A process that a run starts itself: `count` viewers, who read until the process is stopped.
    Readers { address: SocketAddr, path: String, cookie: String, count: usize },
    /// A process that a run starts itself: the scriptable model API.
    Upstream { listen: Option<SocketAddr> },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { quick, only, role } = Arguments::parse();
    let ended = match role {
        None => measure(&Plan::new(quick, only)).await,
        Some(Role::Soak(plan)) => soak::run(&plan).await,
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

/// How much is measured.
struct Plan {
    quick: bool,
    only: Option<String>,
    levels: Vec<load::Level>,
    open: memory::Open,
    followers: usize,
    sockets: usize,
    resumes: usize,
    starts: usize,
}

impl Plan {
    fn new(quick: bool, only: Option<String>) -> Self {
        let level = |replies, pieces, seconds| load::Level { replies, pieces, seconds };
        if quick {
            let levels = vec![level(1, 10, 1), level(100, 20, 2)];
            let open = memory::Open { replies: 100, pieces: 40 };
            return Self { quick, only, levels, open, followers: 1_000, sockets: 500, resumes: 100, starts: 3 };
        }
        // Short replies where there is one at a time, for more of them; else eight seconds, a usual length.
        let levels = vec![level(1, 10, 15), level(100, 160, 15), level(1_000, 160, 20)];
        // About a hundred words of each.
        let open = memory::Open { replies: 1_000, pieces: 100 };
        Self { quick, only, levels, open, followers: 10_000, sockets: 5_000, resumes: 500, starts: 10 }
    }

    fn has(&self, what: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == what)
    }
}

async fn measure(plan: &Plan) -> anyhow::Result<()> {
    let machine = Machine::look()?;
    machine.check()?;
    let followers = machine.followers(plan.followers);
    let mut report = Report::new(machine, plan.quick);
    if plan.has("start") {
        start::measure(plan.starts, &mut report).await.context("the start")?;
    }
    for level in &plan.levels {
        let what = format!("replies-{}", level.replies);
        if plan.has(&what) {
            load::measure(level, &mut report).await.context(what)?;
        }
    }
    if plan.has("memory") {
        memory::measure(plan.open, &mut report).await.context("memory of open replies")?;
    }
    if plan.has("followers") {
        followers::measure(followers, plan.followers, &mut report).await.context("followers of one reply")?;
    }
    if plan.has("sockets") {
        sockets::measure(plan.sockets, &mut report).await.context("idle sockets")?;
    }
    if plan.has("resume") {
        resume::measure(plan.resumes, &mut report).await.context("resuming")?;
    }
    report.print();
    report.write()
}

async fn serve_upstream(listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let upstream = match listen {
        Some(address) => upstream::Upstream::listen(address).await?,
        None => upstream::Upstream::start().await,
    };
    eprintln!("The upstream listens on {}", upstream.url());
    Ok(tokio::signal::ctrl_c().await?)
}
