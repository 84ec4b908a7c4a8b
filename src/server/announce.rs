//! Tells a conversation's changes to the lists of everyone who has it.

use super::journal::{HeldTurn, Journals, Topic};
use super::store::Store;
use super::store::conversations::Stored;
use crate::event::Event;
use crate::model::{AccountId, Conversation, Parameters};

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

/// No list shows the system prompt, and a long text would otherwise be in the lists of fifty people.
pub fn shorten(conversation: &mut Conversation) {
    conversation.system = String::new();
    conversation.parameters = Parameters::default();
}
