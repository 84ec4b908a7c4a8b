//! A program under measurement: starts it, waits for it, reads /proc, ends it.

use crate::http;
use crate::machine::read;
use anyhow::{Context, bail, ensure};
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A program that has not answered by then counts as failed.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How often a starting program is polled, which is the uncertainty of the start time.
const ASK_EVERY: Duration = Duration::from_micros(500);
/// Linux counts a process's time in hundredths of a second, whatever its own clock does.
pub const TICK: Duration = Duration::from_millis(10);
/// Memory that changes by less than this part is settled.
const SETTLED: f64 = 0.005;
/// Longer than Rivulet's allocator keeps free memory (scripts/env).
const SETTLE_STEP: Duration = Duration::from_millis(1_500);
const SETTLE_STEPS: usize = 20;
/// Above Rivulet's drain time.
const END_LIMIT: Duration = Duration::from_secs(40);
const END_STEP: Duration = Duration::from_millis(5);

/// The folder of a run's databases and logs.
pub fn folder() -> anyhow::Result<PathBuf> {
    let folder = PathBuf::from("target/bench");
    fs::create_dir_all(&folder).context("target/bench cannot be made")?;
    Ok(folder)
}

/// Ends with this value.
pub struct Program {
    name: &'static str,
    child: Child,
    pub address: SocketAddr,
    /// From its start to the first good answer.
    pub start_time: Duration,
}

impl Program {
    /// Starts `command`, which is to listen on `address`, and waits until `path` answers with 200; any answer will do
    /// where there is no path.
    pub async fn start(
        name: &'static str,
        command: &mut Command,
        address: SocketAddr,
        path: Option<&str>,
    ) -> anyhow::Result<Self> {
        Self::start_within(START_LIMIT, name, command, address, path).await
    }

    /// `start`, for a program that may take this long.
    pub async fn start_within(
        limit: Duration,
        name: &'static str,
        command: &mut Command,
        address: SocketAddr,
        path: Option<&str>,
    ) -> anyhow::Result<Self> {
        let log = folder()?.join(format!("{name}.log"));
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let began = Instant::now();
        let child =
            command.spawn().with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let mut program = Self { name, child, address, start_time: Duration::ZERO };
        while !http::answers(address, path).await {
            if let Some(status) = program.child.try_wait()? {
                bail!("{name} ended with {status}:\n{}", fs::read_to_string(&log)?);
            }
            if limit < began.elapsed() {
                bail!("{name} does not answer on {address}:\n{}", fs::read_to_string(&log)?);
            }
            sleep(ASK_EVERY).await;
        }
        program.start_time = began.elapsed();
        Ok(program)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) -> anyhow::Result<()> {
        signal("TERM", self.child.id())?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(began.elapsed() < END_LIMIT, "{} does not end", self.name);
            sleep(END_STEP).await;
        }
        Ok(())
    }

    /// The processor time it has used, in its own code and in the kernel for it.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu(&self.child.id().to_string())
    }

    /// The context switches of its running threads.
    pub fn switches(&self) -> anyhow::Result<u64> {
        let folder = format!("/proc/{}/task", self.child.id());
        let mut sum = 0;
        for thread in fs::read_dir(&folder).with_context(|| format!("{folder} cannot be read"))? {
            // A thread that has just ended has no file.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            let counts = status.lines().filter_map(|line| line.split_once("voluntary_ctxt_switches:"));
            sum += counts.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum::<u64>();
        }
        Ok(sum)
    }

    /// Its resident memory.
    pub fn rss_kib(&self) -> anyhow::Result<u64> {
        let status = read(&format!("/proc/{}/status", self.child.id()))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        rss.with_context(|| format!("{} has no memory", self.name))
    }

    /// How many files and sockets it has open.
    pub fn files(&self) -> anyhow::Result<usize> {
        let folder = format!("/proc/{}/fd", self.child.id());
        Ok(fs::read_dir(&folder).with_context(|| format!("{folder} cannot be read"))?.count())
    }

    /// Its resident memory once that has stopped changing.
    pub async fn settled_kib(&self) -> anyhow::Result<u64> {
        let mut before = self.rss_kib()?;
        for _ in 0..SETTLE_STEPS {
            sleep(SETTLE_STEP).await;
            let now = self.rss_kib()?;
            if now.abs_diff(before) as f64 <= SETTLED * before as f64 {
                return Ok(now);
            }
            before = now;
        }
        bail!("the memory of {} did not settle", self.name)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time of a process, by its id or `self`.
pub fn cpu(process: &str) -> anyhow::Result<Duration> {
    let stat = read(&format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may have spaces in it. Behind it, user and system time are the 12th and 13th.
    let (_, rest) = stat.rsplit_once(')').context("/proc/PID/stat is not as expected")?;
    let ticks: Vec<u32> = rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Ok(TICK * ticks.iter().sum())
}

/// Sends a process a signal, by its name without SIG.
pub fn signal(name: &str, process: u32) -> anyhow::Result<()> {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status()?;
    ensure!(sent.success(), "SIG{name} cannot be sent to {process}");
    Ok(())
}

/// An address of this machine on which no process listens.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
