//! What providers write when they refuse: one reader for the shapes and words of all of them.
//!
//! The words do not collide, so one table serves every provider, and a gateway that answers in another vendor's words
//! is understood too.

use super::vendor::Vendor;
use super::{Failure, FailureKind, json};
use serde_json::Value;
use std::time::Duration;

/// A provider's error object.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// The most specific word first: OpenAI's `code`, then the `type`.
    words: Vec<String>,
    /// The HTTP status that a gateway puts into `code`.
    status: Option<u16>,
    message: String,
}

impl Complaint {
    /// Reads a body or an event's data; none when it is not JSON that complains.
    pub(super) fn read(text: &str) -> Option<Self> {
        let value: Value = json::parse(text).ok()?;
        // Google's compatible API wraps the object in a list.
        let value = value.get(0).unwrap_or(&value);
        match value.get("error") {
            Some(error) if !error.is_null() => Some(Self::of(error)),
            _ if value.get("message").is_some() || value.get("detail").is_some() => Some(Self::of(value)),
            _ => None,
        }
    }

    /// Reads the error object itself, or the bare sentence that some servers have in its place.
    pub(super) fn of(error: &Value) -> Self {
        let word = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = ["message", "detail"].into_iter().find_map(word);
        let code = error.get("code");
        Self {
            words: ["code", "type"].into_iter().filter_map(word).collect(),
            status: code.and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()),
            message: message.or_else(|| error.as_str().map(str::to_owned)).unwrap_or_default(),
        }
    }

    /// The failure that this is inside a stream.
    pub(super) fn failure(&self, vendor: &Vendor) -> Failure {
        Failure::of(self.kind(None), vendor).quoting(&self.message)
    }

    /// The failure that this is as the body of an answer with `status`, which may ask to wait.
    pub(super) fn refusal(&self, vendor: &Vendor, status: u16, wait: Option<Duration>) -> Failure {
        Failure::of(self.kind(Some(status)), vendor).after(wait).quoting(&self.message)
    }

    fn kind(&self, status: Option<u16>) -> FailureKind {
        if complains_of_length(&self.message) {
            return FailureKind::TooLong;
        }
        let word = self.words.iter().find_map(|word| of_word(word));
        let status = status.or(self.status.filter(|status| (400..600).contains(status)));
        let vague = || self.words.iter().any(|word| word == "invalid_request_error");
        word.or_else(|| status.map(of_status))
            .or_else(|| vague().then_some(FailureKind::BadRequest))
            .unwrap_or(FailureKind::Server)
    }
}

/// What a word says for certain. Those that come with many a status (`invalid_request_error`, `server_error`) do not.
fn of_word(word: &str) -> Option<FailureKind> {
    Some(match word {
        "insufficient_quota" | "billing_error" | "billing_hard_limit_reached" | "billing_not_active" => {
            FailureKind::Quota
        }
        "context_length_exceeded" | "request_too_large" => FailureKind::TooLong,
        "model_not_found" | "not_found_error" => FailureKind::ModelNotFound,
        "invalid_api_key" | "authentication_error" | "permission_error" => FailureKind::Unauthorized,
        "rate_limit_error" | "rate_limit_exceeded" => FailureKind::RateLimited,
        "overloaded_error" | "engine_overloaded" => FailureKind::Overloaded,
        "timeout_error" => FailureKind::Timeout,
        _ => return None,
    })
}

fn of_status(status: u16) -> FailureKind {
    match status {
        401 | 403 => FailureKind::Unauthorized,
        402 => FailureKind::Quota,
        404 => FailureKind::ModelNotFound,
        408 | 504 => FailureKind::Timeout,
        413 => FailureKind::TooLong,
        429 => FailureKind::RateLimited,
        503 | 529 => FailureKind::Overloaded,
        // A conflict or a request that came too early: nobody's mistake, and it passes.
        409 | 425 | 500.. => FailureKind::Server,
        400..500 => FailureKind::BadRequest,
        _ => FailureKind::Protocol,
    }
}

/// Providers have no word for it, only sentences: Anthropic's, OpenAI's and the usual one of local servers.
fn complains_of_length(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["prompt is too long", "maximum context length", "exceeds the available context size"]
        .iter()
        .any(|sentence| message.contains(sentence))
}
