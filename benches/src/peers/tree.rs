//! A program with the processes that it has started.

use crate::machine::read;
use crate::process::cpu as cpu_of;
use anyhow::Context;
use std::fs;
use std::time::Duration;

/// The processor time of all of them. One that ends meanwhile takes its time along.
pub(super) fn cpu(root: u32) -> anyhow::Result<Duration> {
    tree(root)?.iter().map(|process| cpu_of(&process.to_string())).sum()
}

/// Their memory, where a page that several share counts once.
pub(super) fn memory_mib(root: u32) -> anyhow::Result<f64> {
    let kib = tree(root)?.into_iter().map(|process| {
        let text = read(&format!("/proc/{process}/smaps_rollup"))?;
        let pss =
            text.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        pss.with_context(|| format!("the memory of process {process} cannot be read"))
    });
    Ok(kib.sum::<anyhow::Result<u64>>()? as f64 / 1024.0)
}

fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that has just ended has no file.
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (process, parent)));
    }
    let (mut all, mut next) = (vec![root], 0);
    while let Some(&one) = all.get(next) {
        all.extend(parents.iter().filter(|(_, parent)| *parent == one).map(|(process, _)| *process));
        next += 1;
    }
    Ok(all)
}
