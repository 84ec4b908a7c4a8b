//! What open streams were authorised by, so that they end when it no longer holds (promise S14).
//!
//! What is withdrawn here cuts its streams at once. What another process on the same database withdraws is found by
//! looking four times a second.

mod places;

pub use places::{Place, Places};

use super::principal::{By, Viewer, Who};
use super::secret::Hash;
use super::store::revocations::Revoked;
use super::sync::lock;
use crate::model::AccountId;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

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
    /// A place among what may stay open. See `revocation::grant`, which also asks whether it still holds.
    pub(super) fn take(self: &Arc<Self>, who: Who) -> Grant {
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
