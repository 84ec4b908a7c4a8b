//! The statements that open a reply.

use super::images;
use super::messages::Opening;
use super::sharing::may_write;
use super::sql::batch::Batch;
use super::sql::{Key, Lock, Query, query};
use crate::model::Message;

const INSERT: &str = "insert into message
    (id, conversation, position, parent, role, text, thinking, status, model, process, created_at, finished_at, left_out,
     images, images_left_out, account)
    values ($1, $2, 1 + (select coalesce(max(position), 0) from message where conversation = $2),
            $3, $4, $5, '', $6, $7, $8, $9, $10, $11, $12, $13, $14)";

impl Opening<'_> {
    /// What is written where the conversation is there, and `account` may still write in it: otherwise the first step is
    /// not met.
    pub(super) fn batch(&self) -> Batch {
        let touch = query(concat!(
            "update conversation set updated_at = $2, title = case when title = '' then $3 else title end,
                    title_by = case when title = '' and $3 <> '' then 'cut' else title_by end
             where id = $1 and leaving_at is null and ($4 is null or ",
            may_write!("$4"),
            ")"
        ));
        let touch = touch.bind(self.conversation.to_string()).bind(&self.reply.created_at).bind(self.title);
        let touch = touch.bind(self.account.map(|account| account.to_string()));
        let messages = self.message.into_iter().chain([self.reply]);
        messages.fold(Batch::write(Lock::Beside(&self.keys())).must(touch, 1), |batch, message| {
            let batch = batch.must(self.insert(message), 1);
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
    }
}
