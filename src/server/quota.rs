//! How much an account may use: its own limits, or else the settings' limits for all. Checked before a provider is
//! called.

use super::times::span;
use crate::error::Problem;
use crate::model::AccountId;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::num::NonZeroU32;

/// The limits of one account; none where the settings apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    pub sends_per_minute: Option<NonZeroU32>,
    pub open_replies: Option<u32>,
    pub streams: Option<u32>,
    pub tokens_per_day: Option<u64>,
    pub tokens_per_month: Option<u64>,
}

/// What an account has used, in tokens read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub today: u64,
    pub this_month: u64,
}

/// The settings' limits for all accounts.
#[derive(Clone, Copy, Debug)]
pub struct Everybody {
    pub sends_per_minute: NonZeroU32,
    pub open_replies: usize,
    pub tokens_per_day: Option<u64>,
    pub tokens_per_month: Option<u64>,
}

/// The settings' limits on writes besides messages.
#[derive(Clone, Copy, Debug)]
pub struct MostWritten {
    /// Items created or changed per minute, by every way that stores something.
    pub per_minute: NonZeroU32,
    pub conversations: u64,
    /// The system prompts and titles of all conversations.
    pub text_bytes: u64,
}

/// The writer of something that is stored, and its limits.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    pub account: AccountId,
    pub most: MostWritten,
}

/// How long to wait before a reply is asked for again, where too many are open: one may have ended by then.
const RETRY_OPEN_SECONDS: u64 = 5;

/// The answer to an account that has this number of replies open, and may have no more.
pub fn too_many_open(others: usize) -> Problem {
    let message = format!("{others} replies are being written for you already. Stop one, or wait until one ends.");
    Problem::TooMany { message, retry_after_seconds: RETRY_OPEN_SECONDS }
}

/// The current day and month in UTC: today, and the first of this month.
pub fn days() -> (Date, Date) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    (today, today.first_of_month())
}

impl Quota {
    /// # Errors
    /// 429, with the time when it ends, where the tokens of the day or of the month are used up.
    pub fn check(&self, everybody: &Everybody, used: Used) -> Result<(), Problem> {
        let (today, month) = days();
        let most = self.tokens_per_month.or(everybody.tokens_per_month);
        over(most, used.this_month, "This month's", month.saturating_add(1.month()))?;
        let most = self.tokens_per_day.or(everybody.tokens_per_day);
        over(most, used.today, "Today's", today.saturating_add(1.day()))
    }
}

fn over(most: Option<u64>, used: u64, whose: &str, end: Date) -> Result<(), Problem> {
    let Some(most) = most.filter(|most| *most <= used) else { return Ok(()) };
    let until = end.to_zoned(TimeZone::UTC).map(|end| end.timestamp()).unwrap_or_default();
    let retry_after_seconds = (until.as_second() - Timestamp::now().as_second()).max(1).unsigned_abs();
    let message = format!(
        "{whose} {most} tokens are used up. It goes on at 00:00 UTC on {}, in {}. Nothing was sent; whoever runs this \
         server can raise the limit.",
        end.strftime("%-d %B"),
        span(retry_after_seconds)
    );
    Err(Problem::TooMany { message, retry_after_seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everybody(tokens_per_day: Option<u64>, tokens_per_month: Option<u64>) -> Everybody {
        Everybody { sends_per_minute: NonZeroU32::MIN, open_replies: 1, tokens_per_day, tokens_per_month }
    }

    #[test]
    fn what_is_set_for_an_account_counts_before_what_is_set_for_all() {
        let used = Used { today: 100, this_month: 1_000 };
        let own = Quota { tokens_per_day: Some(101), ..Quota::default() };
        assert!(Quota::default().check(&everybody(None, None), used).is_ok());
        assert!(Quota::default().check(&everybody(Some(100), None), used).is_err());
        assert!(own.check(&everybody(Some(100), None), used).is_ok());
        assert!(own.check(&everybody(Some(100), Some(1_000)), used).is_err());
    }

    #[test]
    fn a_limit_says_when_it_ends() {
        let used = Used { today: 1, this_month: 1 };
        let Err(Problem::TooMany { message, retry_after_seconds }) =
            Quota::default().check(&everybody(Some(1), None), used)
        else {
            panic!("let through")
        };
        assert!((1..=86_400).contains(&retry_after_seconds));
        assert!(message.starts_with("Today's 1 tokens are used up. It goes on at 00:00 UTC on "), "{message}");
    }
}
