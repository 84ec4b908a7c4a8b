//! What a stateless answer has used goes into its account's ledger, however the answer ends.

use crate::model::{AccountId, Usage};
use crate::server::State;
use crate::server::engine::estimated_tokens;

/// Written when it is dropped: also when the client hangs up half-way.
pub(super) struct Charge {
    pub(super) state: State,
    pub(super) account: Option<AccountId>,
    pub(super) model: String,
    /// What the provider counted.
    pub(super) usage: Option<Usage>,
    /// Characters that were asked, and that were answered, for where it counted nothing.
    pub(super) asked: usize,
    pub(super) answered: usize,
}

impl Charge {
    /// None where nothing was answered: that costs nothing.
    fn usage(&self) -> Option<Usage> {
        let estimated = || Usage {
            input_tokens: estimated_tokens(self.asked),
            output_tokens: estimated_tokens(self.answered),
            estimated: true,
            cost_micros: None,
        };
        let usage = self.usage.or_else(|| (0 < self.answered).then(estimated))?;
        Some(self.state.providers.priced(&self.model, usage))
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let (Some(account), Ok(runtime)) = (self.account, tokio::runtime::Handle::try_current()) else { return };
        let Some(usage) = self.usage() else { return };
        let (state, model) = (self.state.clone(), std::mem::take(&mut self.model));
        runtime.spawn(async move {
            if let Err(error) = state.store.charge_account(account, &model, usage).await {
                tracing::error!(%error, "What a stateless answer has used was not written");
            }
        });
    }
}
