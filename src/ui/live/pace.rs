//! When to ask the server again: the pauses between attempts, and what cuts them short. Plain decisions, no clock.

use crate::error::Problem;

/// Silence after which a connection counts as dead: the server sends a keep-alive at least every 10 s (promise S12).
pub const SILENCE_MS: f64 = 30_000.0;
/// The limit when the tab becomes visible again: more silence than a live connection has, so it reconnects without
/// waiting longer.
const DOUBT_MS: f64 = 10_500.0;
/// A younger connection was opened after the event that woke the page.
const YOUNG_MS: f64 = 1_000.0;
/// The page shows that it waits for an answer that takes longer than this.
pub const SLOW_MS: f64 = 3_000.0;
/// A stream that lasted this long was a success, and the back-off starts over. One that ends at its first byte was not.
pub const SETTLED_MS: f64 = 1_000.0;
/// The polling interval of a tab without a stream.
pub const POLL_MS: f64 = 2_000.0;

const FIRST_MS: f64 = 500.0;
const LAST_MS: f64 = 30_000.0;
/// The maximum of the server's retry time that is respected.
const MAX_RETRY_AFTER_SECONDS: u64 = 300;

/// Full jitter: anywhere below a ceiling that doubles with each failure, so that a thousand tabs do not return at the
/// same time. `random` is from 0 to 1.
pub fn backoff_ms(failures: u32, random: f64) -> f64 {
    let ceiling = FIRST_MS * f64::from(2_u32.saturating_pow(failures.min(16)));
    random * ceiling.min(LAST_MS)
}

/// How a round with the server ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Another conversation or another cursor is to be followed: reconnect immediately.
    Again,
    /// The snapshot was fetched; the next poll is due soon.
    Polled,
    /// The connection broke, fell silent or sent something invalid.
    Lost,
    /// The server refused.
    Refused(Problem),
}

/// What to do before the next round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pause {
    None,
    /// Unless something happens that makes an attempt worthwhile.
    Soft(f64),
    /// The server asked for this pause.
    Firm(f64),
    /// Do not retry: nothing changes without an event.
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

/// An event outside of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nudge {
    /// Another conversation is open, or none.
    Turned,
    /// A message was sent, and its reply is on its way.
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
            // Without a network a new stream fails immediately, which shows the loss; to a server on this machine it
            // works.
            Self::Offline => true,
            Self::Online | Self::Woken => YOUNG_MS < age_ms,
            // The route and the visibility are checked separately.
            Self::Turned | Self::Hidden | Self::Sent => false,
        }
    }

    /// Whether it ends a pause: an attempt may now succeed, or the user waits for it.
    pub fn hurries(self) -> bool {
        !matches!(self, Self::Hidden | Self::Offline)
    }

    /// Whether the connection may have changed, so that earlier failures no longer count.
    pub fn forgives(self) -> bool {
        matches!(self, Self::Visible | Self::Online | Self::Woken)
    }
}
