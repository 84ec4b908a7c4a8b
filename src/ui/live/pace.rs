//! When to ask the server again: the pauses between attempts, and what cuts them short. Plain decisions, no clock.

use crate::error::Problem;

/// Silence after which a connection is taken for dead: the server says something at least every 10 s (promise S12).
pub const SILENCE_MS: f64 = 30_000.0;
/// Somebody looks at the page again: with more silence than a sound connection shows, it is not worth the wait.
const DOUBT_MS: f64 = 10_500.0;
/// A connection this young was made after whatever just woke the page.
const YOUNG_MS: f64 = 1_000.0;
/// An answer that takes longer than this is worth telling.
pub const SLOW_MS: f64 = 3_000.0;
/// A stream that lasted so long was a success, and the back-off starts over. One that ends at its first byte was not.
pub const SETTLED_MS: f64 = 1_000.0;
/// Between two looks at the snapshot, in a tab that holds no stream.
pub const POLL_MS: f64 = 2_000.0;

const FIRST_MS: f64 = 500.0;
const LAST_MS: f64 = 30_000.0;
/// No server may send a page away for longer.
const MAX_RETRY_AFTER_SECONDS: u64 = 300;

/// Full jitter: anywhere below a ceiling that doubles with each failure, so that a thousand tabs do not return at once.
/// `random` is from 0 to 1.
pub fn backoff_ms(failures: u32, random: f64) -> f64 {
    let ceiling = FIRST_MS * f64::from(2_u32.saturating_pow(failures.min(16)));
    random * ceiling.min(LAST_MS)
}

/// How a round with the server ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Something else is to be followed, or the same from another cursor: at once.
    Again,
    /// The snapshot was fetched; the next look is due soon.
    Polled,
    /// The connection broke, fell silent or made no sense.
    Lost,
    /// The server answered that it will not.
    Refused(Problem),
}

/// What to do before the next round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pause {
    None,
    /// Unless something happens that makes an attempt worthwhile.
    Soft(f64),
    /// The server asked for it.
    Firm(f64),
    /// Nothing will change by itself.
    UntilNudged,
}

impl End {
    pub fn pause(&self, failures: u32, random: f64) -> Pause {
        let backoff = backoff_ms(failures, random);
        match self {
            Self::Again => Pause::None,
            Self::Polled => Pause::Soft(POLL_MS),
            Self::Lost => Pause::Soft(backoff),
            Self::Refused(Problem::Unknown) => Pause::UntilNudged,
            Self::Refused(problem) => match problem.retry_after_seconds() {
                Some(seconds) => Pause::Firm(seconds.min(MAX_RETRY_AFTER_SECONDS) as f64 * 1_000.0 + backoff),
                None => Pause::Soft(backoff),
            },
        }
    }

    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Lost | Self::Refused(_))
    }
}

/// Something happened beside the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nudge {
    /// Another conversation is open, or none.
    Turned,
    /// Something was sent, and the answer is on its way.
    Sent,
    Visible,
    Hidden,
    Online,
    Offline,
    /// The page comes back from a cache or a freeze, its connections dead.
    Woken,
}

impl Nudge {
    /// Whether a stream that was opened `age_ms` ago and has been silent for `silent_ms` is to be opened anew.
    pub fn renews(self, age_ms: f64, silent_ms: f64) -> bool {
        match self {
            Self::Visible => DOUBT_MS < silent_ms,
            // Without a network a new stream fails at once and the loss is known; to this machine it works.
            Self::Offline => true,
            Self::Online | Self::Woken => YOUNG_MS < age_ms,
            // These are seen by what is followed and by who looks.
            Self::Turned | Self::Hidden | Self::Sent => false,
        }
    }

    /// Whether it ends a pause: an attempt may now succeed, or somebody waits for it.
    pub fn hurries(self) -> bool {
        !matches!(self, Self::Hidden | Self::Offline)
    }

    /// Whether it is news of the connection, after which earlier failures say little.
    pub fn forgives(self) -> bool {
        matches!(self, Self::Visible | Self::Online | Self::Woken)
    }
}
