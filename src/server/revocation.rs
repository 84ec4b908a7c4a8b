//! What is withdrawn cuts what it had let in: here at once, and within a quarter of a second where another process has
//! withdrawn it (promise S14).

use super::State;
use super::grants::Grant;
use super::journal::Topic;
use super::principal::Who;
use super::session::holds;
use super::store::revocations::{Noted, Revoked};
use super::task::round;
use crate::error::Problem;
use crate::event::Event;
use std::sync::Weak;
use std::time::Duration;
use tokio::time::sleep;

/// How often is looked what other processes have withdrawn. A stream is to be cut within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A place among what may stay open.
///
/// # Errors
/// 401: what the caller was let in by was withdrawn a moment ago.
pub async fn grant(state: &State, who: Who) -> Result<Grant, Problem> {
    let grant = state.grants.take(who);
    // Looked at once more after it is known here: what is withdrawn from now on finds it.
    if holds(state, who).await? { Ok(grant) } else { Err(Problem::Unknown) }
}

/// What an account that is disabled or gone has running here ends.
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

/// Looks what other processes have withdrawn, until the server is gone.
pub async fn watch(state: Weak<super::Shared>, mut seen: i64) {
    loop {
        sleep(LOOK_EVERY).await;
        let Some(state) = state.upgrade() else { return };
        let state = State(state);
        round(&state.metrics, "revocations", look(&state, &mut seen)).await;
    }
}

async fn look(state: &State, seen: &mut i64) {
    match state.store.revocations_after(*seen).await {
        Ok((revoked, last)) => {
            *seen = last;
            for Noted { revoked, is_ours } in revoked {
                // Before anybody looks again: whoever does is told that it is deleted.
                if let Revoked::Conversation(conversation) = revoked {
                    state.journals.end(Topic::Conversation(conversation), Some(Event::Deleted { conversation }));
                }
                state.grants.revoke(revoked);
                // Another process has told its own viewers only that the list is another one now.
                if let Revoked::Share(account, _) = revoked
                    && !is_ours
                {
                    state.journals.start_over(Topic::Account(account));
                }
                stop_what_it_pays_for(state, revoked).await;
            }
        }
        Err(error) => tracing::warn!(%error, "What other processes have withdrawn could not be looked at"),
    }
}
