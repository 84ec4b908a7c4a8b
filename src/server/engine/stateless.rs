//! Answers outside any conversation (`POST /chat/stream`): nothing of them is kept, but an orderly end waits for them and
//! cuts them off as it does replies.

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
    /// Begins such an answer, unless the server is on its way out or has enough to do.
    pub fn visit(&self) -> Result<Stateless, Problem> {
        // Before looking, so that a drain that begins in between waits for us, and so that two at once see each other.
        let token = self.shared.visits.token();
        self.shared.admit_visit()?;
        Ok(Stateless { interrupt: self.shared.interrupt.clone(), _place: None, _token: token })
    }

    /// The same answer as one of the account's open replies, as many as it may have.
    pub fn count_visit(&self, visit: Stateless, account: AccountId, quota: Quota) -> Result<Stateless, Problem> {
        Ok(Stateless { _place: Some(self.shared.admit_stateless(account, quota)?), ..visit })
    }

    /// How many such answers are running.
    pub fn visits(&self) -> usize {
        self.shared.visits.len()
    }
}

impl Stateless {
    /// The drain time is over: the answer has to end here.
    pub async fn interrupted(&self) {
        self.interrupt.cancelled().await;
    }
}
