//! The measured values beside the budgets: a table for people, JSON for programs.

use crate::machine::Machine;
use anyhow::Context;
use serde::Serialize;

const PATH: &str = "target/bench.json";
/// The load average before the run above which the machine counts as busy.
const BUSY: f64 = 0.5;

#[derive(Serialize)]
pub struct Report {
    machine: Machine,
    quick: bool,
    rows: Vec<Row>,
}

/// One measured value, with the bare relay's where it has one.
#[derive(Serialize)]
pub struct Row {
    what: String,
    unit: &'static str,
    relay: Option<f64>,
    rivulet: f64,
    /// Rivulet's as a multiple of the relay's.
    ratio: Option<f64>,
    budget: Option<Budget>,
    met: Option<bool>,
}

/// The design's budget of a value.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// The value itself, in its unit.
    Most(f64),
    /// The difference from the relay's value.
    Added(f64, &'static str),
    /// The multiple of the relay's value.
    Ratio(f64),
}

impl Budget {
    pub fn most(value: f64) -> Self {
        Self::Most(value)
    }

    pub fn added(value: f64, unit: &'static str) -> Self {
        Self::Added(value, unit)
    }

    pub fn ratio(value: f64) -> Self {
        Self::Ratio(value)
    }

    fn is_met(self, row: &Row) -> bool {
        match self {
            Self::Most(most) => row.rivulet <= most,
            Self::Added(most, _) => row.rivulet - row.relay.unwrap_or_default() <= most,
            Self::Ratio(most) => row.ratio.is_some_and(|ratio| ratio <= most),
        }
    }

    fn words(self, unit: &str) -> String {
        match self {
            Self::Most(most) => format!("at most {most} {unit}"),
            Self::Added(most, unit) => format!("at most {most} {unit} more"),
            Self::Ratio(most) => format!("at most {most}x"),
        }
    }
}

impl Row {
    pub fn beside(what: String, unit: &'static str, relay: f64, rivulet: f64) -> Self {
        let ratio = (relay > 0.0).then(|| rivulet / relay);
        Self { what, unit, relay: Some(relay), rivulet, ratio, budget: None, met: None }
    }

    /// A value that the relay does not have.
    pub fn alone(what: String, unit: &'static str, rivulet: f64) -> Self {
        Self { what, unit, relay: None, rivulet, ratio: None, budget: None, met: None }
    }

    pub fn with(mut self, budget: Option<Budget>) -> Self {
        self.met = budget.map(|budget| budget.is_met(&self));
        self.budget = budget;
        self
    }

    fn cells(&self) -> [String; 6] {
        let number = |value: f64| format!("{value:.2}");
        [
            self.what.clone(),
            self.relay.map(number).unwrap_or_default(),
            format!("{} {}", number(self.rivulet), self.unit),
            self.ratio.map(|ratio| format!("{ratio:.2}x")).unwrap_or_default(),
            self.budget.map(|budget| budget.words(self.unit)).unwrap_or_default(),
            self.met.map(|met| if met { "met" } else { "MISSED" }.to_owned()).unwrap_or_default(),
        ]
    }
}

impl Report {
    pub fn new(machine: Machine, quick: bool) -> Self {
        Self { machine, quick, rows: Vec::new() }
    }

    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    #[expect(clippy::print_stdout, reason = "the table is what this program is for")]
    pub fn print(&self) {
        let Machine { cores, cpu, kernel, memory_mib, load_before, .. } = &self.machine;
        println!(
            "\n{cores} cores of {cpu}, {memory_mib} MiB of memory, Linux {kernel}; load before the run {load_before}"
        );
        if BUSY < *load_before {
            println!("Others were using this machine: these numbers are too high. Measure again when it is quiet.");
        }
        if self.quick {
            println!("Quick: smaller loads than the budgets speak of. For numbers to show, run it without --quick.");
        }
        println!("Memory is resident memory of the process; the kernel's own for its sockets is apart.\n");
        let head = ["", "relay", "Rivulet", "ratio", "budget", ""].map(str::to_owned);
        let table: Vec<_> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| table.iter().map(|cells| cells[column].len()).max().unwrap_or_default();
        let widths: [usize; 6] = std::array::from_fn(width);
        for [what, relay, rivulet, ratio, budget, met] in &table {
            let [a, b, c, d, e, _] = widths;
            let line = format!("{what:a$}  {relay:>b$}  {rivulet:>c$}  {ratio:>d$}  {budget:e$}  {met}");
            println!("{}", line.trim_end());
        }
    }

    pub fn write(&self) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        std::fs::write(PATH, json).with_context(|| format!("{PATH} cannot be written"))?;
        eprintln!("bench: {PATH} has the same as JSON");
        Ok(())
    }
}
