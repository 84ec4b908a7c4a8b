//! The first line of `/proc/stat`: the processor time of the machine since it started.

/// In ticks, of all processors together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// Spent in a process or the kernel.
    pub busy: u64,
    /// Given to other virtual machines by the hypervisor, while a process here was ready to run.
    pub steal: u64,
    pub total: u64,
}

/// In percent of the whole machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    pub busy: f64,
    pub steal: f64,
}

/// `None` if the text is not in the format of Linux.
pub fn ticks(text: &str) -> Option<Ticks> {
    let mut words = text.lines().find(|line| line.starts_with("cpu "))?.split_whitespace().skip(1);
    let mut next = || words.next()?.parse::<u64>().ok();
    let (user, nice, system, idle) = (next()?, next()?, next()?, next()?);
    // The last two fields, guests' time, are already included in `user` and `nice`.
    let (iowait, irq, softirq, steal) = (next()?, next()?, next()?, next()?);
    let busy = user + nice + system + irq + softirq;
    Some(Ticks { busy, steal, total: busy + idle + iowait + steal })
}

impl Ticks {
    pub fn since(self, before: Self) -> Share {
        let total = self.total.saturating_sub(before.total).max(1) as f64;
        // The kernel's idle time can decrease slightly.
        let share = |now: u64, before: u64| 100.0 * now.saturating_sub(before) as f64 / total;
        Share { busy: share(self.busy, before.busy), steal: share(self.steal, before.steal) }
    }
}
