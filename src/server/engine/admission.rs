//! Admission: whether a reply may be opened now.

use super::Shared;
use super::open::ReplySlot;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId};
use crate::server::journal::Topic;
use crate::server::limits::{Counted, Sender};
use crate::server::quota::{Quota, Used, too_many_open};
use crate::server::sync::lock;
use std::sync::Arc;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Of thousands of replies, one will have ended by then.
const RETRY_AFTER_SECONDS: u64 = 5;

/// A reply that is about to be opened: a place in the account's limit, and a reason for a drain to wait.
pub(super) struct Admission {
    shared: Arc<Shared>,
    place: ReplySlot,
    /// How many replies the account may have open.
    pub(super) most_open: usize,
    _token: TaskTrackerToken,
}

impl Admission {
    pub(super) fn account(&self) -> AccountId {
        self.place.0
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        lock(&self.shared.open).release(self.place);
    }
}

impl Shared {
    /// The account's limits, if it has tokens left. It may have been disabled while a message waited for its turn.
    pub(super) async fn allowed(&self, account: AccountId) -> Result<Quota, Problem> {
        let (quota, used) = match self.store.allowance(account).await {
            Err(sqlx::Error::RowNotFound) => return Err(Problem::Unknown),
            allowance => allowance?,
        };
        self.has_tokens(quota, used)
    }

    /// These limits of an account, if it has tokens left.
    pub(super) fn has_tokens(&self, quota: Quota, used: Used) -> Result<Quota, Problem> {
        quota.check(&self.everybody, used).inspect_err(|_| self.metrics.refused("tokens"))?;
        Ok(quota)
    }

    /// Whether the account may start a reply now. The place is taken until the returned value is dropped.
    pub(super) async fn admit(
        self: &Arc<Self>,
        account: AccountId,
        conversation: ConversationId,
        quota: Quota,
    ) -> Result<Admission, Problem> {
        // Before the check, so that a drain that begins in between waits for us.
        let token = self.tasks.token();
        self.drain.admit()?;
        self.has_memory(conversation)?;
        let place = (account, conversation);
        let most_open = self.take_place(place, quota)?;
        let admission = Admission { shared: Arc::clone(self), place, most_open, _token: token };
        let per_minute = quota.sends_per_minute.unwrap_or(self.everybody.sends_per_minute);
        self.limits.send(Sender::Account(account), per_minute).await?;
        Ok(admission)
    }

    /// Takes a place for a reply, where the process and the account have one. Returns how many the account may have.
    fn take_place(&self, place: ReplySlot, quota: Quota) -> Result<usize, Problem> {
        let (account, conversation) = place;
        let mut open = lock(&self.open);
        // The reply that is open here is replaced by this one.
        self.has_room(open.places_outside(Some(conversation)) + self.visits.len())?;
        let others = open.of(account, Some(conversation)) + self.visiting.of(account) as usize;
        let most_open = self.most_open(quota);
        if most_open <= others {
            return Err(self.too_many_open(others));
        }
        open.admit(place);
        Ok(most_open)
    }

    /// Whether the account may have one more stateless answer beside its open replies. The place is taken until the
    /// returned value is dropped.
    pub(super) async fn admit_stateless(&self, account: AccountId, quota: Quota) -> Result<Counted, Problem> {
        let (mine, room, place) = {
            let open = lock(&self.open);
            let mine = open.of(account, None);
            let room = u32::try_from(self.most_open(quota).saturating_sub(mine)).unwrap_or(u32::MAX);
            (mine, room, self.visiting.one_more(Sender::Account(account), room))
        };
        let place = match place {
            Some(place) => place.everywhere(room).await,
            None => None,
        };
        place.ok_or_else(|| self.too_many_open(mine + self.visiting.of(account) as usize))
    }

    fn most_open(&self, quota: Quota) -> usize {
        quota.open_replies.map_or(self.everybody.open_replies, |count| count as usize)
    }

    fn too_many_open(&self, others: usize) -> Problem {
        self.metrics.refused("replies");
        too_many_open(others)
    }

    /// Whether a stateless answer may start now; it is already counted in `visits`.
    pub(super) fn admit_visit(&self) -> Result<(), Problem> {
        self.drain.admit()?;
        let places = lock(&self.open).places_outside(None);
        self.has_room((places + self.visits.len()).saturating_sub(1))
    }

    /// Whether the process has room for one more beside `others`, over all accounts.
    fn has_room(&self, others: usize) -> Result<(), Problem> {
        if others < self.bounds.open_replies { Ok(()) } else { Err(self.too_much("capacity")) }
    }

    /// Whether the journals have room for one more reply. An open reply of the conversation is replaced, so it makes
    /// room.
    fn has_memory(&self, conversation: ConversationId) -> Result<(), Problem> {
        let is_full = self.journals.is_full() && !self.journals.topic(Topic::Conversation(conversation)).is_open();
        if is_full { Err(self.too_much("memory")) } else { Ok(()) }
    }

    fn too_much(&self, limit: &'static str) -> Problem {
        self.metrics.refused(limit);
        let message =
            "The server is writing as many replies as it can. Nothing was sent; try again in a moment.".into();
        Problem::Unavailable { message, retry_after_seconds: RETRY_AFTER_SECONDS }
    }
}
