//! Limits that hold once over all processes: rates, places that are held, and tries of passwords.
//!
//! Each answer is waited for briefly. Without one the caller has its own limit.

use super::{Call, Failure, Redis, Script};
use ::redis::{FromRedisValue, Value};
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::timeout;

/// A request waits this long for a shared limit, and then has its node's own.
const WAIT: Duration = Duration::from_millis(500);
/// A number of places is believed this long without being told again: for so long a dead process holds them ...
const PLACES_ARE_BELIEVED: Duration = Duration::from_secs(10);
/// ... and told again this often.
pub const PLACES_ARE_TOLD: Duration = Duration::from_secs(3);
/// Telling that many of them, Redis is given to others.
const AT_ONCE: usize = 200;

pub(super) static RATE: Script = Script::new(include_str!("rate.lua"));
pub(super) static TRIES: Script = Script::new(include_str!("tries.lua"));
pub(super) static PLACE: Script = Script::new(include_str!("place.lua"));

/// A limit over time: how many a minute, and how many of them at once.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    pub per_minute: NonZeroU32,
    pub at_once: NonZeroU32,
}

/// What is done with tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// Counts one, where none of the keys has to wait.
    Begin,
    /// Looks whether one of the keys has to wait.
    Look,
    /// Counts one.
    Count,
    /// Uncounts one, and resets the keys that a success resets.
    Succeeded,
}

/// A key under which tries are counted, without the prefix, and how they are slowed.
#[derive(Clone, Debug)]
pub struct Tried {
    pub key: String,
    /// How many have no delay.
    pub free: u32,
    pub longest: Duration,
    pub forget: Duration,
    /// Whether a success resets it.
    pub resets: bool,
}

impl Redis {
    /// Counts one more: zero, or how long it is too early.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn rate(&self, key: &str, rate: Rate) -> Result<Duration, Failure> {
        let each = 60_000_000 / u64::from(rate.per_minute.get());
        let call = RATE.call(&[&self.key(key)]).arg(each).arg(rate.at_once.get());
        Ok(Duration::from_micros(self.number(call).await?))
    }

    /// Counts tries, or looks at them: zero, or how long the next one has to wait. `first` is the first delay.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn tries(&self, what: Tries, first: Duration, tried: &[Tried]) -> Result<Duration, Failure> {
        let keys: Vec<_> = tried.iter().map(|tried| self.key(&tried.key)).collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let word = match what {
            Tries::Begin => "begin",
            Tries::Look => "look",
            Tries::Count => "count",
            Tries::Succeeded => "succeeded",
        };
        let mut call = TRIES.call(&keys).arg(word).arg(milliseconds(first));
        for tried in tried {
            call = call.arg(tried.free).arg(milliseconds(tried.longest)).arg(milliseconds(tried.forget));
            call = call.arg(u8::from(tried.resets));
        }
        Ok(Duration::from_millis(self.number(call).await?))
    }

    /// Whether this process may hold `count` places, so that all hold at most `most`.
    ///
    /// # Errors
    /// There is no answer in time.
    pub async fn place(&self, key: &str, count: u32, most: u32) -> Result<bool, Failure> {
        Ok(self.number(self.hold(key, count, i64::from(most))).await? == 1)
    }

    /// Tells how many places this process holds.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn tell_places(&self, held: &[(String, u32)]) -> Result<(), Failure> {
        for held in held.chunks(AT_ONCE) {
            self.calls(held.iter().map(|(key, count)| self.hold(key, *count, -1)).collect()).await?;
        }
        Ok(())
    }

    fn hold(&self, key: &str, count: u32, most: i64) -> Call {
        let call = PLACE.call(&[&self.key(key)]).arg(self.process());
        call.arg(count).arg(most).arg(milliseconds(PLACES_ARE_BELIEVED)).arg(self.dead())
    }

    async fn number(&self, call: Call) -> Result<u64, Failure> {
        let value = timeout(WAIT, self.call(call)).await.map_err(|_| Failure::Away)??;
        number(value)
    }
}

fn number(value: Value) -> Result<u64, Failure> {
    u64::from_redis_value(value).map_err(|error| Failure::Refused(error.to_string()))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
