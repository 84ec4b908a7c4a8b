//! The cost of a token and of a message for the server, from replies of three lengths at equal tokens per second.

use crate::fit::{self, Costs, Point};
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::run::Seen;
use crate::series::{Pair, Series, Shape, per_second};
use crate::times::median;

/// The goal for a token's processor time, as a multiple of the relay's (design, 10).
const TOKEN_RATIO: f64 = 1.45;
/// The goals for a message: the send, the end, and everything else that is not per token.
const MESSAGE_MS: f64 = 1.0;
const MESSAGE_SWITCHES: f64 = 24.0;

pub fn rows(all: &[Series], report: &mut Report) {
    let of_costs = |series: &&Series| matches!(series.shape, Shape::Even(_));
    let costs: Vec<_> = all.iter().filter(of_costs).collect();
    for lengths in costs.chunk_by(|one, next| pace(one) == pace(next)) {
        let Some(per_second) = pace(lengths[0]) else { continue };
        let cpu = |seen: &Seen| seen.usage.cpu.as_secs_f64() * 1e6;
        let switches = |seen: &Seen| seen.usage.switches as f64;
        let name = |what: &str| format!("{what}, {per_second} pieces/s");
        let us = of(lengths, cpu);
        let turns = of(lengths, switches);
        let token = |costs: &Costs| costs.per_token;
        let message = |costs: &Costs| costs.per_message;
        let millis = |costs: &Costs| costs.per_message / 1000.0;
        for (what, unit, of, goal) in [
            (name("CPU per token"), "us", us.each(token), Some(Budget::ratio(TOKEN_RATIO))),
            (name("CPU per message"), "ms", us.each(millis), Some(Budget::most(MESSAGE_MS))),
            (name("context switches per token"), "", turns.each(token), None),
            (name("context switches per message"), "", turns.each(message), Some(Budget::most(MESSAGE_SWITCHES))),
        ] {
            let [relay, rivulet] = of;
            report.add(Row::beside(what, unit, relay, rivulet).with(goal).under_all(lengths));
        }
    }
}

fn pace(series: &Series) -> Option<f64> {
    let Shape::Even(load) = &series.shape else { return None };
    Some(per_second(load))
}

/// The costs of the relay and of Rivulet, for each round that was kept of all lengths.
struct Rounds([Vec<Costs>; 2]);

impl Rounds {
    fn each(&self, of: impl Fn(&Costs) -> f64) -> [Option<f64>; 2] {
        [0, 1].map(|way| median(self.0[way].iter().map(&of)))
    }
}

fn of(lengths: &[&Series], cost: impl Fn(&Seen) -> f64) -> Rounds {
    let rounds = lengths.iter().map(|series| series.kept.len()).min().unwrap_or_default();
    let ways: [fn(&Pair) -> &Seen; 2] = [|pair| &pair.relay, |pair| &pair.rivulet];
    Rounds(ways.map(|way| {
        let point = |seen: &Seen| Point { tokens: seen.tokens, messages: seen.messages, cost: cost(seen) };
        let points = |round: usize| lengths.iter().map(|series| point(way(&series.kept[round]))).collect::<Vec<_>>();
        (0..rounds).filter_map(|round| fit::split(&points(round))).collect()
    }))
}
