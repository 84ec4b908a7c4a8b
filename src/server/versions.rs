//! Numbers a message among its sibling versions.

use super::State;
use crate::error::Problem;
use crate::model::{ConversationId, Message, Versions};

/// Sets each message's version number and the number of its versions.
pub async fn number(state: &State, conversation: ConversationId, messages: &mut [Message]) -> Result<(), Problem> {
    if messages.is_empty() {
        return Ok(());
    }
    let siblings = state.store.siblings(conversation, messages.iter().map(|message| message.parent)).await?;
    for message in messages {
        let all = siblings.get(&message.parent).filter(|all| 1 < all.len());
        message.versions = all.and_then(|all| {
            let index = all.iter().position(|id| *id == message.id)?;
            Some(Versions { number: index as u32 + 1, count: all.len() as u32 })
        });
    }
    Ok(())
}
