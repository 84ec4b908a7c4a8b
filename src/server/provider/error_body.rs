//! Providers' error bodies: one reader for the shapes and words of all of them.
//!
//! The words do not collide, so one table serves every provider, and a gateway that answers in another vendor's words
//! is understood too.

use super::meaning::{complains_of_length, is_quota_used_up, wants_credit};
use super::{Failure, FailureKind, Origin, json};
use serde_json::Value;
use std::time::Duration;

/// A provider's error object.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// The most specific word first: Google's reason, OpenAI's `code`, then the `type` or `status`.
    words: Vec<String>,
    /// The HTTP status that a gateway puts into `code`.
    status: Option<u16>,
    message: String,
    /// The member of the request that is wrong.
    member: Option<String>,
    /// When to try again: Google says it in here and not in a header.
    wait: Option<Duration>,
}

impl Complaint {
    /// Reads a body or an event's data; none when it is not JSON with an error.
    pub(super) fn read(text: &str) -> Option<Self> {
        let value: Value = json::parse(text).ok()?;
        // Google's compatible API wraps the object in a list.
        let value = value.get(0).unwrap_or(&value);
        match value.get("error") {
            // Some put the words beside the message: xAI, and many gateways.
            Some(error) if error.is_string() => Some(Self { words: Self::of(value).words, ..Self::of(error) }),
            Some(error) if !error.is_null() => Some(Self::of(error)),
            _ if value.get("message").is_some() || value.get("detail").is_some() => Some(Self::of(value)),
            _ => None,
        }
    }

    /// Reads the error object itself, or the bare sentence that some servers have in its place.
    pub(super) fn of(error: &Value) -> Self {
        let word = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = ["message", "detail"].into_iter().find_map(|name| sentence(error.get(name)?));
        let code = error.get("code");
        let reason = detail(error, "reason").map(str::to_owned);
        Self {
            words: reason.into_iter().chain(["code", "type", "status"].into_iter().filter_map(word)).collect(),
            status: code.and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()),
            message: message.or_else(|| error.as_str().map(str::to_owned)).unwrap_or_default(),
            member: word("param"),
            wait: detail(error, "retryDelay").and_then(seconds),
        }
    }

    /// The message, and the member that it is about.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.message, self.member.as_deref().unwrap_or_default())
    }

    /// Its failure as part of a stream.
    pub(super) fn failure(&self, origin: &Origin) -> Failure {
        Failure::of(self.kind(None), origin).after(self.wait).quoting(&self.message)
    }

    /// Its failure as the body of an answer with `status`, which may ask to wait.
    pub(super) fn refusal(&self, origin: &Origin, status: u16, wait: Option<Duration>) -> Failure {
        Failure::of(self.kind(Some(status)), origin).after(wait.or(self.wait)).quoting(&self.message)
    }

    fn kind(&self, status: Option<u16>) -> FailureKind {
        if complains_of_length(&self.message) {
            return FailureKind::TooLong;
        }
        // Before the words: an account without credit is `invalid_request_error` or `permission_error` to many.
        if wants_credit(&self.message) || self.words.iter().any(|word| wants_credit(word)) {
            return FailureKind::Quota;
        }
        let word = self.words.iter().find_map(|word| of_word(word));
        let status = status.or(self.status.filter(|status| (400..600).contains(status)));
        let vague =
            || self.words.iter().any(|word| matches!(word.as_str(), "invalid_request_error" | "INVALID_ARGUMENT"));
        // Gemini uses this status for a rate limit, too, and has a separate word for that.
        let used_up = word.is_none() && self.wait.is_none() && is_quota_used_up(&self.message);
        let word = word.or(used_up.then_some(FailureKind::Quota));
        word.or_else(|| status.map(of_status))
            .or_else(|| vague().then_some(FailureKind::BadRequest))
            .unwrap_or(FailureKind::Server)
    }
}

/// A member of one of the objects in Google's list of details.
fn detail<'a>(error: &'a Value, name: &str) -> Option<&'a str> {
    error.get("details")?.as_array()?.iter().find_map(|detail| detail.get(name)?.as_str())
}

/// A duration as Google writes it: `34s`, `0.5s`.
fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}

/// A message, or the first of the list that servers in Python write: the place of the error in the request, and the
/// error.
fn sentence(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let nested = value.get("detail").or_else(|| value.get(0))?;
    let Some(what) = nested.get("msg").and_then(Value::as_str) else { return sentence(nested) };
    let place = nested.get("loc").and_then(Value::as_array).and_then(|place| place.last()?.as_str());
    Some(place.map_or_else(|| what.to_owned(), |place| format!("{place}: {what}")))
}

/// The kind that a word certainly means. Words that come with many a status (`invalid_request_error`, `server_error`)
/// have none.
fn of_word(word: &str) -> Option<FailureKind> {
    Some(match word {
        "insufficient_quota"
        | "exceeded_current_quota_error"
        | "billing_error"
        | "billing_hard_limit_reached"
        | "billing_not_active" => FailureKind::Quota,
        "context_length_exceeded" | "request_too_large" => FailureKind::TooLong,
        "model_not_found" | "not_found_error" | "invalid_model" | "NOT_FOUND" => FailureKind::ModelNotFound,
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "API_KEY_INVALID"
        | "UNAUTHENTICATED"
        | "PERMISSION_DENIED" => FailureKind::Unauthorized,
        "rate_limit_error" | "rate_limit_exceeded" | "RESOURCE_EXHAUSTED" => FailureKind::RateLimited,
        "overloaded_error" | "engine_overloaded" | "UNAVAILABLE" => FailureKind::Overloaded,
        "timeout_error" | "DEADLINE_EXCEEDED" => FailureKind::Timeout,
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
        // A conflict or a request that came too early: a retry helps.
        409 | 425 | 500.. => FailureKind::Server,
        400..500 => FailureKind::BadRequest,
        _ => FailureKind::Protocol,
    }
}
