//! Tokens as providers count them. Pure.

use super::lenient::{Count, Object};
use crate::model::Usage;
use serde::Deserialize;

/// OpenAI's usage members: the older ones of chat completions, and those of the Responses API.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Count,
    #[serde(alias = "output_tokens")]
    completion_tokens: Count,
    total_tokens: Count,
    #[serde(alias = "output_tokens_details")]
    completion_tokens_details: Object<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    reasoning_tokens: Count,
}

impl Tokens {
    /// Tokens read, cached or not, and tokens written, thoughts included.
    pub(super) fn usage(&self) -> Usage {
        let reasoning = self.completion_tokens_details.0.as_ref().map(|details| details.reasoning_tokens.or_zero());
        let (read, said) = (self.prompt_tokens.or_zero(), self.completion_tokens.or_zero());
        let reasoning = reasoning.unwrap_or(0);
        // OpenAI counts thoughts into the output, xAI beside it. The sum says which.
        let beside = comes_on_top(self.total_tokens, read.saturating_add(said), reasoning) == Some(true);
        usage(read, said.saturating_add(if beside { reasoning } else { 0 }))
    }
}

pub(super) fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage { input_tokens, output_tokens, ..Usage::default() }
}

/// Whether `total` shows that thoughts were counted beside the rest, and not into it. None without a total.
pub(super) fn comes_on_top(total: Count, rest: u64, thoughts: u64) -> Option<bool> {
    total.0.map(|total| rest.saturating_add(thoughts) <= total)
}
