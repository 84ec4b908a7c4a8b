//! The lists of conversations: changes of a shared one are sent to every list that has it.

use super::announce::shorten;
use super::{State, conversations};
use crate::error::Problem;
use crate::event::List;
use crate::model::AccountId;

/// The beginning of an account's list, or what follows a previous page's `next`, as pages and streams show it.
pub async fn page(state: &State, account: AccountId, after: Option<&str>) -> Result<List, Problem> {
    let mut list = conversations::list(state, account, after, None).await?;
    list.items.iter_mut().for_each(shorten);
    Ok(list)
}
