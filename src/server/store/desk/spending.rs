//! What a site's replies have cost: in a ledger of its own, never in that of a visitor's account.

use crate::model::{ConversationId, MessageId, SiteId, Usage};
use crate::server::store::Store;
use crate::server::store::sql::batch::Batch;
use crate::server::store::sql::{Key, Lock, Query, query};
use crate::server::times::now;

macro_rules! add_to_ledger {
    ($rows:literal) => {
        concat!(
            "insert into site_usage
                (site, day, model, input_tokens, output_tokens, estimated, cost_micros, replies) ",
            $rows,
            " on conflict (site, day, model) do update set
                input_tokens = site_usage.input_tokens + excluded.input_tokens,
                output_tokens = site_usage.output_tokens + excluded.output_tokens,
                estimated = site_usage.estimated + excluded.estimated,
                cost_micros = coalesce(site_usage.cost_micros + excluded.cost_micros, excluded.cost_micros,
                                       site_usage.cost_micros),
                replies = site_usage.replies + excluded.replies"
        )
    };
}

fn add(query: Query, usage: Usage) -> Query {
    query
        .bind(usage.input_tokens as i64)
        .bind(usage.output_tokens as i64)
        .bind(i64::from(usage.estimated))
        .bind(usage.cost_micros.map(|cost| cost as i64))
}

/// Writes a reply's usage into the site's ledger, right before its end in one transaction: where the process still generates
/// it.
pub(in crate::server::store) fn charge_reply_of_site(
    (process, site): (&str, SiteId),
    reply: MessageId,
    usage: Usage,
    finished_at: &str,
) -> Query {
    let charge = query(add_to_ledger!(
        "select $1, substr($2, 1, 10), coalesce(message.model, ''), $3, $4, $5, $6, 1 from message
         where message.id = $7 and message.process = $8 and message.status = 'streaming'"
    ));
    add(charge.bind(site.to_string()).bind(finished_at), usage).bind(reply.to_string()).bind(process)
}

/// What other processes see after the end of a reply.
pub(in crate::server::store) fn after_end(conversation: ConversationId, at: &str) -> Query {
    query("update assignment set version = version + 1, changed_at = $2 where conversation = $1")
        .bind(conversation.to_string())
        .bind(at)
}

impl Store {
    /// Writes the usage of an answer that was paid for and shown to nobody.
    pub async fn charge_site(&self, site: SiteId, model: &str, usage: Usage) -> sqlx::Result<()> {
        let charge = query(add_to_ledger!("select $1, substr($2, 1, 10), $3, $4, $5, $6, $7, 0 where 1 = 1"));
        let charge = add(charge.bind(site.to_string()).bind(now()).bind(model), usage);
        self.write_batch(Batch::write(Lock::Beside(&[Key::Site(site)])).then(charge)).await?;
        Ok(())
    }

    /// What the site has used on this day: tokens, and millionths of a dollar.
    pub async fn site_used(&self, site: SiteId, day: &str) -> sqlx::Result<(u64, u64)> {
        let row = query(
            "select cast(coalesce(sum(input_tokens + output_tokens), 0) as bigint) as tokens,
                    cast(coalesce(sum(cost_micros), 0) as bigint) as micros
             from site_usage where site = $1 and day = $2",
        )
        .bind(site.to_string())
        .bind(day)
        .fetch_one(self.read())
        .await?;
        let count = |name: &str| row.try_get::<i64>(name).map(|count| count.max(0).unsigned_abs());
        Ok((count("tokens")?, count("micros")?))
    }
}
