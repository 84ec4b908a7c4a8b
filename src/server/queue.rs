//! Messages that are sent when the reply that is being written is done.
//!
//! They wait in the store. When a reply ends, and each second, what can be sent is sent, as any message: its author's rights
//! and limits are asked then. What is refused stays, with the sentence, until its author sends it or takes it back. So does
//! what waited for a reply that did not end well.

use super::engine::NewMessage;
use super::journal::Topic;
use super::prompt::{self, Prompt};
use super::store::queued::{Due, made};
use super::task::owned;
use super::{State, conversations};
use crate::contract::{Later, Sent};
use crate::error::Problem;
use crate::event::Event;
use crate::model::{Access, AccountId, ConversationId, MessageId, Queued};

/// Keeps the message until the open reply is done. Idempotent by its id.
pub async fn queue(
    state: &State,
    account: AccountId,
    conversation: ConversationId,
    later: Later,
) -> Result<Queued, Problem> {
    let text = Prompt::parse(later.content)?.into_text();
    if let Some(model) = &later.model {
        prompt::model(model)?;
    }
    let state = state.clone();
    owned(async move {
        let author = state.store.named(account).await?;
        let id = later.id.unwrap_or_default();
        let queued = made(id, author, text, later.model);
        if state.store.queue(state.writer(account), conversation, &queued).await? {
            tell(&state, conversation).await?;
        }
        Ok(queued)
    })
    .await
}

/// Takes a waiting message back.
pub async fn take_back(
    state: &State,
    account: AccountId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        state.store.take_back(account, conversation, message).await?;
        tell(&state, conversation).await
    })
    .await
}

/// Sends a waiting message of the caller now, as Enter would: an open reply is stopped first.
pub async fn send_now(
    state: &State,
    account: AccountId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Sent, Problem> {
    state.store.conversation(account, conversation).await?.allows(Access::Participant)?;
    let due = state.store.queued_by(account, message).await?;
    if due.conversation != conversation {
        return Err(Problem::NotFound);
    }
    let sent = state.engine.send(account, conversation, new(due.queued, false)?).await?;
    tell(state, conversation).await?;
    Ok(sent)
}

fn new(queued: Queued, waits: bool) -> Result<NewMessage, Problem> {
    Ok(NewMessage { model: queued.model, waits, ..NewMessage::new(queued.id, Prompt::parse(queued.text)?) })
}

/// Tells the viewers what waits now.
async fn tell(state: &State, id: ConversationId) -> Result<(), Problem> {
    let journal = state.journals.topic(Topic::Conversation(id));
    // In its turn: what is told last is what is so.
    let turn = journal.turn().await;
    let stored = match state.store.conversation_of_owner(id).await {
        Ok(stored) => stored,
        // Deleted meanwhile: nobody looks any more.
        Err(sqlx::Error::RowNotFound) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut conversation = conversations::shown(state, stored);
    conversation.queued = Some(state.store.queued(id).await?);
    let event = Event::Conversation { conversation: Box::new(conversation) };
    state.journals.tell(Topic::Conversation(id), Some(&turn), event).await;
    Ok(())
}

/// Sends what can be sent.
pub async fn sweep(state: &State) {
    match state.store.due().await {
        Ok(due) => {
            for due in due {
                send(state, due).await;
            }
        }
        Err(error) => tracing::warn!(%error, "Whether messages wait to be sent could not be looked at"),
    }
}

async fn send(state: &State, due: Due) {
    let Due { conversation, account, queued } = due;
    let id = queued.id;
    let sent = match new(queued, true) {
        Ok(new) => state.engine.send(account, conversation, new).await.map(drop),
        Err(problem) => Err(problem),
    };
    let noted = match sent {
        Ok(()) => Ok(()),
        // Another reply has begun meanwhile: its end is waited for.
        Err(Problem::Conflict(_)) => return,
        Err(Problem::NotFound | Problem::Forbidden(_)) => state.store.forget_queued(conversation, id).await,
        Err(problem) => state.store.refuse(conversation, id, &problem.to_string()).await,
    };
    if let Err(error) = noted {
        return tracing::warn!(%error, %conversation, "What became of a waiting message was not written");
    }
    if let Err(problem) = tell(state, conversation).await {
        tracing::warn!(%problem, %conversation, "What waits in a conversation could not be told");
    }
}
