//! The statements that open a reply.

use super::Store;
use super::images;
use super::messages::Opening;
use super::sharing::may_write;
use super::sql::batch::Batch;
use super::sql::{Key, Lock, Query, query};
use crate::model::Message;
use crate::server::times::ago;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) const INSERT: &str = "insert into message
    (id, conversation, position, parent, role, text, thinking, status, model, process, created_at, finished_at, left_out,
     images, images_left_out, account)
    select $1, $2, 1 + (select coalesce(max(position), 0) from message where conversation = $2),
           $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13, $14
    where not exists (select 1 from node where process = $8 and dead_at is not null)
        and ($15 is null or $15 > (select count(*) from message other
                where other.status = 'streaming' and other.account = $16 and other.conversation <> $2)
            + (select cast(coalesce(sum((select count(*) from message other where other.conversation = place.id
                    and other.status = 'streaming' and other.account is null)), 0) as bigint)
                from conversation place
                where place.account = $16 and place.updated_at >= $17 and place.id <> $2))";

/// No reply takes longer. Of an account's own conversations those are looked at in which something has begun since: that is
/// as many as it has used, however many are open in all and however many it has.
const LONGEST_REPLY: Duration = Duration::from_secs(24 * 3_600);

/// How often it is looked whether a reply is there whose commit was not answered, and how long after a look that failed.
const LOOKS: u32 = 40;
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Store {
    /// Whether a reply was opened although the answer to the commit was lost: looked up once the locks are free that it
    /// held, because until then it may still be committed.
    pub(super) async fn was_opened(&self, opening: &Opening<'_>, lost: sqlx::Error) -> sqlx::Result<()> {
        let there = query("select 1 from message where id = $1").bind(opening.reply.id.to_string());
        let look = Batch::write(Lock::Beside(&opening.keys())).then(there);
        for _ in 0..LOOKS {
            match look.run(&self.writer).await {
                Ok(found) if found.iter().any(|found| !found.rows.is_empty()) => return Ok(()),
                Ok(_) => break,
                Err(error) => tracing::warn!(%error, "It is not known yet whether a reply was opened"),
            }
            sleep(LOOK_EVERY).await;
        }
        Err(lost)
    }
}

impl Opening<'_> {
    /// What is written where the conversation is there as it was read, and `account` may still write in it: otherwise the
    /// first step is not met. Another is not met where the process that is to generate the reply was declared dead, or where
    /// too many replies are open.
    pub(super) fn batch(&self) -> Batch {
        self.steps(Batch::write(Lock::Beside(&self.keys())))
    }

    /// As [`Self::batch`], after other steps in their transaction.
    pub(super) fn steps(&self, batch: Batch) -> Batch {
        let touch = query(concat!(
            "update conversation set updated_at = $2, title = case when title = '' then $3 else title end,
                    title_by = case when title = '' and $3 <> '' then 'cut' else title_by end
             where id = $1 and leaving_at is null and ($5 is null or updated_at = $5) and ($4 is null or ",
            may_write!("$4"),
            ")"
        ));
        let touch = touch.bind(self.conversation.to_string()).bind(&self.reply.created_at).bind(self.title);
        let touch = touch.bind(self.account.map(|account| account.to_string())).bind(self.seen);
        let messages = self.message.into_iter().chain([self.reply]);
        messages.fold(batch.must(touch, 1), |batch, message| {
            // It may have waited for its turn, and does no longer.
            let waited = query("delete from queued_message where id = $1").bind(message.id.to_string());
            let batch = batch.must(self.insert(message), 1).then(waited);
            images::refer(message).fold(batch, Batch::then)
        })
    }

    /// It writes into the conversation, and counts among what its payer has open.
    pub(super) fn keys(&self) -> [Key; 2] {
        [Key::Account(self.payer), Key::Conversation(self.conversation)]
    }

    fn insert(&self, message: &Message) -> Query {
        query(INSERT)
            .bind(message.id.to_string())
            .bind(self.conversation.to_string())
            .bind(message.parent.map(|parent| parent.to_string()))
            .bind(message.role.name())
            .bind(&message.text)
            .bind(message.status.name())
            .bind(&message.model)
            .bind(message.status.is_open().then_some(self.process))
            .bind(&message.created_at)
            .bind(&message.finished_at)
            .bind(i64::from(message.left_out))
            .bind(serde_json::to_string(&message.images).expect("strings and numbers become JSON"))
            .bind(i64::from(message.images_left_out))
            .bind(self.account.map(|account| account.to_string()))
            .bind(self.most_open.filter(|_| message.status.is_open()).map(|most| most as i64))
            .bind(self.payer.to_string())
            .bind(self.most_open.map(|_| ago(LONGEST_REPLY)))
    }
}
