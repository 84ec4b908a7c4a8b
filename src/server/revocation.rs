//! A revocation ends what was authorised by it: in this process immediately, and within a quarter of a second where
//! another process has revoked it (promise S14).

use super::State;
use super::grants::Grant;
use super::journal::Topic;
use super::principal::Principal;
use super::session::holds;
use super::store::revocations::{Noted, Revoked};
use super::task::round;
use crate::error::Problem;
use crate::event::Event;
use crate::model::ConversationId;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::sleep;

/// How often to poll for revocations of other processes. A stream has to end within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Registers a stream that a revocation can end.
///
/// # Errors
/// 401: the caller's credential was revoked concurrently.
pub async fn grant(state: &State, who: Principal) -> Result<Grant, Problem> {
    let grant = state.grants.take(who);
    // Checked again after registering: a revocation from now on finds the registration.
    if holds(state, who).await? { Ok(grant) } else { Err(Problem::Unknown) }
}

/// Ends all running work of a disabled or deleted account.
async fn stop_what_it_pays_for(state: &State, revoked: Revoked) {
    let Revoked::Account(account) = revoked else { return };
    let gone = match state.store.account(account).await {
        Ok(account) => account.disabled,
        Err(error) => matches!(error, sqlx::Error::RowNotFound),
    };
    if gone {
        state.engine.stop_all(account).await;
        state.journals.end(Topic::Account(account), None);
    }
}

/// Polls for revocations of other processes, until the server is dropped.
pub async fn watch(state: Weak<super::Shared>, mut seen: i64) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(state) = state.upgrade() else { return };
        let state = State(state);
        round(&state.metrics, "revocations", look(&state, &mut seen)).await;
    }
}

/// Whether the conversation is deleted, and not brought back meanwhile. In doubt its viewers are sent away, and come back.
async fn is_gone(state: &State, conversation: ConversationId) -> bool {
    state.store.is_there(conversation).await.map_or_else(
        |error| {
            tracing::warn!(%error, "Whether a conversation is deleted could not be looked at");
            true
        },
        |is_there| !is_there,
    )
}

async fn look(state: &State, seen: &mut i64) {
    match state.store.revocations_after(*seen).await {
        Ok((revoked, last)) => {
            *seen = last;
            for Noted { revoked, is_ours } in revoked {
                // Before any viewer checks again: it is then told that the conversation is deleted. What this process has
                // deleted has no journal any more, or the one of a conversation that was brought back.
                if let Revoked::Conversation(conversation) = revoked
                    && !is_ours
                    && is_gone(state, conversation).await
                {
                    state.journals.end(Topic::Conversation(conversation), Some(Event::Deleted { conversation }));
                }
                state.grants.revoke(revoked);
                // Another process has told its own viewers only that the list has changed.
                if let Revoked::Share(account, _) = revoked
                    && !is_ours
                {
                    state.journals.look_again(Topic::Account(account));
                }
                stop_what_it_pays_for(state, revoked).await;
            }
        }
        Err(error) => tracing::warn!(%error, "What other processes have withdrawn could not be looked at"),
    }
}
