//! The lists of conversations: changes of a shared one are sent to every list that has it.

use super::announce::shorten;
use super::store::conversations::Stored;
use super::{State, conversations, preferences};
use crate::error::Problem;
use crate::event::List;
use crate::model::AccountId;

/// The beginning of an account's list, or what follows a previous page's `next`, as pages and streams show it.
pub async fn page(state: &State, account: AccountId, after: Option<&str>) -> Result<List, Problem> {
    let mut list = conversations::list(state, account, after, None, false).await?;
    if after.is_none() {
        put_pinned(state, account, &mut list).await?;
        list.preferences = preferences::told(state, account).await?.map(Box::new);
    }
    list.items.iter_mut().for_each(shorten);
    Ok(list)
}

/// Adds the pinned conversations that are on later pages. They are at the top of the list, so that its first page has all of
/// them.
async fn put_pinned(state: &State, account: AccountId, list: &mut List) -> Result<(), Problem> {
    let pinned = state.store.pinned(account).await?;
    let is_listed = |stored: &Stored| list.items.iter().any(|item| item.id == stored.id);
    let missing: Vec<_> = pinned.into_iter().filter(|stored| !is_listed(stored)).collect();
    let mut items: Vec<_> = missing.into_iter().map(|stored| conversations::shown(state, stored)).collect();
    conversations::fill(state, account, &mut items).await?;
    list.items.extend(items);
    Ok(())
}
