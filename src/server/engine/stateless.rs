//! Stateless answers, outside any conversation (`POST /chat/stream`): nothing of them is stored, but an orderly
//! shutdown waits for them and interrupts them as it does replies.

use super::Engine;
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::limits::Counted;
use crate::server::quota::Quota;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Held for as long as the answer runs.
pub struct Stateless {
    interrupt: CancellationToken,
    _place: Option<Counted>,
    _token: TaskTrackerToken,
}

impl Engine {
    /// Begins a stateless answer, unless the server is shutting down or at capacity.
    pub fn visit(&self) -> Result<Stateless, Problem> {
        // Before the check, so that a drain that begins in between waits for us, and so that concurrent requests see
        // each other.
        let token = self.shared.visits.token();
        self.shared.admit_visit()?;
        Ok(Stateless { interrupt: self.shared.interrupt.clone(), _place: None, _token: token })
    }

    /// Counts the answer as one of the account's open replies, within its limit.
    pub async fn count_visit(&self, visit: Stateless, account: AccountId, quota: Quota) -> Result<Stateless, Problem> {
        Ok(Stateless { _place: Some(self.shared.admit_stateless(account, quota).await?), ..visit })
    }

    /// How many stateless answers are running.
    pub fn visits(&self) -> usize {
        self.shared.visits.len()
    }
}

impl Stateless {
    /// Cancelled when the drain time has passed: the answer must end then.
    pub fn interrupt(&self) -> CancellationToken {
        self.interrupt.clone()
    }
}
