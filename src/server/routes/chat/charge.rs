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
    /// Whether it has counted all of it.
    pub(super) is_whole: bool,
    /// Characters that were asked, and that were answered, for where it counted nothing.
    pub(super) asked: usize,
    pub(super) answered: usize,
}

impl Charge {
    /// None where nothing was answered: that costs nothing.
    pub(super) fn usage(&self) -> Option<Usage> {
        let about = Usage {
            input_tokens: self.usage.map_or_else(|| estimated_tokens(self.asked), |usage| usage.input_tokens),
            output_tokens: estimated_tokens(self.answered),
            estimated: true,
            cost_micros: None,
        };
        let usage = match self.usage {
            Some(usage) if self.is_whole || about.output_tokens <= usage.output_tokens => usage,
            None if self.answered == 0 => return None,
            _ => about,
        };
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
