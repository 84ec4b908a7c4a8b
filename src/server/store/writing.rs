//! Limits on an account's writes besides messages: how often, and how much in all. Checked in the transaction that
//! writes, so that neither concurrent requests nor concurrent processes exceed them.
//!
//! Revoking (deleting, withdrawing a link, a token, access) is not counted: that must always be possible.

use super::sql::{Connection, query, query_scalar};
use crate::error::Problem;
use crate::model::ConversationId;
use crate::server::quota::Writer;
use crate::server::times::span;

/// The period of a limit.
const MINUTE_MS: i64 = 60_000;

/// Counts one write of the account. Call it in the transaction that writes: a write that is rolled back is not counted.
///
/// # Errors
/// 429, with the time of the next write.
pub(super) async fn count(write: &mut Connection, writer: Writer) -> Result<(), Problem> {
    let now = jiff::Timestamp::now().as_millisecond();
    let account = writer.account.to_string();
    let full_at: Option<i64> = query_scalar("select full_at from write_rate where account = $1")
        .bind(&account)
        .fetch_optional(&mut *write)
        .await?;
    let full_at = one_more(full_at.unwrap_or(now), now, i64::from(writer.most.per_minute.get()))?;
    query(
        "insert into write_rate (account, full_at) values ($1, $2)
         on conflict (account) do update set full_at = excluded.full_at",
    )
    .bind(&account)
    .bind(full_at)
    .execute(&mut *write)
    .await?;
    Ok(())
}

/// When all writes are available again after one more now.
fn one_more(full_at: i64, now: i64, per_minute: i64) -> Result<i64, Problem> {
    let each = (MINUTE_MS / per_minute).max(1);
    // Never more than a minute ahead: the wall clock may have been set back since.
    let full_at = full_at.clamp(now, now + MINUTE_MS) + each;
    let early = full_at - (now + MINUTE_MS);
    if early <= 0 {
        return Ok(full_at);
    }
    let retry_after_seconds = early.unsigned_abs().div_ceil(1_000);
    let message = format!(
        "You have made or changed {per_minute} things within a minute. Nothing was saved; try again in {}.",
        span(retry_after_seconds)
    );
    Err(Problem::TooMany { message, retry_after_seconds })
}

/// Checks that the account may have one more conversation.
///
/// # Errors
/// 409 where it has reached the limit.
pub(super) async fn check_conversations(write: &mut Connection, writer: Writer) -> Result<(), Problem> {
    let there: i64 = query_scalar("select count(*) from conversation where account = $1 and leaving_at is null")
        .bind(writer.account.to_string())
        .fetch_one(write)
        .await?;
    let most = writer.most.conversations;
    if there.unsigned_abs() < most {
        return Ok(());
    }
    Err(Problem::Conflict(format!("You have {most} conversations, which is the most. Delete some first.")))
}

/// The bytes of the instructions and the title of a conversation; none where it is not there.
pub(super) async fn bytes_of(write: &mut Connection, conversation: ConversationId) -> Result<u64, Problem> {
    let bytes: Option<i64> =
        query_scalar("select octet_length(system) + octet_length(title) from conversation where id = $1")
            .bind(conversation.to_string())
            .fetch_optional(write)
            .await?;
    Ok(bytes.unwrap_or_default().unsigned_abs())
}

/// Checks, once a conversation is written, that its instructions and title still fit with all others of the account.
/// `before` is how many bytes they had: what gets shorter always fits.
///
/// # Errors
/// 409 where they do not fit.
pub(super) async fn check_bytes(
    write: &mut Connection,
    writer: Writer,
    conversation: ConversationId,
    before: u64,
) -> Result<(), Problem> {
    if bytes_of(write, conversation).await? <= before {
        return Ok(());
    }
    let all: i64 = query_scalar(
        "select cast(coalesce(sum(octet_length(system) + octet_length(title)), 0) as bigint)
         from conversation where account = $1 and leaving_at is null",
    )
    .bind(writer.account.to_string())
    .fetch_one(write)
    .await?;
    let most = writer.most.text_bytes;
    if all.unsigned_abs() <= most {
        return Ok(());
    }
    let message = format!(
        "The instructions and titles of your conversations would be over {} MiB. Shorten some, or delete conversations.",
        most >> 20
    );
    Err(Problem::Conflict(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z36_a_minutes_writes_can_be_done_at_once_and_then_one_after_the_other() {
        let (mut full_at, now) = (0, 1_000_000);
        for _ in 0..60 {
            full_at = one_more(full_at, now, 60).unwrap();
        }
        let Err(Problem::TooMany { retry_after_seconds, .. }) = one_more(full_at, now, 60) else { panic!("written") };
        assert_eq!(retry_after_seconds, 1);
        full_at = one_more(full_at, now + 1_000, 60).unwrap();
        assert!(one_more(full_at, now + 1_000, 60).is_err());
    }

    #[test]
    fn z36_a_clock_that_was_set_back_keeps_nobody_from_writing_for_longer_than_a_moment() {
        let now = 1_000_000;
        let Err(Problem::TooMany { retry_after_seconds, .. }) = one_more(now + 3_600_000, now, 60) else {
            panic!("written")
        };
        assert_eq!(retry_after_seconds, 1, "and not an hour");
        assert!(one_more(now + 3_600_000 - 61_000, now, 60).is_err());
        assert!(one_more(now + 59_000, now, 60).is_ok());
    }
}
