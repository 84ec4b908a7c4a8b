//! What open streams were authorised by, so that they end when it no longer holds (promise S14).
//!
//! What is withdrawn here cuts its streams at once. What another process on the same database withdraws is found by
//! looking four times a second.

mod places;

pub use places::{Place, Places};

use super::State;
use super::housekeeping::round;
use super::journal::{Topic, lock};
use super::secret::Hash;
use super::session::{By, Who};
use super::store::revocations::{Noted, Revoked};
use super::viewer::Viewer;
use crate::error::Problem;
use crate::event::Event;
use crate::model::AccountId;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often is looked what other processes have withdrawn. A stream is to be cut within a second.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The open streams by what they were authorised by.
#[derive(Default)]
pub struct Grants {
    open: Mutex<HashMap<Who, Held>>,
    /// Who looks at which conversation.
    pub places: Arc<Places>,
}

struct Held {
    cut: CancellationToken,
    streams: usize,
}

/// Held by a stream for as long as it is open.
pub struct Grant {
    grants: Arc<Grants>,
    who: Who,
    cut: CancellationToken,
}

impl Grant {
    /// Comes when the stream is to end.
    pub async fn withdrawn(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        let mut open = lock(&self.grants.open);
        if let Entry::Occupied(mut held) = open.entry(self.who) {
            // Withdrawn in between, and granted anew: then it is not ours.
            if held.get().cut.is_cancelled() != self.cut.is_cancelled() {
                return;
            }
            held.get_mut().streams -= 1;
            if held.get().streams == 0 {
                held.remove();
            }
        }
    }
}

impl Grants {
    fn take(self: &Arc<Self>, who: Who) -> Grant {
        let mut open = lock(&self.open);
        let held = open.entry(who).or_insert_with(|| Held { cut: CancellationToken::new(), streams: 0 });
        held.streams += 1;
        Grant { grants: Arc::clone(self), who, cut: held.cut.clone() }
    }

    /// Whose streams are open here.
    pub fn accounts(&self) -> HashSet<AccountId> {
        lock(&self.open).keys().map(|who| who.account).collect()
    }

    /// Cuts the streams that this authorised, and has the views that it may be about look again.
    pub fn revoke(&self, revoked: Revoked) {
        self.places.look_again(|viewer, place| match revoked {
            Revoked::Share(account, conversation) => viewer == Viewer::Account(account) && place == conversation,
            Revoked::PublicLink(conversation) => matches!(viewer, Viewer::Public(_)) && place == conversation,
            Revoked::Conversation(conversation) => place == conversation,
            // Whose links lead nowhere where it is disabled.
            Revoked::Account(_) => matches!(viewer, Viewer::Public(_)),
            Revoked::Session(_) | Revoked::Token(_) => false,
        });
        lock(&self.open).retain(|who, held| {
            let goes = match revoked {
                Revoked::Session(hash) => who.by == By::Session(hash),
                Revoked::Token(hash) => matches!(who.by, By::Token(token, _) if token == hash),
                Revoked::Account(account) => who.account == account,
                Revoked::Share(..) | Revoked::PublicLink(_) | Revoked::Conversation(_) => false,
            };
            if goes {
                held.cut.cancel();
            }
            !goes
        });
    }

    pub fn revoke_session(&self, session: Hash) {
        self.revoke(Revoked::Session(session));
    }
}

/// A place among what may stay open.
///
/// # Errors
/// 401: what the caller was let in by was withdrawn a moment ago.
pub async fn grant(state: &State, who: Who) -> Result<Grant, Problem> {
    let grant = state.grants.take(who);
    // Looked at once more after it is known here: what is withdrawn from now on finds it.
    if super::session::holds(state, who).await? { Ok(grant) } else { Err(Problem::Unknown) }
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
