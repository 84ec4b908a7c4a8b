//! Tells a conversation's changes to the lists of everyone who has it.

use super::journal::{HeldTurn, Journals, Topic};
use super::store::Store;
use super::store::conversations::Stored;
use crate::event::Event;
use crate::model::{AccountId, Conversation, ConversationId, Parameters, Standing};

/// Every account that has the conversation in its list.
pub async fn members(store: &Store, stored: &Stored) -> sqlx::Result<Vec<AccountId>> {
    let mut members = vec![stored.owner.id];
    if stored.is_shared {
        members.extend(store.shares(stored.id).await?.into_iter().map(|share| share.person.id));
    }
    Ok(members)
}

/// Sends the event to all of them. It has been stored already: an account that misses it sees it in the next list.
/// `turn`: the conversation's, in which it is told.
pub async fn tell(store: &Store, journals: &Journals, stored: &Stored, turn: Option<&HeldTurn<'_>>, mut event: Event) {
    if stored.site.is_some() {
        // Conversations of sites are in nobody's list.
        return;
    }
    if let Event::Conversation { conversation } = &mut event {
        shorten(conversation);
    }
    let members = members(store, stored).await.unwrap_or_else(|error| {
        tracing::warn!(%error, conversation = %stored.id, "Whom a conversation is shared with could not be read");
        vec![stored.owner.id]
    });
    for account in members {
        journals.tell(Topic::Account(account), turn, event.clone()).await;
    }
}

/// Tells the lists that a reply has ended in the conversation. Nobody has said yet that they saw it.
/// `turn`: the conversation's.
pub async fn ended(
    store: &Store,
    journals: &Journals,
    turn: &HeldTurn<'_>,
    conversation: ConversationId,
    default_model: &str,
) {
    let stored = match store.conversation_of_owner(conversation).await {
        Ok(stored) => stored,
        // Deleted meanwhile: the lists know.
        Err(sqlx::Error::RowNotFound) => return,
        Err(error) => return tracing::warn!(%error, %conversation, "The lists could not be told of a reply's end"),
    };
    let mut conversation = stored.clone().shown(default_model);
    conversation.standing = Standing { running: Some(false), unread: Some(true), ..Standing::default() };
    tell(store, journals, &stored, Some(turn), Event::Conversation { conversation: Box::new(conversation) }).await;
}

/// No list shows the system prompt, and a long text would otherwise be in the lists of fifty people.
pub fn shorten(conversation: &mut Conversation) {
    conversation.system = String::new();
    conversation.queued = None;
    conversation.parameters = Parameters::default();
}
