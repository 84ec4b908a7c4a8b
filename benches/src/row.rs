//! One figure: the measured value, the bare relay's if it has one, the goal, and how busy the machine was.

use crate::series::{MOST_STEAL, Series};
use crate::stat;
use crate::usage::{Share, Usage};
use serde::Serialize;

/// In percent. On a busier machine, latencies are mostly queueing: they are printed and not judged.
const MOST_BUSY: f64 = 80.0;
/// In percent of the machine, by other programs. The kernel's own work is below it.
const MOST_OTHERS: f64 = 10.0;

#[derive(Serialize)]
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub relay: Option<f64>,
    /// `None` if too little was measured.
    pub rivulet: Option<f64>,
    /// Rivulet's as a multiple of the relay's.
    pub ratio: Option<f64>,
    pub goal: Option<Budget>,
    pub verdict: Option<Verdict>,
    /// How many rounds were kept, if the figure has rounds.
    pub rounds: Option<usize>,
    pub machine: Option<Busy>,
    /// Whether it is not judged on a busy machine.
    latency: bool,
}

/// How busy the machine was, in percent.
#[derive(Clone, Copy, Serialize)]
pub struct Busy {
    pub relay: Option<f64>,
    pub rivulet: f64,
    pub steal: f64,
    /// The use by other programs than the server, the clients and the model's API. `None` if it was not measured.
    pub others: Option<f64>,
}

/// The goal for a value.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// The value itself, in its unit.
    Most(f64),
    /// The value itself, or this multiple of the relay's value if that is more.
    MostOrRatio(f64, f64),
    /// The difference from the relay's value.
    Added(f64, &'static str),
    /// The multiple of the relay's value.
    Ratio(f64),
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    /// With the reason.
    NotJudged(String),
}

impl Budget {
    pub fn most(value: f64) -> Self {
        Self::Most(value)
    }

    pub fn most_or_ratio(value: f64, ratio: f64) -> Self {
        Self::MostOrRatio(value, ratio)
    }

    pub fn added(value: f64, unit: &'static str) -> Self {
        Self::Added(value, unit)
    }

    pub fn ratio(value: f64) -> Self {
        Self::Ratio(value)
    }

    /// `None` if it compares with the relay's value and there is none.
    fn is_met(self, relay: Option<f64>, rivulet: f64) -> Option<bool> {
        Some(match self {
            Self::Most(most) => rivulet <= most,
            Self::MostOrRatio(most, ratio) => rivulet <= most.max(ratio * relay?),
            Self::Added(most, _) => rivulet - relay? <= most,
            Self::Ratio(most) => rivulet <= most * relay?,
        })
    }

    fn words(self, unit: &str) -> String {
        match self {
            Self::Most(most) => format!("at most {most} {unit}").trim_end().to_owned(),
            Self::MostOrRatio(most, ratio) => format!("at most {most} {unit} or {ratio}x"),
            Self::Added(most, unit) => format!("at most {most} {unit} more"),
            Self::Ratio(most) => format!("at most {most}x"),
        }
    }
}

impl Row {
    pub fn beside(
        what: String,
        unit: &'static str,
        relay: impl Into<Option<f64>>,
        rivulet: impl Into<Option<f64>>,
    ) -> Self {
        let (relay, rivulet) = (relay.into(), rivulet.into());
        let ratio = relay.filter(|relay| *relay > 0.0).zip(rivulet).map(|(relay, rivulet)| rivulet / relay);
        let (goal, verdict, rounds, machine) = (None, None, None, None);
        Self { what, unit, relay, rivulet, ratio, goal, verdict, rounds, machine, latency: false }
    }

    /// A value that the relay does not have.
    pub fn alone(what: String, unit: &'static str, rivulet: f64) -> Self {
        Self::beside(what, unit, None, rivulet)
    }

    pub fn with(mut self, goal: Option<Budget>) -> Self {
        self.goal = goal;
        self
    }

    /// Marks it as a latency, which is not judged on a busy machine.
    pub fn latency(mut self) -> Self {
        self.latency = true;
        self
    }

    /// Adds the machine's use under this load.
    pub fn under(self, series: &Series) -> Self {
        self.under_all(&[series])
    }

    /// Adds the highest use under these loads, and the smallest number of rounds.
    pub fn under_all(mut self, all: &[&Series]) -> Self {
        let shares: Vec<_> = all.iter().map(|series| series.shares()).collect();
        let most = |way: usize| shares.iter().filter_map(|ways| ways[way]).map(|share| share.busy).reduce(f64::max);
        let of_all = |part: fn(&Share) -> f64| shares.iter().flatten().flatten().map(part).reduce(f64::max);
        let others = of_all(|share| share.others);
        self.rounds = all.iter().map(|series| series.kept.len()).min();
        self.machine = most(1).zip(of_all(|share| share.steal)).map(|(rivulet, steal)| Busy {
            relay: most(0),
            rivulet,
            steal,
            others,
        });
        self
    }

    /// Adds the machine's use during this measurement.
    pub fn during(mut self, usage: &Usage) -> Self {
        let share = usage.share;
        let (rivulet, steal, others) = (share.busy, share.steal, Some(share.others));
        self.machine = Some(Busy { relay: None, rivulet, steal, others });
        self
    }

    /// Adds the machine's use during the whole part, if no better one is known.
    pub fn meanwhile(&mut self, machine: stat::Share) {
        if self.rounds.is_none() {
            self.machine.get_or_insert(Busy { relay: None, rivulet: machine.busy, steal: machine.steal, others: None });
        }
    }

    /// Judges it. A figure with fewer rounds than `rounds` is not judged.
    pub fn judge(&mut self, rounds: usize) {
        let Some(goal) = self.goal else { return };
        let met = self.rivulet.and_then(|rivulet| goal.is_met(self.relay, rivulet));
        self.verdict = Some(match (self.doubt(rounds), met) {
            (Some(doubt), _) => Verdict::NotJudged(doubt),
            (None, None) => Verdict::NotJudged("too little was measured".into()),
            (None, Some(true)) => Verdict::Met,
            (None, Some(false)) => Verdict::Missed,
        });
    }

    fn doubt(&self, rounds: usize) -> Option<String> {
        if let Some(kept) = self.rounds.filter(|kept| *kept < rounds) {
            return Some(format!("{kept} of {rounds} rounds"));
        }
        let machine = self.machine?;
        let busy = machine.relay.unwrap_or_default().max(machine.rivulet);
        if MOST_STEAL < machine.steal {
            return Some(format!("{:.1} % steal", machine.steal));
        }
        if let Some(others) = machine.others.filter(|others| MOST_OTHERS < *others) {
            return Some(format!("others used {others:.0} %"));
        }
        (self.latency && MOST_BUSY < busy).then(|| format!("{busy:.0} % busy"))
    }

    /// The cells of its line in the table.
    pub fn cells(&self) -> [String; 7] {
        let number = |value: f64| format!("{value:.2}");
        let value = |value: f64| format!("{} {}", number(value), self.unit).trim_end().to_owned();
        [
            self.what.clone(),
            self.relay.map(number).unwrap_or_default(),
            self.rivulet.map_or("too few".into(), value),
            self.ratio.map(|ratio| format!("{ratio:.2}x")).unwrap_or_default(),
            self.goal.map(|goal| goal.words(self.unit)).unwrap_or_default(),
            self.verdict.as_ref().map(Verdict::words).unwrap_or_default(),
            self.machine.map(Busy::words).unwrap_or_default(),
        ]
    }
}

impl Verdict {
    pub fn words(&self) -> String {
        match self {
            Self::Met => "met".into(),
            Self::Missed => "MISSED".into(),
            Self::NotJudged(why) => format!("not judged: {why}"),
        }
    }
}

impl Busy {
    fn words(self) -> String {
        let relay = self.relay.map(|relay| format!("{relay:.0} · ")).unwrap_or_default();
        let others = self.others.map(|others| format!(", others {others:.0}")).unwrap_or_default();
        format!("{relay}{:.0} %, steal {:.1}{others}", self.rivulet, self.steal)
    }
}
