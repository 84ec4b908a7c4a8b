//! Times as people read them on pages that the server draws.

use super::throttle::span;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// From here on a date says more than how long ago it was.
const MOST_SECONDS: i64 = 7 * 86_400;

/// How long ago: `just now`, `3 minutes ago`, and a date when it is long.
pub fn since(time: &str) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return "at some time".into() };
    match Timestamp::now().as_second() - time.as_second() {
        ..60 => "just now".into(),
        seconds @ 60..MOST_SECONDS => format!("{} ago", span(seconds.unsigned_abs())),
        _ => format!("on {}", date(time)),
    }
}

/// The day: `today`, or a date.
pub fn day(time: &str) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return "some day".into() };
    if date(time) == date(Timestamp::now()) { "today".into() } else { format!("on {}", date(time)) }
}

/// To the minute, in UTC: for what is looked up.
pub fn minute(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => time.to_owned(),
    }
}

fn date(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%-d %B %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::store::{ago, now};
    use std::time::Duration;

    #[test]
    fn a_time_is_said_as_people_say_it() {
        assert_eq!(since(&now()), "just now");
        assert_eq!(since(&ago(Duration::from_secs(240))), "4 minutes ago");
        assert_eq!(since("2020-02-03T04:05:06.000Z"), "on 3 February 2020");
        assert_eq!(day(&now()), "today");
        assert_eq!(minute("2020-02-03T04:05:06.000Z"), "2020-02-03 04:05");
    }
}
