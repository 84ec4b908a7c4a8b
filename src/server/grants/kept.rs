//! Callers that the store has recognised less than a second ago: a page is a dozen requests.
//!
//! Who is let in by an entry was let in by the store at most a second ago, even where revocations cannot be read
//! (promise S14). What was revoked is dropped at once, and a read that began before that puts nothing in: it may have
//! seen the state from before. No stream is opened by an entry (`revocation::grant`), and every write asks the store once
//! more, in its transaction (`store/asking`).

use crate::server::principal::{Credential, Principal};
use crate::server::secret::Hash;
use crate::server::store::revocations::Revoked;
use crate::server::sync::lock;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// How long an entry is good, from the moment at which its read began.
pub const GOOD_FOR: Duration = Duration::from_secs(1);
/// As many callers in one second are kept, of about 200 bytes each. Of more, some are read again.
const MOST: usize = 20_000;

/// What a request presents, as the stored hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    Session(Hash),
    Token(Hash),
}

impl Secret {
    fn of(credential: Credential) -> Self {
        match credential {
            Credential::Session(hash) => Self::Session(hash),
            Credential::Token(hash, _) => Self::Token(hash),
        }
    }
}

/// The callers of the last second.
#[derive(Default)]
pub struct Kept(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    callers: HashMap<Secret, (Principal, Instant)>,
    /// In about the order in which they expire.
    order: VecDeque<(Secret, Instant)>,
    /// How many revocations there were that concern callers.
    revocations: u64,
}

/// A read of a caller that has begun.
pub struct Reading {
    began: Instant,
    revocations: u64,
}

impl Kept {
    /// The caller, if the store was asked less than a second ago.
    pub fn get(&self, secret: Secret) -> Option<Principal> {
        let kept = lock(&self.0);
        let (who, began) = kept.callers.get(&secret)?;
        is_good(*began).then_some(*who)
    }

    /// To be called before the store is asked.
    pub fn begin(&self) -> Reading {
        Reading { began: Instant::now(), revocations: lock(&self.0).revocations }
    }

    /// Keeps what the store answered, unless something was revoked since the read began.
    pub fn keep(&self, reading: &Reading, who: Principal) {
        let mut kept = lock(&self.0);
        kept.forget_old();
        if kept.revocations != reading.revocations || MOST <= kept.order.len() {
            return;
        }
        let secret = Secret::of(who.by);
        kept.callers.insert(secret, (who, reading.began));
        kept.order.push_back((secret, reading.began));
    }

    pub(super) fn revoke(&self, revoked: Revoked) {
        let mut kept = lock(&self.0);
        match revoked {
            Revoked::Session(hash) => drop(kept.callers.remove(&Secret::Session(hash))),
            Revoked::Token(hash) => drop(kept.callers.remove(&Secret::Token(hash))),
            Revoked::Account(account) => kept.callers.retain(|_, (who, _)| who.account != account),
            // They say nothing about who somebody is.
            Revoked::Share(..) | Revoked::PublicLink(_) | Revoked::Conversation(_) => return,
            Revoked::Visitor(_) | Revoked::Agent(_) | Revoked::Site(_) => return,
        }
        kept.revocations += 1;
    }
}

impl Inner {
    fn forget_old(&mut self) {
        while let Some((secret, began)) = self.order.front().copied().filter(|(_, began)| !is_good(*began)) {
            self.order.pop_front();
            // It may have been read again since.
            if self.callers.get(&secret).is_some_and(|(_, kept)| *kept == began) {
                self.callers.remove(&secret);
            }
        }
    }
}

fn is_good(began: Instant) -> bool {
    began.elapsed() < GOOD_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, ConversationId};
    use crate::server::principal::{Role, Scope};
    use tokio::time::advance;

    fn by(credential: Credential) -> Principal {
        Principal { account: AccountId::new(), is_guest: false, role: Role::Member, by: credential }
    }

    fn session(secret: &str) -> Principal {
        by(Credential::Session(Hash::of(secret)))
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_good_for_a_second_from_when_its_read_began() {
        let (kept, who) = (Kept::default(), session("a"));
        let secret = Secret::of(who.by);
        let reading = kept.begin();
        // The read took long.
        advance(GOOD_FOR - Duration::from_millis(100)).await;
        kept.keep(&reading, who);
        assert_eq!(kept.get(secret), Some(who));
        advance(Duration::from_millis(99)).await;
        assert_eq!(kept.get(secret), Some(who));
        advance(Duration::from_millis(1)).await;
        assert_eq!(kept.get(secret), None);
        let reading = kept.begin();
        advance(GOOD_FOR).await;
        kept.keep(&reading, who);
        assert_eq!(kept.get(secret), None, "a read that took a second is of no use");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_revoked_goes_at_once_and_a_read_from_before_is_not_kept() {
        let kept = Kept::default();
        let (ann, other) = (session("a"), session("b"));
        let program = by(Credential::Token(Hash::of("a"), Scope::Read));
        let hash = Hash::of("a");
        for (revoked, goes) in [
            (Revoked::Session(hash), ann),
            (Revoked::Token(hash), program),
            (Revoked::Account(ann.account), ann),
            (Revoked::Account(program.account), program),
        ] {
            let all = [ann, other, program];
            all.iter().for_each(|who| kept.keep(&kept.begin(), *who));
            let reading = kept.begin();
            kept.revoke(revoked);
            for who in all {
                assert_eq!(kept.get(Secret::of(who.by)), (who != goes).then_some(who), "{revoked:?}");
            }
            kept.keep(&reading, goes);
            assert_eq!(kept.get(Secret::of(goes.by)), None, "the read may have seen it as it was: {revoked:?}");
            kept.keep(&kept.begin(), goes);
            assert_eq!(kept.get(Secret::of(goes.by)), Some(goes), "{revoked:?}");
        }
        let reading = kept.begin();
        kept.revoke(Revoked::Share(ann.account, ConversationId::new()));
        kept.keep(&reading, ann);
        assert_eq!(kept.get(Secret::of(ann.by)), Some(ann), "that is no revocation of a caller");
    }

    #[tokio::test(start_paused = true)]
    async fn entries_of_the_last_second_alone_take_memory() {
        let kept = Kept::default();
        for number in 0..MOST + 10 {
            kept.keep(&kept.begin(), session(&number.to_string()));
        }
        assert_eq!(lock(&kept.0).callers.len(), MOST);
        assert_eq!(kept.get(Secret::of(session("0").by)).map(|who| who.by), Some(session("0").by));
        advance(GOOD_FOR).await;
        kept.keep(&kept.begin(), session("again"));
        let inner = lock(&kept.0);
        assert_eq!((inner.callers.len(), inner.order.len()), (1, 1));
    }
}
