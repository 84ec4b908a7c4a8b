//! What other nodes have changed: viewers here are told of it, a quarter of a second later.

use super::journal::Topic;
use super::store::news::News;
use super::{Shared, State};
use crate::model::ConversationId;
use std::collections::HashSet;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::sleep;

/// How long to wait at first after the store has not answered. What was read of the news is not read again.
const AGAIN: Duration = Duration::from_millis(250);
/// How long to wait at most.
const SELDOM: Duration = Duration::from_secs(4);

/// Has those viewers look again whom this is about.
pub(super) async fn look_again(state: Weak<Shared>, news: Vec<News>) {
    let (mut conversations, mut listed) = (HashSet::new(), HashSet::new());
    for news in news {
        match news {
            News::Conversation(id) => _ = conversations.insert(id),
            News::Listed(id) => {
                conversations.insert(id);
                listed.insert(id);
            }
            News::Account(id) => {
                let Some(state) = state.upgrade() else { return };
                state.journals.look_again(Topic::Account(id));
            }
        }
    }
    let listed: Vec<_> = listed.into_iter().collect();
    // Once it is done, it is not done again: viewers get a snapshot each time.
    let (mut are_told, mut pause) = (false, AGAIN);
    loop {
        let Some(state) = state.upgrade().map(State) else { return };
        if !are_told {
            are_told = told(state.engine.look_again(&conversations).await);
        }
        if are_told && told(tell_lists(&state, &listed).await) {
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

/// Followers of lists that have one of these get a new one.
async fn tell_lists(state: &State, listed: &[ConversationId]) -> sqlx::Result<()> {
    let kept = state.journals.lists();
    if listed.is_empty() || kept.is_empty() {
        return Ok(());
    }
    for account in state.store.lists_with(listed).await?.intersection(&kept) {
        state.journals.look_again(Topic::Account(*account));
    }
    Ok(())
}
