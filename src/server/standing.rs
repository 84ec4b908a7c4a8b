//! How conversations stand in the list of one account. A change is told to that account's own list, and to nobody else.

use super::announce::shorten;
use super::journal::Topic;
use super::task::owned;
use super::{State, conversations};
use crate::contract::Placement;
use crate::error::Problem;
use crate::event::Event;
use crate::model::{AccountId, Conversation, ConversationId, MessageId};

/// Pins the conversation to the top of the caller's list or puts it away, or neither any more.
pub async fn place(
    state: &State,
    account: AccountId,
    id: ConversationId,
    placement: Placement,
) -> Result<Conversation, Problem> {
    let state = state.clone();
    owned(async move {
        state.store.place(state.writer(account), id, placement).await?;
        tell(&state, account, id).await
    })
    .await
}

/// The caller has seen the end of this reply, and with it of all that ended before.
pub async fn read(state: &State, account: AccountId, id: ConversationId, reply: MessageId) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        if state.store.mark_read(state.writer(account), id, reply).await? {
            tell(&state, account, id).await?;
        }
        Ok(())
    })
    .await
}

async fn tell(state: &State, account: AccountId, id: ConversationId) -> Result<Conversation, Problem> {
    let mut conversation = conversations::shown(state, state.store.conversation(account, id).await?);
    conversation.standing = state.store.standings(account, &[id]).await?.remove(&id).unwrap_or_default();
    shorten(&mut conversation);
    let event = Event::Conversation { conversation: Box::new(conversation.clone()) };
    state.journals.tell(Topic::Account(account), None, event).await;
    Ok(conversation)
}
