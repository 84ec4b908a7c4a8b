//! What open streams were authorised by, so that they end when it is no longer valid (promise S14), and who was recognised
//! just now.
//!
//! A withdrawal in this process cuts its streams at once. Withdrawals in another process on the same database are found
//! by polling four times a second.

pub mod kept;
mod open_views;

use super::grants::kept::Kept;
pub use super::grants::open_views::Changes as ViewChanges;
pub use super::grants::open_views::OpenView;
pub use super::grants::open_views::OpenViews;

use super::principal::Credential;
use super::principal::Principal;
use super::principal::ViewerId;
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
    open: Mutex<HashMap<Principal, OpenStreams>>,
    /// Which viewer has which conversation open.
    pub places: Arc<OpenViews>,
    /// Who was recognised just now.
    pub kept: Kept,
}

struct OpenStreams {
    cut: CancellationToken,
    streams: usize,
}

/// Held by a stream for as long as it is open.
pub struct Grant {
    grants: Arc<Grants>,
    who: Principal,
    cut: CancellationToken,
}

impl Grant {
    /// Completes when the stream must end.
    pub async fn withdrawn(&self) {
        self.cut.cancelled().await;
    }

    /// Cancelled when the stream must end.
    pub fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        let mut open = lock(&self.grants.open);
        if let Entry::Occupied(mut held) = open.entry(self.who) {
            // Withdrawn meanwhile, and granted again: then the entry is not ours.
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
    /// Registers a stream. See `revocation::grant`, which also checks that the principal is still authorised.
    pub(super) fn take(self: &Arc<Self>, who: Principal) -> Grant {
        let mut open = lock(&self.open);
        let held = open.entry(who).or_insert_with(|| OpenStreams { cut: CancellationToken::new(), streams: 0 });
        held.streams += 1;
        Grant { grants: Arc::clone(self), who, cut: held.cut.clone() }
    }

    /// The accounts that have open streams here.
    pub fn accounts(&self) -> HashSet<AccountId> {
        lock(&self.open).keys().map(|who| who.account).collect()
    }

    /// Whom open streams here are authorised by.
    pub(super) fn holders(&self) -> Vec<Principal> {
        lock(&self.open).keys().copied().collect()
    }

    /// Has all views checked again.
    pub(super) fn check_all(&self) {
        self.places.look_again(|_, _| true);
    }

    /// Cuts the streams of one.
    pub(super) fn cut(&self, who: Principal) {
        if let Some(held) = lock(&self.open).remove(&who) {
            held.cut.cancel();
        }
    }

    /// Cuts the streams that this authorised, and has the views that it may affect checked again.
    pub fn revoke(&self, revoked: Revoked) {
        // First: a caller that is cut off and comes back is read again.
        self.kept.revoke(revoked);
        self.places.look_again(|viewer, place| match revoked {
            Revoked::Share(account, conversation) => viewer == ViewerId::Account(account) && place == conversation,
            Revoked::PublicLink(conversation) => matches!(viewer, ViewerId::Public(_)) && place == conversation,
            Revoked::Conversation(conversation) => place == conversation,
            // The public links of a disabled account open nothing.
            Revoked::Account(account) => matches!(viewer, ViewerId::Public(_)) || viewer == ViewerId::Agent(account),
            Revoked::Visitor(token) => viewer == ViewerId::Visitor(token),
            Revoked::Agent(account) => viewer == ViewerId::Agent(account),
            Revoked::Site(_) => matches!(viewer, ViewerId::Visitor(_) | ViewerId::Agent(_)),
            Revoked::Session(_) | Revoked::Token(_) => false,
        });
        lock(&self.open).retain(|who, held| {
            let goes = match revoked {
                Revoked::Session(hash) => who.by == Credential::Session(hash),
                Revoked::Token(hash) => matches!(who.by, Credential::Token(token, _) if token == hash),
                Revoked::Account(account) => who.account == account,
                Revoked::Share(..) | Revoked::PublicLink(_) | Revoked::Conversation(_) => false,
                Revoked::Visitor(_) | Revoked::Agent(_) | Revoked::Site(_) => false,
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
