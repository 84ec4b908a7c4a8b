//! What an account has used, in tokens: by day and model, in a conversation, today.

use super::State;
use super::store::usage::Daily;
use crate::contract::Spent;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, Usage};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The default number of days.
pub const USUAL_DAYS: i64 = 30;
/// A leap year: the ledger has a row for each day and model, so that this is a page of rows.
const MAX_DAYS: i64 = 366;

/// The last `days` days, including today, newest first. Days without a reply are left out.
pub async fn daily(state: &State, account: AccountId, days: i64) -> Result<Vec<Daily>, Problem> {
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::invalid("days", format!("Ask for 1 to {MAX_DAYS} days.")));
    }
    Ok(state.store.usage_since(account, &first_day(days)).await?)
}

/// What the conversation has used in all, and the account today.
pub async fn spent(state: &State, account: AccountId, conversation: Option<ConversationId>) -> Result<Spent, Problem> {
    let today = state.store.usage_since(account, &first_day(1)).await?;
    let today = today.iter().fold(Usage::default(), |sum, daily| sum.plus(daily.usage));
    let conversation = match conversation {
        None => None,
        Some(id) => {
            state.store.conversation(account, id).await?;
            Some(state.store.usage_of(id).await?)
        }
    };
    Ok(Spent { conversation, today })
}

/// The first of `days` days that end today (in UTC, as all times here).
pub fn first_day(days: i64) -> String {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    today.saturating_sub((days - 1).days()).to_string()
}
