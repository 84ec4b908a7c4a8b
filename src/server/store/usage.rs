//! Usage in tokens and in money, for each account by day and model. A separate ledger, so that the cost of a deleted
//! conversation stays known.

use super::Store;
use super::sql::batch::Batch;
use super::sql::{Connection, Key, Lock, Query, Row, query};
use crate::model::{AccountId, ConversationId, MessageId, Usage};
use crate::server::times::now;

/// What an account has used of a model on one day (in UTC).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    pub day: String,
    pub model: String,
    pub usage: Usage,
    pub replies: u64,
}

/// The statement that adds rows to the ledger; in their order: account, day, model, tokens in and out, how many are
/// estimated, cost, replies.
macro_rules! add_to_ledger {
    ($rows:literal) => {
        concat!(
            "insert into usage
                (account, day, model, input_tokens, output_tokens, estimated, cost_micros, replies) ",
            $rows,
            " on conflict (account, day, model) do update set
                input_tokens = usage.input_tokens + excluded.input_tokens,
                output_tokens = usage.output_tokens + excluded.output_tokens,
                estimated = usage.estimated + excluded.estimated,
                cost_micros = coalesce(usage.cost_micros + excluded.cost_micros, excluded.cost_micros, usage.cost_micros),
                replies = usage.replies + excluded.replies"
        )
    };
}

/// Binds the usage, after the account.
fn add(query: Query, usage: Usage) -> Query {
    query
        .bind(usage.input_tokens as i64)
        .bind(usage.output_tokens as i64)
        .bind(i64::from(usage.estimated))
        .bind(usage.cost_micros.map(|cost| cost as i64))
}

/// Writes a reply's usage into the ledger of the account that requested it, right before its end in one transaction: where
/// the process still generates it. Where that account is deleted, it goes to the conversation's owner.
pub(super) fn charge_reply(process: &str, reply: MessageId, usage: Usage, finished_at: &str) -> Query {
    query(add_to_ledger!(
        "select coalesce((select id from account where id = message.account), conversation.account), substr($2, 1, 10),
                coalesce(message.model, ''), $3, $4, $5, $6, 1
         from message join conversation on conversation.id = message.conversation
         where message.id = $1 and message.process = $7 and message.status = 'streaming'"
    ))
    .bind(reply.to_string())
    .bind(finished_at)
    .bind(usage.input_tokens as i64)
    .bind(usage.output_tokens as i64)
    .bind(i64::from(usage.estimated))
    .bind(usage.cost_micros.map(|cost| cost as i64))
    .bind(process)
}

/// Adds a guest's usage to the account's.
pub(super) async fn inherit(write: &mut Connection, guest: AccountId, account: AccountId) -> sqlx::Result<()> {
    query(add_to_ledger!(
        "select $2, day, model, input_tokens, output_tokens, estimated, cost_micros, replies
         from usage where account = $1"
    ))
    .bind(guest.to_string())
    .bind(account.to_string())
    .execute(write)
    .await?;
    Ok(())
}

fn counted(row: &Row) -> sqlx::Result<Usage> {
    let count = |name: &str| row.try_get::<i64>(name).map(|count| count.max(0) as u64);
    Ok(Usage {
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        estimated: 0 < count("estimated")?,
        cost_micros: row.try_get::<Option<i64>>("cost_micros")?.map(|cost| cost.max(0) as u64),
    })
}

pub(super) fn daily(row: &Row) -> sqlx::Result<Daily> {
    Ok(Daily {
        day: row.try_get("day")?,
        model: row.try_get("model")?,
        usage: counted(row)?,
        replies: row.try_get::<i64>("replies")?.max(0) as u64,
    })
}

impl Store {
    /// Writes the usage of the conversation's title into the ledger of the account that requested the reply: the
    /// current one, or `account` where the conversation is deleted.
    pub async fn charge_title(
        &self,
        (reply, account): (MessageId, AccountId),
        model: &str,
        usage: Usage,
    ) -> sqlx::Result<()> {
        let query = query(add_to_ledger!(
            "select id, substr($3, 1, 10), $4, $5, $6, $7, $8, 0 from account where id = coalesce(
                (select coalesce((select id from account where id = message.account), conversation.account)
                 from message join conversation on conversation.id = message.conversation where message.id = $1), $2)"
        ));
        let query = query.bind(reply.to_string()).bind(account.to_string()).bind(now()).bind(model);
        self.charge(account, add(query, usage)).await
    }

    /// Writes the usage of a stateless answer.
    pub async fn charge_account(&self, account: AccountId, model: &str, usage: Usage) -> sqlx::Result<()> {
        // Nothing where the account has been deleted.
        let query =
            query(add_to_ledger!("select id, substr($2, 1, 10), $3, $4, $5, $6, $7, 1 from account where id = $1"));
        self.charge(account, add(query.bind(account.to_string()).bind(now()).bind(model), usage)).await
    }

    async fn charge(&self, account: AccountId, query: Query) -> sqlx::Result<()> {
        self.write_batch(Batch::write(Lock::Beside(&[Key::Account(account)])).then(query)).await?;
        Ok(())
    }

    /// The account's usage from `day` (2026-01-31) on, the newest day first.
    pub async fn usage_since(&self, account: AccountId, day: &str) -> sqlx::Result<Vec<Daily>> {
        let rows = query(
            "select day, model, input_tokens, output_tokens, replies, estimated, cost_micros from usage
             where account = $1 and day >= $2 order by day desc, model",
        )
        .bind(account.to_string())
        .bind(day)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(daily).collect()
    }

    /// The total usage of a conversation's replies, including those that are not shown.
    pub async fn usage_of(&self, conversation: ConversationId) -> sqlx::Result<Usage> {
        let row = query(
            "select cast(coalesce(sum(input_tokens), 0) as bigint) as input_tokens,
                    cast(coalesce(sum(output_tokens), 0) as bigint) as output_tokens,
                    cast(coalesce(sum(usage_estimated), 0) as bigint) as estimated,
                    cast(sum(cost_micros) as bigint) as cost_micros
             from message where conversation = $1",
        )
        .bind(conversation.to_string())
        .fetch_one(self.read())
        .await?;
        counted(&row)
    }
}
