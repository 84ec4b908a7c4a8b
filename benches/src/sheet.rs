//! The measurements that all clients of one load record together.

use crate::arrivals::Schedule;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub struct Sheet {
    began: Instant,
    from: Duration,
    until: Duration,
    noted: Mutex<Noted>,
}

/// The measurements of the window.
#[derive(Default)]
pub struct Noted {
    /// From a message's planned time to its first token.
    pub firsts: Vec<Duration>,
    /// Between two events with text of one reply.
    pub gaps: Vec<Duration>,
    pub tokens: usize,
    /// Messages sent and replies ended: both cost the server time.
    pub begun: usize,
    pub ended: usize,
    /// The first error of a client.
    failure: Option<anyhow::Error>,
}

impl Sheet {
    pub fn new(began: Instant, schedule: &Schedule) -> Self {
        Self { began, from: schedule.from, until: schedule.until, noted: Mutex::default() }
    }

    pub fn moment(&self, at: Duration) -> Instant {
        self.began + at
    }

    pub fn sent(&self) {
        if self.is_now(Instant::now()) {
            self.noted().begun += 1;
        }
    }

    /// Records a reply's first text, for the message with this planned time.
    pub fn first(&self, planned: Duration, now: Instant) {
        if (self.from..=self.until).contains(&planned) {
            self.noted().firsts.push(now.saturating_duration_since(self.moment(planned)));
        }
    }

    pub fn tokens(&self, count: usize, before: Option<Instant>, now: Instant) {
        if self.is_now(now) {
            let mut noted = self.noted();
            noted.tokens += count;
            noted.gaps.extend(before.map(|before| now - before));
        }
    }

    pub fn ended(&self) {
        if self.is_now(Instant::now()) {
            self.noted().ended += 1;
        }
    }

    pub fn failed(&self, error: anyhow::Error) {
        self.noted().failure.get_or_insert(error);
    }

    /// The number of first tokens so far.
    ///
    /// # Errors
    /// A client failed.
    pub fn firsts(&self) -> anyhow::Result<usize> {
        let mut noted = self.noted();
        noted.failure.take().map_or(Ok(noted.firsts.len()), Err)
    }

    pub fn take(&self) -> Noted {
        std::mem::take(&mut self.noted())
    }

    fn is_now(&self, now: Instant) -> bool {
        (self.moment(self.from)..self.moment(self.until)).contains(&now)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
