//! The lists of conversations: what happens to a shared one is told to everybody who has it in theirs.

use super::journal::{Journals, Topic};
use super::store::Store;
use super::store::conversations::Stored;
use super::{State, conversations};
use crate::error::Problem;
use crate::event::{Event, List};
use crate::model::{AccountId, Conversation, Parameters};

/// The beginning of an account's list, or what comes after a former page's `next`, as pages and streams show it.
pub async fn page(state: &State, account: AccountId, after: Option<&str>) -> Result<List, Problem> {
    let mut list = conversations::list(state, account, after, None).await?;
    list.items.iter_mut().for_each(shorten);
    Ok(list)
}

/// No list shows how a model is instructed, and each text of a chapter's length would be in the lists of fifty people.
fn shorten(conversation: &mut Conversation) {
    conversation.system = String::new();
    conversation.parameters = Parameters::default();
}

/// Everybody who has the conversation in their list.
pub async fn members(store: &Store, stored: &Stored) -> sqlx::Result<Vec<AccountId>> {
    let mut members = vec![stored.owner.id];
    if stored.is_shared {
        members.extend(store.shares(stored.id).await?.into_iter().map(|share| share.person.id));
    }
    Ok(members)
}

/// Tells it to all of them. It has happened: whoever cannot be told sees it in the next list.
pub async fn tell(store: &Store, journals: &Journals, stored: &Stored, mut event: Event) {
    if let Event::Conversation { conversation } = &mut event {
        shorten(conversation);
    }
    let members = members(store, stored).await.unwrap_or_else(|error| {
        tracing::warn!(%error, conversation = %stored.id, "Whom a conversation is shared with could not be read");
        vec![stored.owner.id]
    });
    for account in members {
        journals.append(Topic::Account(account), event.clone());
    }
}
