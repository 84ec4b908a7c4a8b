//! Which processes used the processors during a measurement. Without this, no latency can be judged: on a full machine
//! every request queues, and other processes' use looks like the server's.

use crate::machine;
use crate::process::{self, Program};
use crate::stat::{self, Ticks};
use crate::times::median;
use anyhow::Context;
use serde::Serialize;
use std::time::{Duration, Instant};

/// All counters at one time.
pub struct Look {
    at: Instant,
    machine: Ticks,
    server: Duration,
    upstream: Duration,
    clients: Duration,
    switches: u64,
}

/// Between two looks.
#[derive(Clone, Debug)]
pub struct Usage {
    pub share: Share,
    /// The server's processor time.
    pub cpu: Duration,
    /// The context switches of the server's threads.
    pub switches: u64,
}

/// In percent of the whole machine.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Share {
    pub busy: f64,
    pub steal: f64,
    /// Parts of `busy`; `others` is the rest.
    pub server: f64,
    pub clients: f64,
    pub upstream: f64,
    pub others: f64,
}

impl Look {
    pub fn now(nodes: &[Program], upstream: &Program) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            machine: machine_now()?,
            server: nodes.iter().map(Program::cpu).sum::<anyhow::Result<_>>()?,
            upstream: upstream.cpu()?,
            clients: process::cpu("self")?,
            switches: nodes.iter().map(Program::switches).sum::<anyhow::Result<_>>()?,
        })
    }

    pub fn since(&self, before: &Self) -> anyhow::Result<Usage> {
        let machine = self.machine.since(before.machine);
        let whole = (self.at - before.at).as_secs_f64() * std::thread::available_parallelism()?.get() as f64;
        let part = |now: Duration, before: Duration| 100.0 * now.saturating_sub(before).as_secs_f64() / whole;
        let server = part(self.server, before.server);
        let clients = part(self.clients, before.clients);
        let upstream = part(self.upstream, before.upstream);
        let others = (machine.busy - server - clients - upstream).max(0.0);
        Ok(Usage {
            share: Share { busy: machine.busy, steal: machine.steal, server, clients, upstream, others },
            cpu: self.server.saturating_sub(before.server),
            switches: self.switches.saturating_sub(before.switches),
        })
    }
}

impl Share {
    /// The median of each part.
    pub fn median(shares: &[Self]) -> Option<Self> {
        let of = |part: fn(&Self) -> f64| median(shares.iter().map(part));
        Some(Self {
            busy: of(|share| share.busy)?,
            steal: of(|share| share.steal)?,
            server: of(|share| share.server)?,
            clients: of(|share| share.clients)?,
            upstream: of(|share| share.upstream)?,
            others: of(|share| share.others)?,
        })
    }
}

/// The counters of the machine alone.
pub fn machine_now() -> anyhow::Result<Ticks> {
    stat::ticks(&machine::read("/proc/stat")?).context("/proc/stat is not as expected")
}
