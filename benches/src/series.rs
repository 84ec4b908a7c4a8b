//! One load in several rounds. Each round measures the relay and Rivulet directly after each other, so that changes of the
//! machine affect both.

use crate::arrivals::{Load, Schedule};
use crate::client::Way;
use crate::rng::Dice;
use crate::run::{self, Seen};
use crate::times::{self, Times, median};
use crate::usage::Share;
use anyhow::Context;

/// In percent. A round is discarded if other virtual machines took more than this.
pub const MOST_STEAL: f64 = 2.0;

#[derive(Clone)]
pub enum Shape {
    /// For latencies.
    Poisson(Load),
    /// For costs.
    Even(Load),
    /// This number of messages at one time.
    Burst(usize),
}

pub struct Pair {
    pub relay: Seen,
    pub rivulet: Seen,
}

pub struct Series {
    pub shape: Shape,
    pub kept: Vec<Pair>,
    /// Rounds that were discarded.
    pub discarded: usize,
}

impl Shape {
    fn schedule(&self, round: u64) -> Schedule {
        match self {
            Self::Poisson(load) => load.poisson(&mut Dice::new(round)),
            Self::Even(load) => load.even(),
            Self::Burst(count) => Schedule::burst(*count),
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Poisson(load) => format!("{} messages/s, {} open", load.rate, load.open().round()),
            Self::Even(load) => format!("{} pieces, {}/s each", load.pieces, per_second(load)),
            Self::Burst(count) => format!("{count} at once"),
        }
    }
}

/// The pieces per second of one reply.
pub fn per_second(load: &Load) -> f64 {
    (1.0 / load.gap.as_secs_f64()).round()
}

impl Series {
    pub fn new(shape: Shape) -> Self {
        Self { shape, kept: Vec::new(), discarded: 0 }
    }

    /// Measures the relay and Rivulet with identical messages.
    pub async fn round(&mut self, round: usize, rivulet: Way) -> anyhow::Result<()> {
        let name = self.shape.name();
        let schedule = || self.shape.schedule(round as u64);
        let relay = run::run(Way::Relay, schedule()).await.with_context(|| format!("{name}, by the bare relay"))?;
        let rivulet = run::run(rivulet, schedule()).await.with_context(|| format!("{name}, by Rivulet"))?;
        let steal = relay.usage.share.steal.max(rivulet.usage.share.steal);
        if MOST_STEAL < steal {
            eprintln!("bench: {name}: round {} is discarded: {steal:.1} % steal", round + 1);
            self.discarded += 1;
        } else {
            self.kept.push(Pair { relay, rivulet });
        }
        Ok(())
    }

    /// The medians of the relay and of Rivulet.
    pub fn shares(&self) -> [Option<Share>; 2] {
        self.both(|seen| seen.usage.share).map(|shares| Share::median(&shares))
    }

    /// The medians of the rounds, of the relay and of Rivulet.
    pub fn median(&self, of: impl Fn(&Seen) -> f64) -> [Option<f64>; 2] {
        self.both(of).map(median)
    }

    /// The times in milliseconds that `rank` in a thousand do not exceed, of the relay and of Rivulet.
    pub fn thousandth(&self, rank: usize, of: impl Fn(&Seen) -> Option<Times>) -> [Option<f64>; 2] {
        self.both(of).map(|rounds| times::of_rounds(&rounds.into_iter().flatten().collect::<Vec<_>>(), rank))
    }

    fn both<T>(&self, of: impl Fn(&Seen) -> T) -> [Vec<T>; 2] {
        [
            self.kept.iter().map(|pair| of(&pair.relay)).collect(),
            self.kept.iter().map(|pair| of(&pair.rivulet)).collect(),
        ]
    }
}
