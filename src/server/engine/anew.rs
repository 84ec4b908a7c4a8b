//! Answering a message anew: another reply beside the former one, or one that goes on from it.

use super::opening::{asked_with, empty_reply};
use super::{Engine, Shared};
use crate::contract::Sent;
use crate::error::Problem;
use crate::model::{AccountId, Message, MessageId, Role};
use crate::server::journal::Topic;
use crate::server::store::conversations::Stored;
use crate::server::store::messages::is_overtaken;
use crate::server::task::owned;
use std::sync::Arc;

/// What it takes to answer a message anew.
struct Anew {
    stored: Stored,
    /// What is answered.
    message: Message,
    /// The text that the reply begins with.
    kept: String,
    model: String,
}

impl Engine {
    /// Answers the message anew that `reply` answers. The former reply stays in the store, beside the new one.
    pub async fn retry(&self, account: AccountId, reply: MessageId) -> Result<Sent, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.again(account, reply, false).await }).await
    }

    /// Goes on from what `reply` has. The result is one message: the kept text and what follows.
    pub async fn resume(&self, account: AccountId, reply: MessageId) -> Result<Sent, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.again(account, reply, true).await }).await
    }
}

impl Shared {
    /// A new reply to the message that `reply` answers, empty or going on from the text that `reply` has.
    async fn again(self: &Arc<Self>, account: AccountId, reply: MessageId, go_on: bool) -> Result<Sent, Problem> {
        match self.again_now(account, reply, go_on).await {
            Err(problem) if is_overtaken(&problem) => self.again_now(account, reply, go_on).await,
            sent => sent,
        }
    }

    async fn again_now(self: &Arc<Self>, account: AccountId, reply: MessageId, go_on: bool) -> Result<Sent, Problem> {
        let (_, Stored { id: conversation, .. }) = self.message_to_use(account, reply).await?;
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let turn = journal.turn().await;
        // What is refused anyway is not counted, and stops nothing.
        self.anew(account, reply, go_on).await?;
        let quota = self.allowed(account).await?;
        let admission = self.admit(account, conversation, quota).await?;
        self.settle(conversation).await?;
        // Read again: it may have been the open one, which has ended by now.
        let Anew { stored, message, kept, model } = self.anew(account, reply, go_on).await?;
        let history = self.history(&stored, Some(message.id), &model).await?;
        let own = self.store.own_instructions(account).await?;
        let mut reply = empty_reply(message.id, &model, kept);
        let request = self.ask(&asked_with(&stored, &own), history, None, &model, &mut reply).await?;
        let cursor = self.open(stored.into(), &admission, &turn, None, &reply, request).await?;
        Ok(Sent { cursor, message, reply })
    }

    /// What a new reply in the place of `reply` begins with.
    async fn anew(&self, account: AccountId, reply: MessageId, go_on: bool) -> Result<Anew, Problem> {
        let (old, stored) = self.message_to_use(account, reply).await?;
        let (Role::Assistant, Some(parent)) = (old.role, old.parent) else {
            return Err(Problem::invalid("reply", "Only a model's reply can be tried again or continued."));
        };
        let (message, _) = self.message_to_use(account, parent).await?;
        // Going on keeps the model that began, where it still can be asked; a retry takes the one chosen now.
        let model = self.choose(old.model.filter(|_| go_on), &stored)?;
        let kept = if go_on { old.text } else { String::new() };
        Ok(Anew { stored, message, kept, model })
    }
}
