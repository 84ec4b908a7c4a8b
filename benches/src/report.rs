//! The measured values beside the goals: tables for people, JSON for programs.

use crate::machine::Machine;
use crate::row::Row;
use crate::series::Series;
use crate::stat::{self, Ticks};
use crate::table;
use crate::under::{self, Under};
use crate::usage;
use anyhow::Context;
use serde::Serialize;
use std::path::Path;

/// The load average before the run above which the machine counts as busy.
const BUSY: f64 = 0.5;

#[derive(Serialize)]
pub struct Report {
    machine: Machine,
    quick: bool,
    /// The rounds of each load; a figure with fewer is not judged.
    rounds: usize,
    seconds: f64,
    rows: Vec<Row>,
    loads: Vec<Under>,
}

impl Report {
    pub fn new(machine: Machine, quick: bool, rounds: usize) -> Self {
        Self { machine, quick, rounds, seconds: 0.0, rows: Vec::new(), loads: Vec::new() }
    }

    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub fn add_load(&mut self, series: &Series) {
        self.loads.extend(Under::of(series));
    }

    /// Adds the machine's use since `before` to the figures without one.
    pub fn since(&mut self, before: Ticks) -> anyhow::Result<()> {
        let machine: stat::Share = usage::machine_now()?.since(before);
        self.rows.iter_mut().for_each(|row| row.meanwhile(machine));
        Ok(())
    }

    pub fn judge(&mut self, seconds: f64) {
        self.seconds = seconds;
        self.rows.iter_mut().for_each(|row| row.judge(self.rounds));
    }

    #[expect(clippy::print_stdout, reason = "the tables are what this program is for")]
    pub fn print(&self) {
        let Machine { cores, cpu, kernel, memory_mib, load_before, .. } = &self.machine;
        println!(
            "\n{cores} cores of {cpu}, {memory_mib} MiB of memory, Linux {kernel}; load before the run {load_before}; \
             measured for {:.0} s",
            self.seconds
        );
        if BUSY < *load_before {
            println!("Others were using this machine: these numbers are too high. Measure again when it is quiet.");
        }
        if self.quick {
            println!(
                "Quick: smaller loads and fewer rounds than the goals speak of. For numbers to show, run it without."
            );
        }
        println!("Memory is resident memory of the process; the kernel's own for its sockets is apart.");
        println!("Busy is the machine's use, relay · Rivulet; a latency on a machine over 80 % busy is not judged.\n");
        let head = ["", "relay", "Rivulet", "ratio", "goal", "", "busy"].map(str::to_owned);
        println!("{}", table::of(head, self.rows.iter().map(Row::cells), &[1, 2, 3]));
        if !self.loads.is_empty() {
            println!("The machine under each load, in percent of the whole machine:\n");
            let loads = self.loads.iter().map(Under::cells);
            println!("{}", table::of(under::HEAD.map(str::to_owned), loads, under::NUMBERS));
        }
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        std::fs::write(path, json).with_context(|| format!("{} cannot be written", path.display()))?;
        eprintln!("bench: {} has the same as JSON", path.display());
        Ok(())
    }
}
