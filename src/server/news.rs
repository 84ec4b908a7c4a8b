//! What other nodes have changed: viewers here are told of it, a quarter of a second later.

use super::journal::Topic;
use super::store::news::News;
use super::{Shared, State};
use crate::model::{AccountId, ConversationId};
use std::collections::HashSet;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::sleep;

/// How long to wait at first after the store has not answered. What was read of the news is not read again.
const AGAIN: Duration = Duration::from_millis(250);
/// How long to wait at most.
const SELDOM: Duration = Duration::from_secs(4);

/// Has those viewers look again whom this is about.
pub(super) async fn look_again(state: Weak<Shared>, news: Vec<(News, String)>) {
    let (mut conversations, mut listed, mut apart) = <(HashSet<_>, HashSet<_>, HashSet<_>)>::default();
    for (news, process) in news {
        let Some(state) = state.upgrade() else { return };
        let is_apart = state.store.is_apart(&process);
        if let News::Conversation(id) | News::Listed(id) = news {
            conversations.insert(id);
            if is_apart {
                apart.insert(id);
            }
        }
        match news {
            News::Conversation(_) => {}
            News::Listed(id) => _ = listed.insert(id),
            News::Account(id) => look_at_list(&state, id, is_apart),
        }
    }
    // Once it is done, it is not done again: viewers get a snapshot each time.
    let (mut are_told, mut pause) = (false, AGAIN);
    loop {
        let Some(state) = state.upgrade().map(State) else { return };
        if !are_told {
            are_told = told(state.engine.look_again(&conversations, &apart).await);
        }
        if are_told && told(tell_lists(&state, &listed, &apart).await) {
            return;
        }
        drop(state);
        sleep(pause).await;
        pause = (2 * pause).min(SELDOM);
    }
}

fn told(result: sqlx::Result<()>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(%error, "What another node has changed could not be looked at; it is tried again");
    }
    result.is_ok()
}

/// Followers of the list get a new one. `is_apart`: what has changed is in no log.
fn look_at_list(state: &Shared, account: AccountId, is_apart: bool) {
    let topic = Topic::Account(account);
    if is_apart { state.journals.read_stored(topic) } else { state.journals.look_again(topic) }
}

/// Followers of lists that have one of these get a new one.
async fn tell_lists(
    state: &State,
    listed: &HashSet<ConversationId>,
    apart: &HashSet<ConversationId>,
) -> sqlx::Result<()> {
    let kept = state.journals.lists();
    if listed.is_empty() || kept.is_empty() {
        return Ok(());
    }
    let by_log: Vec<_> = listed.difference(apart).copied().collect();
    let by_store: Vec<_> = listed.intersection(apart).copied().collect();
    for (listed, is_apart) in [(by_log, false), (by_store, true)] {
        for account in state.store.lists_with(&listed).await?.intersection(&kept) {
            look_at_list(state, *account, is_apart);
        }
    }
    Ok(())
}
