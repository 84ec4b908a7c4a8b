//! Limits of single accounts, and their usage.

use super::Store;
use super::audit::{self, Note};
use super::columns_of::columns;
use super::sql::batch::Batch;
use super::sql::{Query, Row, query};
use crate::model::AccountId;
use crate::server::quota::{Quota, Used, days};
use std::num::NonZeroU32;

fn quota(row: &Row) -> sqlx::Result<Quota> {
    let count = |name: &str| row.try_get::<Option<i64>>(name);
    let small = |name: &str| count(name).map(|it| it.and_then(|count| u32::try_from(count).ok()));
    let large = |name: &str| count(name).map(|it| it.and_then(|count| u64::try_from(count).ok()));
    Ok(Quota {
        sends_per_minute: small("sends_per_minute")?.and_then(NonZeroU32::new),
        open_replies: small("open_replies")?,
        streams: small("streams")?,
        tokens_per_day: large("tokens_per_day")?,
        tokens_per_month: large("tokens_per_month")?,
    })
}

/// Finds the account, where it is in use, and what it has used.
pub(super) fn allowance(account: AccountId) -> Query {
    let (today, month) = days();
    let found = query(concat!(
        "select ",
        columns!(account),
        ",
            (select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) from usage
             where usage.account = account.id and day >= $2) as today,
            (select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) from usage
             where usage.account = account.id and day >= $3) as this_month,
            (select instructions from preferences where preferences.account = account.id) as own_instructions
         from account where id = $1 and disabled_at is null"
    ));
    found.bind(account.to_string()).bind(today.to_string()).bind(month.to_string())
}

/// What [`allowance`] has found.
pub(super) fn allowed(row: &Row) -> sqlx::Result<(Quota, Used)> {
    let sum = |name: &str| row.try_get::<i64>(name).map(|sum| sum.max(0).unsigned_abs());
    Ok((quota(row)?, Used { today: sum("today")?, this_month: sum("this_month")? }))
}

impl Store {
    pub async fn quota(&self, account: AccountId) -> sqlx::Result<Quota> {
        let row = query(concat!("select ", columns!(account), " from account where id = $1"))
            .bind(account.to_string())
            .fetch_one(self.read())
            .await?;
        quota(&row)
    }

    /// The account's limits and usage. One query: every message waits for it. `RowNotFound` where the account is
    /// disabled or deleted.
    pub async fn allowance(&self, account: AccountId) -> sqlx::Result<(Quota, Used)> {
        let batch = Batch::read().then(allowance(account));
        let found = batch.run(self.read()).await?;
        allowed(found.first().and_then(|found| found.rows.first()).ok_or(sqlx::Error::RowNotFound)?)
    }

    pub async fn set_quota(&self, account: AccountId, quota: Quota, note: &Note) -> sqlx::Result<()> {
        let large = |count: Option<u64>| count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        let mut write = self.write().await?;
        query(
            "update account set sends_per_minute = $2, open_replies = $3, streams = $4, tokens_per_day = $5,
                    tokens_per_month = $6 where id = $1",
        )
        .bind(account.to_string())
        .bind(quota.sends_per_minute.map(|count| i64::from(count.get())))
        .bind(quota.open_replies.map(i64::from))
        .bind(quota.streams.map(i64::from))
        .bind(large(quota.tokens_per_day))
        .bind(large(quota.tokens_per_month))
        .execute(&mut *write)
        .await?;
        audit::add(&mut write, note).await?;
        write.commit().await
    }
}
