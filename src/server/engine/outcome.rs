//! How a reply ended, and what is known of it then.

use super::estimate;
use crate::event::Draft;
use crate::model::{ReplyError, Usage};
use crate::server::provider::FailureKind;

/// How generation ended.
pub(super) enum Outcome {
    Done { stop_reason: String },
    Stopped,
    Interrupted,
    Failed(ReplyError),
}

/// What is known of a reply besides its text.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) usage: Option<Usage>,
    /// The model that answers.
    pub(super) model: String,
    pub(super) first_piece_at: Option<String>,
    pub(super) text_bytes: usize,
    pub(super) thinking_bytes: usize,
    /// The estimated number of tokens in the request.
    pub(super) asked: u64,
    /// Characters of text that a continued reply begins with.
    pub(super) kept: usize,
}

impl Facts {
    /// The provider's count, or an estimate of it. None before the provider has begun to answer: that costs nothing.
    pub(super) fn usage(&self, draft: &Draft, outcome: &Outcome) -> Option<Usage> {
        // A complete answer without text was paid for like any other.
        let is_whole = match outcome {
            Outcome::Done { .. } => true,
            Outcome::Failed(error) => error.kind == FailureKind::Empty.name(),
            Outcome::Stopped | Outcome::Interrupted => false,
        };
        match self.usage.map(|usage| estimate::filled(usage, self.asked, draft, self.kept)) {
            Some(usage) if is_whole => Some(usage),
            // Counted mostly at the beginning: the input, and hardly anything of the output.
            Some(usage) => Some(estimate::at_least(usage, draft, self.kept)),
            None if is_whole || self.first_piece_at.is_some() => Some(estimate::reply(self.asked, draft, self.kept)),
            None => None,
        }
    }
}

pub(super) fn failure(kind: &str, message: &str, retryable: bool) -> ReplyError {
    ReplyError { kind: kind.into(), message: message.into(), retryable, retry_after_ms: None }
}
