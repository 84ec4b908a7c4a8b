//! Why a reply failed, and every sentence that operators and users are told about it.

use super::{Origin, redact};
use crate::model::{Parameters, ReplyError};
use crate::server::provider::excerpt;
use std::time::Duration;

/// The message for an invalid request whose reason only the provider knows.
const NOT_ACCEPTED: &str = "The model provider did not accept the request.";
/// The providers' names for the conversation's parameters, in small letters.
const TEMPERATURE: &[&str] = &["temperature"];
const LONGEST_REPLY: &[&str] =
    &["max_tokens", "max_completion_tokens", "max_output_tokens", "maxoutputtokens", "num_predict", "max tokens"];
const EFFORT: &[&str] = &["effort", "output_config", "thinking", "reasoning"];

/// Why a reply ended without being complete.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub kind: FailureKind,
    /// What happened and what to change. Contains no key, no prompt and no HTML. Where only the operator can change it,
    /// it names settings, and users are told another sentence.
    pub message: String,
    /// Whether the request may well succeed when it is repeated later.
    pub retryable: bool,
    /// When, where the provider says so.
    pub retry_after: Option<Duration>,
}

/// The kinds of failure that clients can distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// There is no answer at the provider's address.
    Unreachable,
    /// The server there cannot prove its identity.
    Untrusted,
    /// The provider was silent for too long, or reports a timeout of its own.
    Timeout,
    /// The connection broke in the middle of the answer.
    UpstreamReset,
    /// The answer ended in order, but before its end.
    Truncated,
    /// The answer is complete and has no text.
    Empty,
    /// Too many requests; more are welcome later.
    RateLimited,
    /// The provider is overloaded.
    Overloaded,
    /// The provider has an internal error.
    Server,
    /// The key is missing, invalid, or lacks the permission.
    Unauthorized,
    /// The account at the provider has no credit left.
    Quota,
    ModelNotFound,
    /// The conversation does not fit the model.
    TooLong,
    BadRequest,
    /// The answer is not in this API's format.
    Protocol,
}

impl FailureKind {
    /// The `kind` in error events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Timeout => "timeout",
            Self::UpstreamReset => "upstream_reset",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Server => "server",
            Self::Unauthorized => "unauthorized",
            Self::Quota => "quota",
            Self::ModelNotFound => "model_not_found",
            Self::TooLong => "conversation_too_long",
            Self::BadRequest => "bad_request",
            Self::Protocol => "protocol",
        }
    }

    /// Whether it may pass without a change.
    fn passes(self) -> bool {
        match self {
            Self::Unreachable
            | Self::Timeout
            | Self::UpstreamReset
            | Self::Truncated
            | Self::Empty
            | Self::RateLimited
            | Self::Overloaded
            | Self::Server => true,
            Self::Untrusted
            | Self::Unauthorized
            | Self::Quota
            | Self::ModelNotFound
            | Self::TooLong
            | Self::BadRequest
            | Self::Protocol => false,
        }
    }

    /// Whether only the operator can mend it. Users are told [`Self::for_everybody`] then, and nothing of the settings.
    pub(super) fn is_the_operators(self) -> bool {
        self.for_everybody().is_some()
    }

    /// The message for everybody who sees the conversation, where the whole one is for the operator alone.
    fn for_everybody(self) -> Option<&'static str> {
        Some(match self {
            Self::Unreachable => {
                "The model provider cannot be reached. Try again later; if that does not help, tell the administrator of \
                 this server."
            }
            Self::Untrusted => {
                "The model provider cannot prove that it is who it should be. Tell the administrator of this server."
            }
            Self::Unauthorized => "The model provider refused this server. Tell the administrator of this server.",
            Self::Quota => {
                "The account at the model provider has no credit left. Tell the administrator of this server, or choose \
                 another provider's model."
            }
            Self::ModelNotFound => {
                "The model provider does not know this model. Choose another one, and tell the administrator of this \
                 server."
            }
            Self::Protocol => {
                "The model provider's answer is not one that Rivulet understands. Tell the administrator of this server."
            }
            _ => return None,
        })
    }

    /// Whether another model may well answer this request.
    pub(super) fn may_be_the_models(self) -> bool {
        !matches!(self, Self::BadRequest | Self::TooLong)
    }

    /// The message for a user who waits for another attempt.
    pub(super) fn retried(self, pause: Duration) -> String {
        format!("The model provider {}. Asking it again in {}\u{2026}", self.happened(), spoken(pause))
    }

    /// The message when a fallback is asked.
    pub(super) fn replaced(self, asked: &str, instead: &str) -> String {
        format!("The provider of {asked} {}. Asking {instead} instead\u{2026}", self.happened())
    }

    /// What the provider did, as the rest of a sentence that begins with its name.
    fn happened(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot be reached",
            Self::Untrusted => "cannot prove who it is",
            Self::Timeout => "was silent for too long",
            Self::UpstreamReset | Self::Truncated => "broke off",
            Self::Empty => "answered nothing",
            Self::RateLimited => "accepts no more requests for now",
            Self::Overloaded => "is overloaded",
            Self::Server => "has a fault of its own",
            Self::Unauthorized => "refused the key",
            Self::Quota => "wants to be paid first",
            Self::ModelNotFound => "does not know this model",
            Self::TooLong | Self::BadRequest => "did not accept the request",
            Self::Protocol => "gave an answer that makes no sense",
        }
    }

    fn sentence(self, origin: &Origin) -> String {
        let Origin { key, address, .. } = origin;
        match self {
            Self::Unreachable => {
                format!("The model provider cannot be reached. Check {address} and the server's network.")
            }
            Self::Untrusted => format!(
                "The model provider's certificate is not one that the server trusts. Check {address}; if the \
                 certificate is your own, add its issuer to the system's certificates, or to the file that \
                 SSL_CERT_FILE names."
            ),
            Self::Timeout => "The model provider was silent for too long. Try again, or choose a \
                              faster model."
                .into(),
            Self::UpstreamReset => "The connection to the model provider broke. Try again.".into(),
            Self::Truncated => "The model provider ended its answer in the middle. Continue it, or \
                                try again."
                .into(),
            Self::Empty => Empty::Nothing.sentence().into(),
            Self::RateLimited => "The model provider accepts no more requests for now. Try again a \
                                  little later."
                .into(),
            Self::Overloaded => "The model provider is overloaded. Try again a little later.".into(),
            Self::Server => "The model provider has a fault of its own. Try again.".into(),
            Self::Unauthorized => format!(
                "The model provider refused Rivulet. Check that the key {key} is valid, then start Rivulet again."
            ),
            Self::Quota => "The account at the model provider has no credit left. Check its \
                            billing there, or choose another provider's model."
                .into(),
            Self::ModelNotFound => format!(
                "The model provider does not know this model. Choose another one; RIVULET_MODEL, \
                 RIVULET_MODELS and {address} decide which there are."
            ),
            Self::TooLong => "This conversation is too long for the model. Start a new one, or \
                              choose another model."
                .into(),
            Self::BadRequest => NOT_ACCEPTED.into(),
            Self::Protocol => format!(
                "The model provider's answer is not one that Rivulet understands. Check that \
                 {address} names the API's address."
            ),
        }
    }
}

/// Why a reply that is complete has no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// The reason is unknown.
    Nothing,
    /// The model called a tool, and none is available here.
    Tool,
    /// The reply's limit was used up before its first word.
    Length,
    /// There is an image, or a sound.
    Unshown,
}

impl Empty {
    fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "The model answered nothing. Retry, or choose another model.",
            Self::Tool => "The model asked for a tool that it does not have here. Ask it to answer without, or retry.",
            Self::Length => {
                "The model used up \u{201c}Longest reply\u{201d} by thinking, before it said a word. Raise or empty that \
                 field under Instructions, Advanced, or ask for less, then retry."
            }
            Self::Unshown => {
                "The model answered with an image or another file, which Rivulet cannot show. Ask for text, or choose \
                 another model."
            }
        }
    }
}

impl Failure {
    /// The failure of a reply that is complete and has no text.
    pub(super) fn empty(why: Empty) -> Self {
        Self::new(FailureKind::Empty, why.sentence())
    }

    /// A failure with its own message.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: kind.passes(), retry_after: None }
    }

    /// A failure with the usual message of its kind.
    pub(super) fn of(kind: FailureKind, origin: &Origin) -> Self {
        Self::new(kind, kind.sentence(origin))
    }

    /// Adds when to try again.
    pub(super) fn after(mut self, wait: Option<Duration>) -> Self {
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            self.message = format!("{} It asks to wait {}.", self.message, spoken(wait));
        }
        self.retry_after = wait;
        self
    }

    /// Adds the provider's own words, where they can be shown. Comes last: see [`excerpt::hide`].
    pub(super) fn quoting(mut self, words: &str) -> Self {
        if let Some(quote) = excerpt::quote(words) {
            self.message = format!("{} It said: {quote}", self.message);
        }
        self
    }

    /// Names the conversation's parameter to unset, where the provider's words name one that is set.
    pub(super) fn blaming(mut self, parameters: &Parameters) -> Self {
        let Some(rest) = self.message.strip_prefix(NOT_ACCEPTED) else { return self };
        let words = rest.to_ascii_lowercase();
        let named = |is_set: bool, names: &[&str]| is_set && names.iter().any(|name| words.contains(name));
        let field = if named(parameters.temperature.is_some(), TEMPERATURE) {
            "Temperature"
        } else if named(parameters.max_output_tokens.is_some(), LONGEST_REPLY) {
            "Longest reply"
        } else if named(parameters.effort.is_some(), EFFORT) {
            "Effort"
        } else {
            return self;
        };
        self.message = format!(
            "This model does not take the conversation's \u{201c}{field}\u{201d}. Empty that field under Instructions, \
             Advanced, then retry; or choose another model.{rest}"
        );
        self
    }

    /// Redacts our key, however the provider has written it.
    pub(super) fn without_key(self, key: &str) -> Self {
        Self { message: redact::hide_key(self.message, key), ..self }
    }

    /// Redacts the prompt: a provider may repeat it in its words.
    pub(super) fn without(self, secret: &str) -> Self {
        Self { message: excerpt::hide(self.message, secret), ..self }
    }
}

/// A time in words, rounded up.
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() != 0);
    match seconds {
        1 => "1 second".into(),
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3600)),
    }
}

impl From<Failure> for ReplyError {
    fn from(failure: Failure) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            kind: failure.kind.name().to_owned(),
            message: failure.kind.for_everybody().map_or(failure.message, str::to_owned),
            retryable: failure.retryable,
            retry_after_ms: failure.retry_after.map(milliseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(words: &str) -> Failure {
        Failure::new(FailureKind::BadRequest, NOT_ACCEPTED).quoting(words)
    }

    #[test]
    fn u12_what_only_the_operator_can_mend_names_no_setting_to_others() {
        let origin = Origin::file("acme");
        for kind in [
            FailureKind::Unreachable,
            FailureKind::Untrusted,
            FailureKind::Unauthorized,
            FailureKind::Quota,
            FailureKind::ModelNotFound,
            FailureKind::Protocol,
        ] {
            let failure = Failure::of(kind, &origin).quoting("ask billing@acme.example");
            assert!(failure.message.contains("ask billing"), "the operator reads all of it: {}", failure.message);
            let told = ReplyError::from(failure).message;
            assert!(told.contains("administrator of this server"), "{told}");
            for secret in ["acme", "rivulet.toml", "RIVULET_", "billing@"] {
                assert!(!told.contains(secret), "{told}");
            }
        }
        let mine = Failure::new(FailureKind::BadRequest, NOT_ACCEPTED).quoting("temperature is too high");
        assert!(ReplyError::from(mine).message.contains("temperature"), "what users can change is said to them");
    }

    #[test]
    fn the_parameter_that_a_provider_complains_of_is_named_where_it_is_set() {
        let parameters = Parameters { temperature: Some(0.5), max_output_tokens: Some(9), effort: Some("max".into()) };
        for (words, field) in [
            ("Unsupported value: 'temperature' does not support 0.5 with this model.", "Temperature"),
            ("`temperature` is deprecated for this model.", "Temperature"),
            ("max_tokens: 9 is below the minimum", "Longest reply"),
            ("Unsupported parameter: 'max_completion_tokens'", "Longest reply"),
            ("Invalid value: 'max'. Supported values for reasoning.effort are: 'low'", "Effort"),
            ("output_config: Extra inputs are not permitted", "Effort"),
        ] {
            let told = refused(words).blaming(&parameters).message;
            let start = format!("This model does not take the conversation's \u{201c}{field}\u{201d}.");
            assert!(told.starts_with(&start) && told.contains(words), "{told}");
            assert_eq!(refused(words).blaming(&Parameters::default()), refused(words), "it is not set");
        }
        let other = refused("messages: roles must alternate");
        assert_eq!(other.clone().blaming(&parameters), other);
    }
}
