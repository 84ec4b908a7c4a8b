//! A conversation of the caller's own that begins with what was said in another one that the caller may read.

use super::{shown, tell_lists};
use crate::contract::Fork;
use crate::error::Problem;
use crate::model::{AccountId, Conversation, ConversationId};
use crate::server::State;
use crate::server::task::owned;

/// Makes it, and adds it to the caller's list. Idempotent where the caller has chosen its id. `false`: it was there.
pub async fn fork(
    state: &State,
    account: AccountId,
    id: ConversationId,
    Fork { id: new, message }: Fork,
) -> Result<(Conversation, bool), Problem> {
    let state = state.clone();
    owned(async move {
        let new = new.unwrap_or_default();
        let (stored, is_new) = state.store.fork(state.writer(account), id, message, new).await?;
        let conversation = shown(&state, stored.clone());
        if is_new {
            tell_lists(&state, None, &stored, &conversation).await;
        }
        Ok((conversation, is_new))
    })
    .await
}
