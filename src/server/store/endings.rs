//! The ends of replies. An end that the store does not accept (its disk is full, say) is held here until it does, and
//! every message that is read meanwhile says so.

mod ending;

pub use ending::Ending;

use super::Store;
use super::desk::spending::{after_end, charge_reply_of_site};
use super::news::News;
use super::sql::batch::Batch;
use super::sql::{Key, Lock, Query, query};
use super::usage::charge_reply;
use crate::model::{ConversationId, Message, MessageId, ReplyError, Status};
use crate::server::sync::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Who wrote a reply's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// This process, now or in an earlier attempt whose result was lost.
    Here,
    /// Another process took this one for dead and has ended the reply, or its conversation is deleted.
    Elsewhere,
}

/// An ending that is not written yet, and what its viewers were told.
struct HeldEnding {
    ending: Arc<Ending>,
    told: ReplyError,
}

/// The endings that are not written yet.
#[derive(Clone, Default)]
pub(super) struct HeldEndings(Arc<Mutex<HashMap<MessageId, HeldEnding>>>);

impl Store {
    /// Writes a reply's end, unless another process has. Repeated, it does and says the same.
    pub async fn end_reply(&self, process: &str, ending: &Ending) -> sqlx::Result<Written> {
        // Before the end: with the end, the row says no more that it was open and whose. One update, because a long text
        // would be written again by a second one.
        let charge = ending.usage.map(|usage| match ending.site {
            Some(site) => charge_reply_of_site((process, site), ending.reply, usage, &ending.finished_at),
            None => charge_reply(process, ending.reply, usage, &ending.finished_at),
        });
        let told = ending.site.map(|_| after_end(ending.conversation, &ending.finished_at));
        let beside = Lock::Beside(&[Key::Conversation(ending.conversation)]);
        let batch = Batch::write(beside).telling(self.telling(&[News::Listed(ending.conversation)]));
        let batch = charge.into_iter().chain(told).fold(batch, Batch::then);
        let found = self.write_batch(batch.then(end(process, ending)).then(as_ours(ending))).await?;
        let is_ours = matches!(&found[..], [.., end, ours] if end.changed == Some(1) || !ours.rows.is_empty());
        Ok(if is_ours { Written::Here } else { Written::Elsewhere })
    }

    /// Holds an ending that cannot be written now. Until it is released, the reply reads as complete, and as failed
    /// with `told`.
    pub fn hold(&self, ending: Arc<Ending>, told: ReplyError) {
        lock(&self.held.0).insert(ending.reply, HeldEnding { ending, told });
    }

    /// Releases a held ending. `false`: it was not held any more.
    pub fn let_go(&self, reply: MessageId) -> bool {
        lock(&self.held.0).remove(&reply).is_some()
    }

    /// Releases what is held for a deleted conversation.
    pub(super) fn let_go_of_all(&self, conversation: ConversationId) {
        lock(&self.held.0).retain(|_, held| held.ending.conversation != conversation);
    }

    /// The conversation's ending that is not written yet.
    pub fn held_in(&self, conversation: ConversationId) -> Option<Arc<Ending>> {
        let held = lock(&self.held.0);
        held.values().find(|held| held.ending.conversation == conversation).map(|held| Arc::clone(&held.ending))
    }

    pub fn holds(&self, reply: MessageId) -> bool {
        lock(&self.held.0).contains_key(&reply)
    }

    /// How many endings are not written yet.
    pub fn held(&self) -> usize {
        lock(&self.held.0).len()
    }

    /// The message as its viewers know it.
    pub(super) fn as_ended(&self, message: Message) -> Message {
        let held = lock(&self.held.0);
        let Some(HeldEnding { ending, told }) = held.get(&message.id) else { return message };
        Message {
            status: Status::Failed,
            text: ending.text.clone(),
            thinking: ending.thinking.clone(),
            thinking_ms: ending.thinking_ms,
            thinking_since: None,
            usage: ending.usage,
            error: Some(told.clone()),
            finished_at: Some(ending.finished_at.clone()),
            ..message
        }
    }
}

/// Ends an open reply of this process.
fn end(process: &str, ending: &Ending) -> Query {
    let error =
        ending.error.as_ref().map(|error| serde_json::to_string(error).expect("strings and numbers become JSON"));
    query(
        "update message set status = $2, text = $3, thinking = $4, input_tokens = $5, output_tokens = $6,
                stop_reason = $7, error = $8, first_piece_at = $9, finished_at = $10,
                thinking_ms = $11, usage_estimated = $12, cost_micros = $14, thinking_since = null, process = null
         where id = $1 and status = 'streaming' and process = $13",
    )
    .bind(ending.reply.to_string())
    .bind(ending.status.name())
    .bind(&ending.text)
    .bind(&ending.thinking)
    .bind(ending.usage.map(|usage| usage.input_tokens as i64))
    .bind(ending.usage.map(|usage| usage.output_tokens as i64))
    .bind(&ending.stop_reason)
    .bind(error)
    .bind(&ending.first_piece_at)
    .bind(&ending.finished_at)
    .bind(ending.thinking_ms.map(|ms| ms as i64))
    .bind(i64::from(ending.usage.is_some_and(|usage| usage.estimated)))
    .bind(process)
    .bind(ending.usage.and_then(|usage| usage.cost_micros).map(|cost| cost as i64))
}

/// Finds the reply where it ended like this.
fn as_ours(ending: &Ending) -> Query {
    query("select 1 from message where id = $1 and status = $2 and finished_at = $3")
        .bind(ending.reply.to_string())
        .bind(ending.status.name())
        .bind(&ending.finished_at)
}
