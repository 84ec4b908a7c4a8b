//! The machine: its name for the report, and its limits.

use anyhow::{Context, ensure};
use serde::Serialize;
use std::fs;

/// Descriptors that a process needs besides one for each follower.
const DESCRIPTORS_BESIDES: usize = 500;
/// The descriptors for a thousand replies: a reader, a writer and the model's connection each.
const FEWEST_DESCRIPTORS: usize = 4_096;
/// As many local ports as connections to one server, and those that linger closed from the measure before.
const PORTS_BESIDES: usize = 8_000;

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
    pub kernel: String,
    pub memory_mib: u64,
    /// Over the last minute, before the run.
    pub load_before: f64,
    pub descriptors: usize,
    pub ports: usize,
}

impl Machine {
    pub fn look() -> anyhow::Result<Self> {
        let cpus = read("/proc/cpuinfo")?;
        let cpu = field(&cpus, "model name").unwrap_or("unknown").to_owned();
        let load = read("/proc/loadavg")?;
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            cpu,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            memory_mib: meminfo_kib("MemTotal")? / 1024,
            load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default(),
            descriptors: descriptors()?,
            ports: ports()?,
        })
    }

    /// # Errors
    /// The limit that is too low, and how to raise it.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            FEWEST_DESCRIPTORS <= self.descriptors,
            "this process may open {} files, and a thousand replies need {FEWEST_DESCRIPTORS}. Raise the limit \
             (ulimit -n {FEWEST_DESCRIPTORS}, or LimitNOFILE) and try again.",
            self.descriptors
        );
        Ok(())
    }

    /// As many of the wanted followers as the machine allows.
    pub fn followers(&self, wanted: usize) -> usize {
        let files = self.descriptors.saturating_sub(DESCRIPTORS_BESIDES);
        let possible = wanted.min(files).min(self.ports.saturating_sub(PORTS_BESIDES));
        if possible < wanted {
            eprintln!(
                "bench: this machine allows {} open files for each process and {} local ports, so {possible} followers \
                 are measured instead of {wanted}. `ulimit -Hn` and net.ipv4.ip_local_port_range raise that.",
                self.descriptors, self.ports
            );
        }
        possible
    }
}

/// Memory that the kernel's own objects take, sockets among them, on the whole machine.
pub fn slab_kib() -> anyhow::Result<u64> {
    meminfo_kib("Slab")
}

fn meminfo_kib(name: &str) -> anyhow::Result<u64> {
    let text = read("/proc/meminfo")?;
    let value = field(&text, name).and_then(|value| value.strip_suffix(" kB")?.parse().ok());
    value.with_context(|| format!("/proc/meminfo has no {name}"))
}

/// scripts/bench has raised the soft limit to the hard one; the processes that are started inherit it.
fn descriptors() -> anyhow::Result<usize> {
    let limits = read("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).context("/proc/self/limits has no open files")?;
    Ok(soft.parse().unwrap_or(usize::MAX))
}

fn ports() -> anyhow::Result<usize> {
    let range = read("/proc/sys/net/ipv4/ip_local_port_range")?;
    let ends: Vec<usize> = range.split_whitespace().filter_map(|end| end.parse().ok()).collect();
    ensure!(ends.len() == 2, "net.ipv4.ip_local_port_range is {range:?}");
    Ok(ends[1].saturating_sub(ends[0]))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim())
}

pub fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("{path} (this tool needs Linux)"))
}
