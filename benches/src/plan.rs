//! How much is measured: everything takes under ten minutes, `--quick` under one.

use crate::Arguments;
use crate::arrivals::Load;
use crate::client::Way;
use crate::memory::Open;
use crate::rounds::Rounds;
use crate::series::Shape;
use std::time::Duration;

/// A usual pace: two cores can serve a thousand replies of it.
const GAP: Duration = Duration::from_millis(50);
/// The pace of a fast model, at which Rivulet merges neighbouring pieces and a relay writes each.
const FAST: Duration = Duration::from_millis(10);
/// The lengths of replies for the costs of a token and of a message.
const LENGTHS: [usize; 3] = [40, 160, 640];

pub struct Plan {
    pub quick: bool,
    only: Option<String>,
    pub rounds: Rounds,
    pub open: Open,
    pub followers: usize,
    /// `None` if they are not measured.
    pub sockets: Option<usize>,
    /// The loads whose system calls are counted; none if they are not.
    pub counted: Vec<Load>,
    pub resumes: usize,
    pub starts: usize,
    pub growth: bool,
}

impl Plan {
    pub fn new(arguments: Arguments) -> Self {
        let Arguments { quick, only, rounds, stateless, .. } = arguments;
        let rivulet = if stateless { Way::Stateless } else { Way::Conversation };
        let shapes =
            |shapes: Vec<Shape>| shapes.into_iter().filter(|shape| has(only.as_deref(), kind(shape))).collect();
        if quick {
            let rounds = Rounds { shapes: shapes(few()), count: rounds.unwrap_or(1), rivulet };
            let open = Open { replies: 100, pieces: 20 };
            // Only with `--only`: each would take a sixth of the time.
            let (sockets, growth) = (only.is_some().then_some(500), only.is_some());
            let counted = if only.is_some() { counted(2_500.0, 500, 1_500) } else { Vec::new() };
            return Self {
                quick,
                only,
                rounds,
                open,
                followers: 1_000,
                sockets,
                counted,
                resumes: 100,
                starts: 3,
                growth,
            };
        }
        let rounds = Rounds { shapes: shapes(all()), count: rounds.unwrap_or(5), rivulet };
        // About a hundred words each.
        let open = Open { replies: 1_000, pieces: 100 };
        let (sockets, counted) = (Some(5_000), counted(5_000.0, 1_000, 2_000));
        Self { quick, only, rounds, open, followers: 10_000, sockets, counted, resumes: 300, starts: 10, growth: true }
    }

    pub fn has(&self, what: &str) -> bool {
        has(self.only.as_deref(), what)
    }
}

fn has(only: Option<&str>, what: &str) -> bool {
    only.is_none_or(|only| only == what)
}

/// Its name for `--only`.
fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::Poisson(_) => "latency",
        Shape::Burst(_) => "burst",
        Shape::Even(_) => "cost",
    }
}

/// Replies take eight seconds, a usual length, so 10, 50 and 125 messages per second keep 80, 400 and 1,000 open.
fn all() -> Vec<Shape> {
    const PIECES: usize = 160;
    let poisson = |rate, fill_ms, window_ms| Shape::Poisson(load(rate, PIECES, GAP, fill_ms, window_ms));
    let mut shapes = vec![poisson(10.0, 1_000, 3_000), poisson(50.0, 2_000, 4_000), poisson(125.0, 4_000, 5_000)];
    shapes.push(Shape::Burst(1_000));
    // Tokens per second that keep two cores below their capacity.
    shapes.extend([GAP, FAST].into_iter().flat_map(|gap| costs(5_000.0, gap, 1_000, 2_000)));
    shapes
}

/// Replies take one second.
fn few() -> Vec<Shape> {
    const PIECES: usize = 20;
    let poisson = |rate| Shape::Poisson(load(rate, PIECES, GAP, 500, 1_500));
    let mut shapes = [50.0, 125.0].map(poisson).to_vec();
    shapes.push(Shape::Burst(100));
    shapes.extend(costs(2_500.0, GAP, 500, 1_500));
    shapes
}

/// Loads with this number of tokens per second, one for each length of replies.
fn costs(tokens: f64, gap: Duration, fill_ms: u64, window_ms: u64) -> impl Iterator<Item = Shape> {
    LENGTHS.into_iter().map(move |pieces| Shape::Even(load(tokens / pieces as f64, pieces, gap, fill_ms, window_ms)))
}

/// The shortest and the longest replies of [`costs`] at the usual pace, which tell a token's calls from a message's.
fn counted(tokens: f64, fill_ms: u64, window_ms: u64) -> Vec<Load> {
    let [short, .., long] = LENGTHS;
    [short, long].map(|pieces| load(tokens / pieces as f64, pieces, GAP, fill_ms, window_ms)).to_vec()
}

fn load(rate: f64, pieces: usize, gap: Duration, fill_ms: u64, window_ms: u64) -> Load {
    let (fill, window) = (Duration::from_millis(fill_ms), Duration::from_millis(window_ms));
    Load { rate, pieces, gap, fill, window }
}
