//! `make soak`: whether Rivulet keeps its promises when it is killed again and again, and when it runs for long.
//!
//! `kills` kills the server at random moments and looks at what is left; `backups` kills its copies of the database, and
//! `updates` its changes of the tables; `locked` takes its database away for a while;
//! `storm` lets thousands of viewers come back at the same time; `stopped` has a thousand that read nothing; `greedy`
//! is one guest who makes the most expensive requests there are; `crowd` lets users come and go, with faults of the model
//! and of their lines, and watches the server's memory, files and journals (`gauges`). What a viewer must never see is checked by `watch`, on every event.

mod backups;
mod commands;
mod crowd;
mod gauges;
mod greedy;
mod kills;
mod locked;
mod script;
mod stopped;
mod storm;
mod updates;
mod watch;

pub use stopped::readers;

use anyhow::bail;
use clap::Args;
use std::time::Duration;

#[derive(Args)]
pub struct Plan {
    /// How often the server is killed (kill -9) while replies stream.
    #[arg(long, env = "RIVULET_SOAK_KILLS", default_value_t = 200)]
    kills: usize,

    /// How often a backup is killed while replies stream. 0: no backups at all.
    #[arg(long, env = "RIVULET_SOAK_BACKUPS", default_value_t = 50)]
    backups: usize,

    /// How often a start is killed that changes the tables.
    #[arg(long, env = "RIVULET_SOAK_UPDATES", default_value_t = 30)]
    updates: usize,

    /// How long another program keeps the database locked. 0: not at all.
    #[arg(long, env = "RIVULET_SOAK_LOCKED_SECONDS", default_value_t = 30)]
    locked_seconds: u64,

    /// How many viewers come back at the same time.
    #[arg(long, env = "RIVULET_SOAK_STORM", default_value_t = 5_000)]
    storm: usize,

    /// How many viewers stop reading.
    #[arg(long, env = "RIVULET_SOAK_STOPPED", default_value_t = 1_000)]
    stopped: usize,

    /// How long one guest makes the most expensive requests there are. 0: not at all.
    #[arg(long, env = "RIVULET_SOAK_GREEDY_SECONDS", default_value_t = 20)]
    greedy_seconds: u64,

    /// How long users come and go. Under five minutes it is too short to tell whether memory grows.
    #[arg(long, env = "SOAK_MINUTES", default_value_t = 10.0)]
    minutes: f64,

    /// The seed of the random choices. Their timing still depends on the machine.
    #[arg(long, env = "SOAK_SEED", default_value_t = 1)]
    seed: u64,
}

/// A phase's result: a line for the report, and the violations.
pub struct Phase {
    pub line: String,
    pub violations: Vec<String>,
}

/// The maximum number of violations that are printed.
const MAX_SHOWN: usize = 20;

/// # Errors
/// A promise did not hold. All violations have been printed by then.
pub async fn run(plan: &Plan) -> anyhow::Result<()> {
    let mut violations = 0;
    if plan.kills > 0 {
        violations += tell(&kills::run(plan.kills, plan.seed).await?);
    }
    if plan.backups > 0 {
        violations += tell(&backups::run(plan.backups, plan.seed).await?);
    }
    if plan.updates > 0 {
        violations += tell(&updates::run(plan.updates, plan.seed).await?);
    }
    if plan.locked_seconds > 0 {
        violations += tell(&locked::run(Duration::from_secs(plan.locked_seconds)).await?);
    }
    if plan.storm > 0 {
        violations += tell(&storm::run(plan.storm).await?);
    }
    if plan.stopped > 0 {
        violations += tell(&stopped::run(plan.stopped).await?);
    }
    if plan.greedy_seconds > 0 {
        violations += tell(&greedy::run(Duration::from_secs(plan.greedy_seconds)).await?);
    }
    if plan.minutes > 0.0 {
        violations += tell(&crowd::run(plan.minutes, plan.seed).await?);
    }
    if violations > 0 {
        bail!("{violations} times something did not hold; again with SOAK_SEED={}", plan.seed);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "these lines are what this program is for")]
fn tell(phase: &Phase) -> usize {
    println!("soak: {}; {} violations", phase.line, phase.violations.len());
    for violation in phase.violations.iter().take(MAX_SHOWN) {
        eprintln!("soak: {violation}");
    }
    phase.violations.len()
}
