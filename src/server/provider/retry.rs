//! When to retry: as the provider's headers say, or after a pause where they say nothing.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// How long the provider asks to wait: `retry-after-ms`, or `retry-after` as seconds or as a date. None when it is
/// missing or malformed; zero for a date that has passed.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<f64>().ok();
    if let Some(milliseconds) = number("retry-after-ms") {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(text(RETRY_AFTER.as_str())?).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// Whether the provider itself says that a retry helps.
pub(crate) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    headers.get("x-should-retry")?.to_str().ok()?.parse().ok()
}

/// The pause before retry number `retry` (from 0): random, so that many replies that failed together do not return
/// together, between `shortest` and twice as much for each retry, at most `longest`.
pub(crate) fn pause(retry: u32, shortest: Duration, longest: Duration) -> Duration {
    let most = shortest.saturating_mul(2u32.saturating_pow(retry.saturating_add(1))).min(longest);
    // Without randomness the pauses are merely equal.
    let random = getrandom::u32().unwrap_or_default();
    shortest + most.saturating_sub(shortest).mul_f64(f64::from(random) / f64::from(u32::MAX))
}
