//! Headings for the days of a list: today, yesterday, the previous days, months. Pure, and without the browser's clock:
//! server and browser draw the same first page.

const DAY_MS: i64 = 86_400_000;
/// A mean year of the Gregorian calendar.
const YEAR_MS: i64 = 31_556_952_000;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A moment as the reader's calendar has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since 1970.
    pub ms: i64,
    /// How far the reader's time zone is behind UTC.
    pub behind_minutes: i64,
}

impl Now {
    fn day(self, ms: i64) -> i64 {
        (ms - self.behind_minutes * 60_000).div_euclid(DAY_MS)
    }

    /// The heading under which something of this time stands (RFC 3339 in UTC).
    pub fn heading(self, at: &str) -> String {
        let (today, day) = (self.day(self.ms), self.day(time_ms(at).unwrap_or_default()));
        match today - day {
            ..=0 => "Today".into(),
            1 => "Yesterday".into(),
            2..=7 => "Previous 7 days".into(),
            _ => month(at, year_of(self.ms)),
        }
    }
}

/// The month of a time by its name, with the year where it is not this one. A month begins at midnight in UTC here.
fn month(at: &str, this_year: i64) -> String {
    let number =
        |from: usize, to: usize| at.get(from..to).and_then(|digits| digits.parse::<usize>().ok()).unwrap_or_default();
    let name = MONTHS[number(5, 7).clamp(1, MONTHS.len()) - 1];
    let year = number(0, 4);
    if i64::try_from(year) == Ok(this_year) { name.into() } else { format!("{name} {year}") }
}

/// The year of a time, exact but for the hours around its turn.
fn year_of(ms: i64) -> i64 {
    1970 + ms.div_euclid(YEAR_MS)
}

/// Milliseconds since 1970, to the minute.
fn time_ms(at: &str) -> Option<i64> {
    let number = |from: usize, to: usize| at.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days before a date of the Gregorian calendar, in years that begin with March.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day;
    Some((days - 719_469) * DAY_MS + (number(11, 13)? * 60 + number(14, 16)?) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now: &str, behind_minutes: i64, then: &str) -> String {
        Now { ms: time_ms(now).unwrap(), behind_minutes }.heading(then)
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time_ms("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(time_ms("2000-02-29T12:30:00.000Z"), Some(951_827_400_000));
        assert_eq!(time_ms("2026-11-30T10:57:33.000Z"), Some(1_796_036_220_000));
        assert_eq!(time_ms(""), None);
        for (time, year) in [("1970-01-02", 1970), ("2024-12-30", 2024), ("2026-01-02", 2026), ("2100-06-01", 2100)] {
            assert_eq!(year_of(time_ms(&format!("{time}T00:00")).unwrap()), year, "{time}");
        }
    }

    #[test]
    fn a_day_has_the_heading_of_its_distance() {
        let now = "2026-11-30T10:00:00.000Z";
        for (then, heading) in [
            ("2026-11-30T00:00:00.000Z", "Today"),
            ("2026-12-01T00:00:00.000Z", "Today"),
            ("2026-11-29T23:59:00.000Z", "Yesterday"),
            ("2026-11-28T00:00:00.000Z", "Previous 7 days"),
            ("2026-11-23T00:00:00.000Z", "Previous 7 days"),
            ("2026-11-22T23:00:00.000Z", "November"),
            ("2026-01-01T00:00:00.000Z", "January"),
            ("2025-12-31T23:00:00.000Z", "December 2025"),
        ] {
            assert_eq!(at(now, 0, then), heading, "{then}");
        }
    }

    #[test]
    fn days_begin_at_the_readers_midnight() {
        // 02:00 in Berlin, and still the evening before in New York.
        let now = "2026-11-30T01:00:00.000Z";
        assert_eq!(at(now, -60, "2026-11-29T23:30:00.000Z"), "Today");
        assert_eq!(at(now, 300, "2026-11-29T23:30:00.000Z"), "Today");
        assert_eq!(at(now, 300, "2026-11-29T04:30:00.000Z"), "Yesterday");
        assert_eq!(at(now, -60, "2026-11-29T22:30:00.000Z"), "Yesterday");
    }
}
