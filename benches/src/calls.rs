//! The system calls of a token and of a message, counted by `perf` in runs of their own: counting slows every call a little.

use crate::arrivals::Load;
use crate::client::Way;
use crate::fit::{self, Point};
use crate::process::Program;
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::run;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The goal for a token of a conversation.
const MAX_PER_TOKEN: f64 = 3.0;
/// Every system call of every kind.
const EVENT: &str = "raw_syscalls:sys_enter";

pub async fn measure(loads: &[Load], report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: system calls ...");
    if !is_possible() {
        eprintln!("bench: system calls are not measured: `perf stat -e {EVENT}` does not work here (package, rights)");
        report.add(Row::beside("system calls per token".into(), "", None, None));
        return Ok(());
    }
    let relay = of(Way::Relay, loads).await?;
    let rivulet = of(Way::Conversation, loads).await?;
    let (token, message) = (|costs: fit::Costs| costs.per_token, |costs: fit::Costs| costs.per_message);
    let row =
        |what: &str, each: fn(fit::Costs) -> f64| Row::beside(what.into(), "", relay.map(each), rivulet.map(each));
    report.add(row("system calls per token", token).with(Some(Budget::most(MAX_PER_TOKEN))));
    report.add(row("system calls per message, its reply's end included", message));
    Ok(())
}

async fn of(way: Way, loads: &[Load]) -> anyhow::Result<Option<fit::Costs>> {
    let mut points = Vec::new();
    for load in loads {
        let seen = run::counting(way, load.even()).await?;
        points.extend(seen.calls.map(|calls| Point {
            tokens: seen.tokens,
            messages: seen.messages,
            cost: calls as f64,
        }));
    }
    Ok(fit::split(&points))
}

fn is_possible() -> bool {
    let counted = Command::new("perf").args(["stat", "-x", ",", "-e", EVENT, "true"]).output();
    counted.is_ok_and(|output| count(&String::from_utf8_lossy(&output.stderr)).is_some())
}

/// A count that is under way.
pub struct Counting(Child);

impl Counting {
    /// Counts the calls of this program for so long.
    pub fn begin(program: &Program, time: Duration) -> anyhow::Result<Self> {
        let (process, seconds) = (program.id().to_string(), time.as_secs_f64().to_string());
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", EVENT, "-p", &process, "--", "sleep", &seconds]);
        Ok(Self(perf.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?))
    }

    /// The number of calls; none where perf has not said one.
    pub fn end(mut self) -> anyhow::Result<Option<u64>> {
        let mut said = String::new();
        if let Some(errors) = &mut self.0.stderr {
            errors.read_to_string(&mut said)?;
        }
        self.0.wait()?;
        Ok(count(&said))
    }
}

/// The number in a line of `perf stat -x ,`.
fn count(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains(EVENT))?;
    line.split(',').next()?.parse().ok()
}
