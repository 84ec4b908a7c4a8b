//! Charges the usage of a stateless answer to its account, however the answer ends.

use crate::model::{AccountId, Usage};
use crate::server::State;
use crate::server::engine::estimated_tokens;

/// Written on drop: also when the client hangs up half-way.
pub(super) struct Charge {
    pub(super) state: State,
    pub(super) account: Option<AccountId>,
    pub(super) model: String,
    /// The provider's count.
    pub(super) usage: Option<Usage>,
    /// Whether that count is complete.
    pub(super) is_whole: bool,
    /// Characters asked and answered, for an estimate where the provider counted nothing.
    pub(super) asked: usize,
    pub(super) answered: usize,
}

impl Charge {
    /// None where nothing was answered: that costs nothing.
    pub(super) fn usage(&self) -> Option<Usage> {
        let counted = self.usage.map(|usage| usage.input_tokens).filter(|tokens| *tokens != 0);
        let about = Usage {
            input_tokens: counted.unwrap_or_else(|| estimated_tokens(self.asked)),
            output_tokens: estimated_tokens(self.answered),
            estimated: true,
            cost_micros: None,
        };
        let is_counted = |usage: Usage| counted.is_some() && (0 < usage.output_tokens || about.output_tokens == 0);
        let is_all = |usage: Usage| self.is_whole || about.output_tokens <= usage.output_tokens;
        let usage = match self.usage {
            Some(usage) if is_all(usage) && is_counted(usage) => usage,
            // The provider counted only one of the two.
            Some(usage) if is_all(usage) => {
                Usage { output_tokens: usage.output_tokens.max(about.output_tokens), ..about }
            }
            None if self.answered == 0 && !self.is_whole => return None,
            _ => about,
        };
        Some(self.state.providers.priced(&self.model, usage))
    }

    /// Writes the usage so far, and starts again for another model.
    pub(super) fn turn_to(&mut self, model: String) {
        self.write();
        (self.usage, self.is_whole, self.answered, self.model) = (None, false, 0, model);
    }

    fn write(&mut self) {
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

impl Drop for Charge {
    fn drop(&mut self) {
        self.write();
    }
}
