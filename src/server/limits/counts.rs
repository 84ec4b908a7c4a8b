//! How many of something each account has at a time: in this process, and with Redis in all of them together.

use super::Sender;
use crate::model::AccountId;
use crate::server::backplane::redis::{PLACES_ARE_TOLD, Redis};
use crate::server::sync::lock;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// The counts of this process. An account's are shared where there is Redis; a network's are not.
#[derive(Default)]
pub struct Counts {
    held: Mutex<HashMap<Sender, u32>>,
    shared: Option<Shared>,
}

struct Shared {
    redis: Redis,
    /// How its keys begin.
    kind: &'static str,
    /// The accounts that have fewer than was told.
    freed: Mutex<HashSet<AccountId>>,
    changed: Arc<Notify>,
}

impl Counts {
    /// Counts of `kind`, which are those of all processes where there is Redis.
    pub fn of_all(redis: Option<&Redis>, kind: &'static str) -> Arc<Self> {
        let Some(redis) = redis else { return Arc::default() };
        let changed = Arc::<Notify>::default();
        let shared = Shared { redis: redis.clone(), kind, freed: Mutex::default(), changed: Arc::clone(&changed) };
        let counts = Arc::new(Self { held: Mutex::default(), shared: Some(shared) });
        tokio::spawn(tell(Arc::downgrade(&counts), changed));
        counts
    }

    /// The number that this account has here.
    pub fn of(&self, account: AccountId) -> u32 {
        lock(&self.held).get(&Sender::Account(account)).copied().unwrap_or_default()
    }

    /// How many there are here, and of how many.
    pub fn total(&self) -> usize {
        lock(&self.held).values().map(|count| *count as usize).sum()
    }

    pub(super) fn senders(&self) -> usize {
        lock(&self.held).len()
    }

    /// Adds one, where the account has fewer than `most` in all processes.
    pub async fn take(self: &Arc<Self>, sender: Sender, most: u32) -> Option<Counted> {
        self.one_more(sender, most)?.everywhere(most).await
    }

    /// Adds one, where the account has fewer than `most` in this process.
    pub fn one_more(self: &Arc<Self>, sender: Sender, most: u32) -> Option<Counted> {
        let mut held = lock(&self.held);
        let count = held.get(&sender).copied().unwrap_or_default();
        if most <= count {
            return None;
        }
        held.insert(sender, count + 1);
        Some(Counted { counts: Arc::clone(self), sender })
    }
}

impl Shared {
    fn key(&self, account: AccountId) -> String {
        format!("{}:{account}", self.kind)
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        // The task ends.
        self.shared.iter().for_each(|shared| shared.changed.notify_one());
    }
}

/// Tells the other processes of places that are free again, and from time to time of all that are held: what is not told
/// again is forgotten, so that a dead process holds none for long.
async fn tell(counts: Weak<Counts>, changed: Arc<Notify>) {
    let mut again = Instant::now() + PLACES_ARE_TOLD;
    loop {
        let is_time = timeout_at(again, changed.notified()).await.is_err() || again <= Instant::now();
        let Some(counts) = counts.upgrade() else { return };
        let Some(shared) = &counts.shared else { return };
        let freed = std::mem::take(&mut *lock(&shared.freed));
        let mut accounts = freed.clone();
        if is_time {
            again = Instant::now() + PLACES_ARE_TOLD;
            accounts.extend(lock(&counts.held).keys().filter_map(|sender| match sender {
                Sender::Account(account) => Some(*account),
                Sender::Network(_) | Sender::Site(_) | Sender::NewOnSite(..) => None,
            }));
        }
        let held: Vec<_> = accounts.into_iter().map(|account| (shared.key(account), counts.of(account))).collect();
        if shared.redis.tell_places(&held).await.is_err() {
            // With the next ones.
            lock(&shared.freed).extend(freed);
        }
    }
}

/// One open stream, upload, export, search or stateless answer of an account; dropping it frees the slot.
pub struct Counted {
    counts: Arc<Counts>,
    sender: Sender,
}

impl Counted {
    /// Keeps it, where the account has at most that many in all processes.
    pub async fn everywhere(self, most: u32) -> Option<Self> {
        if let (Some(shared), Sender::Account(account)) = (&self.counts.shared, self.sender) {
            let answer = shared.redis.place(&shared.key(account), self.counts.of(account), most).await;
            // Without an answer this process's own count holds.
            if answer == Ok(false) {
                return None;
            }
        }
        Some(self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut held = lock(&self.counts.held);
        if let Some(count) = held.get_mut(&self.sender) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.sender);
            }
        }
        drop(held);
        if let (Some(shared), Sender::Account(account)) = (&self.counts.shared, self.sender) {
            lock(&shared.freed).insert(account);
            shared.changed.notify_one();
        }
    }
}
