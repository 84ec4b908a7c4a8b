//! Deleting a conversation so that it can be brought back for some seconds.
//!
//! The mark is in the store, and from then on the conversation is gone for everybody. Every second the server deletes what
//! was marked ten seconds ago, also after a restart.

use super::{shown, tell_lists};
use crate::error::Problem;
use crate::model::{Access, AccountId, Conversation, ConversationId};
use crate::server::State;
use crate::server::journal::Topic;
use crate::server::task::owned;
use crate::server::times::ago;
use std::time::Duration;

/// How long a conversation can be brought back. The page offers it for eight seconds; the rest is for the way here.
pub const UNDO: Duration = Duration::from_secs(10);

/// Marks the conversation. An open reply is stopped first, and the viewers are told that it is deleted.
pub async fn delete(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    super::remove(state, account, id, true).await
}

/// Brings a marked conversation back. Where it is not marked, nothing changes.
///
/// # Errors
/// 404: it is deleted, or was never this account's.
pub async fn bring_back(state: &State, account: AccountId, id: ConversationId) -> Result<Conversation, Problem> {
    let state = state.clone();
    owned(async move {
        // Asked before its journal is touched: a stranger takes no turn in another account's conversation.
        if !state.store.is_leaving(account, id).await? {
            let stored = state.store.conversation(account, id).await?;
            stored.allows(Access::Owner)?;
            return Ok(shown(&state, stored));
        }
        let journal = state.journals.topic(Topic::Conversation(id));
        // In its turn: the deletion has told its viewers by then.
        let turn = journal.turn().await;
        let stored = state.store.unmark_leaving(state.writer(account), id).await?;
        let conversation = shown(&state, stored.clone());
        tell_lists(&state, Some(&turn), &stored, &conversation).await;
        Ok(conversation)
    })
    .await
}

/// Deletes what was marked long enough ago.
pub async fn sweep(state: &State) {
    let before = ago(UNDO);
    let marked = match state.store.marked_before(&before).await {
        Ok(marked) => marked,
        Err(error) => return tracing::warn!(%error, "Whether conversations are to be deleted could not be looked at"),
    };
    for (account, id) in marked {
        let journal = state.journals.topic(Topic::Conversation(id));
        let _turn = journal.turn().await;
        match state.store.delete_marked(account, id, &before).await {
            // Nothing is in it but our turn.
            Ok(true) => state.journals.end(Topic::Conversation(id), None),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "A conversation is not deleted yet; it is tried again in a second"),
        }
    }
}
