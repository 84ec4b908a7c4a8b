//! Times: as the store and the API write them, and as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// From this age on a date is shown instead of the age.
const MAX_SECONDS: i64 = 7 * 86_400;

/// The current time, as the store and the API write it: RFC 3339 in UTC with milliseconds.
pub fn now() -> String {
    written(Timestamp::now())
}

/// The time `time` before now, in the format of [`now`], so that the two compare as text.
pub fn ago(time: Duration) -> String {
    written(Timestamp::now() - time)
}

/// The time `time` after now, in the format of [`now`].
pub fn ahead(time: Duration) -> String {
    written(Timestamp::now() + time)
}

fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A duration in words, as a time to wait: `12 seconds`, `5 minutes`.
pub fn span(seconds: u64) -> String {
    let plural = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match seconds {
        0..120 => plural(seconds, "second"),
        120..7_200 => plural(seconds.div_ceil(60), "minute"),
        7_200..172_800 => plural(seconds.div_ceil(3_600), "hour"),
        _ => plural(seconds.div_ceil(86_400), "day"),
    }
}

/// The age: `just now`, `3 minutes ago`, and a date when it is long ago.
pub fn since(time: &str) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return "at some time".into() };
    match Timestamp::now().as_second() - time.as_second() {
        ..60 => "just now".into(),
        seconds @ 60..3_600 => spoken(seconds / 60, "a minute", "minutes"),
        seconds @ 3_600..86_400 => spoken(seconds / 3_600, "an hour", "hours"),
        seconds @ 86_400..MAX_SECONDS => spoken(seconds / 86_400, "a day", "days"),
        _ => format!("on {}", date(time)),
    }
}

fn spoken(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("{one} ago") } else { format!("{count} {many} ago") }
}

/// The day: `today`, or a date.
pub fn day(time: &str) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return "some day".into() };
    if date(time) == date(Timestamp::now()) { "today".into() } else { format!("on {}", date(time)) }
}

/// To the minute, in UTC: for times that are looked up.
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

    #[test]
    fn a_time_is_said_as_people_say_it() {
        assert_eq!(since(&now()), "just now");
        for (seconds, said) in [
            (59, "just now"),
            (63, "a minute ago"),
            (119, "a minute ago"),
            (240, "4 minutes ago"),
            (3_599, "59 minutes ago"),
            (5_000, "an hour ago"),
            (86_399, "23 hours ago"),
            (100_000, "a day ago"),
            (6 * 86_400, "6 days ago"),
        ] {
            assert_eq!(since(&ago(Duration::from_secs(seconds))), said);
        }
        assert_eq!(since("2020-02-03T04:05:06.000Z"), "on 3 February 2020");
        assert_eq!(day(&now()), "today");
        assert_eq!(minute("2020-02-03T04:05:06.000Z"), "2020-02-03 04:05");
    }
}
