//! Whether a reply may be opened now.

use super::Shared;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId};
use crate::server::journal::lock;
use crate::server::limits::Sender;
use std::collections::HashSet;
use std::sync::Arc;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A reply that is about to be opened: a place among the account's, and a reason for a drain to wait.
pub(super) struct Admission {
    shared: Arc<Shared>,
    place: (AccountId, ConversationId),
    _token: TaskTrackerToken,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut admitted = lock(&self.shared.admitted);
        if let Some(index) = admitted.iter().position(|place| *place == self.place) {
            admitted.swap_remove(index);
        }
    }
}

impl Shared {
    /// Whether the account may start a reply now. The place is taken for as long as the answer is held.
    pub(super) fn admit(
        self: &Arc<Self>,
        account: AccountId,
        conversation: ConversationId,
    ) -> Result<Admission, Problem> {
        // Before looking, so that a drain that begins in between waits for us.
        let token = self.tasks.token();
        self.drain.admit()?;
        let open = lock(&self.open);
        let mut admitted = lock(&self.admitted);
        let writing = open.values().map(|open| (open.account, open.conversation));
        let mine = writing.chain(admitted.iter().copied()).filter(|(owner, _)| *owner == account);
        let busy: HashSet<_> = mine.map(|(_, place)| place).filter(|place| *place != conversation).collect();
        let others = busy.len();
        if self.most_open <= others {
            self.metrics.refused("replies");
            let message =
                format!("{others} replies are being written for you already. Stop one, or wait until one ends.");
            return Err(Problem::TooMany { message, retry_after_seconds: 5 });
        }
        self.limits.send(Sender::Account(account))?;
        admitted.push((account, conversation));
        Ok(Admission { shared: Arc::clone(self), place: (account, conversation), _token: token })
    }
}
