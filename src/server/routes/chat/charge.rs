//! What a stateless answer has used goes into its account's ledger, however the answer ends.

use crate::model::{AccountId, Usage};
use crate::server::State;

/// Written when it is dropped: also when the client hangs up half-way.
pub(super) struct Charge {
    pub(super) state: State,
    pub(super) account: Option<AccountId>,
    pub(super) model: String,
    pub(super) usage: Usage,
}

impl Drop for Charge {
    fn drop(&mut self) {
        let (Some(account), Ok(runtime)) = (self.account, tokio::runtime::Handle::try_current()) else { return };
        if self.usage == Usage::default() {
            return;
        }
        let (state, model, usage) = (self.state.clone(), std::mem::take(&mut self.model), self.usage);
        runtime.spawn(async move {
            if let Err(error) = state.store.charge_account(account, &model, usage).await {
                tracing::error!(%error, "What a stateless answer has used was not written");
            }
        });
    }
}
