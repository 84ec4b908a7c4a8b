//! When messages are sent (an open loop). All times are decided before the load begins: a slow server cannot delay later
//! messages, and their waiting is counted, because latency runs from the planned time.

use super::rng::Dice;
use std::time::Duration;

/// Messages at a fixed rate, with replies of equal length.
#[derive(Clone, Debug)]
pub struct Load {
    /// Messages per second.
    pub rate: f64,
    /// Of each reply.
    pub pieces: usize,
    /// Between two pieces.
    pub gap: Duration,
    /// The time before the window, in which as many replies are opened as the rate and their length keep open.
    pub fill: Duration,
    /// The measured time.
    pub window: Duration,
}

/// A message at its planned time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// Since the beginning of the load.
    pub at: Duration,
    /// Of its reply.
    pub pieces: usize,
}

/// All messages of a load, and the number of clients that it needs.
pub struct Schedule {
    /// Sorted by time.
    pub arrivals: Vec<Arrival>,
    /// Messages with a planned time from here until `until` are measured.
    pub from: Duration,
    pub until: Duration,
    pub gap: Duration,
    pub clients: usize,
}

/// The load continues this long after the window, so that the window's last messages are answered under it.
const TAIL: Duration = Duration::from_millis(500);
/// The replies that fill the load begin within this part of `fill`; in the rest the load settles.
const FILLING: f64 = 0.8;
/// About how long a client is idle between a reply and its next message. No user sends within a millisecond.
const REST: Duration = Duration::from_secs(1);
/// Clients for this many standard deviations of open replies above the mean of a Poisson load; more is rare.
const DEVIATIONS: f64 = 4.0;
/// The fractional parts of its multiples are spread evenly, for any number of them.
const GOLDEN: f64 = 0.618_033_988_749_895;

impl Load {
    /// The length of one reply.
    pub fn length(&self) -> Duration {
        self.gap * self.pieces as u32
    }

    /// How many replies are open concurrently, once the load is full.
    pub fn open(&self) -> f64 {
        self.rate * self.length().as_secs_f64()
    }

    /// Independent users: the time between two messages has an exponential distribution.
    pub fn poisson(&self, dice: &mut Dice) -> Schedule {
        let mut now = 0.0;
        self.schedule(|| {
            now += -(1.0 - uniform(dice)).ln() / self.rate;
            now
        })
    }

    /// Messages at equal intervals: for costs, where chance would only add noise.
    pub fn even(&self) -> Schedule {
        let mut count = 0.0;
        self.schedule(|| {
            count += 1.0;
            count / self.rate
        })
    }

    fn schedule(&self, mut next: impl FnMut() -> f64) -> Schedule {
        let end = (self.fill + self.window + TAIL).as_secs_f64();
        let moments = std::iter::from_fn(|| Some(next())).take_while(|at| *at < end);
        let mut arrivals: Vec<_> =
            moments.map(|at| Arrival { at: Duration::from_secs_f64(at), pieces: self.pieces }).collect();
        arrivals.extend(self.filling());
        arrivals.sort_by_key(|arrival| arrival.at);
        let spare = DEVIATIONS * self.open().sqrt() + self.rate * REST.as_secs_f64();
        Schedule {
            arrivals,
            from: self.fill,
            until: self.fill + self.window,
            gap: self.gap,
            clients: (self.open() + spare).ceil() as usize,
        }
    }

    /// Replies that would have begun before the load did. Their remaining lengths at the beginning of the window are
    /// spread evenly, as in the middle of a long run, so the load is full without waiting for a whole reply's length.
    fn filling(&self) -> impl Iterator<Item = Arrival> {
        let before = self.length().saturating_sub(self.fill).as_secs_f64();
        let count = (self.rate * before).round() as usize;
        let fill = self.fill.as_secs_f64();
        (0..count).map(move |index| {
            let at = fill * FILLING * index as f64 / count as f64;
            let left = before * (index as f64 * GOLDEN).fract();
            let pieces = ((fill + left - at) / self.gap.as_secs_f64()).ceil().max(1.0);
            Arrival { at: Duration::from_secs_f64(at), pieces: pieces as usize }
        })
    }
}

impl Schedule {
    /// `count` messages at one time, after a few that warm up the new process. A reply writes its first piece and then
    /// pauses, so that only the messages load the machine.
    pub fn burst(count: usize) -> Self {
        const WARM: usize = 50;
        const WARM_EVERY: Duration = Duration::from_millis(10);
        const BURST: Duration = Duration::from_secs(1);
        let warm = (0..WARM).map(|index| Arrival { at: WARM_EVERY * index as u32, pieces: 1 });
        let arrivals = warm.chain((0..count).map(|_| Arrival { at: BURST, pieces: 2 })).collect();
        Self { arrivals, from: BURST, until: BURST, gap: Duration::from_secs(2), clients: count + WARM }
    }

    /// The number of measured messages.
    pub fn measured(&self) -> usize {
        self.arrivals.iter().filter(|arrival| self.measures(arrival.at)).count()
    }

    pub fn measures(&self, at: Duration) -> bool {
        (self.from..=self.until).contains(&at)
    }
}

/// A random number from 0 up to, but not including, 1.
fn uniform(dice: &mut Dice) -> f64 {
    const STEPS: u64 = 1 << 53;
    dice.below(STEPS) as f64 / STEPS as f64
}
