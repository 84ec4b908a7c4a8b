//! Why signing in failed: users are told a kind, and the log has the details.

use super::web::WebError;
use crate::error::Problem;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{RequestTokenError, StandardErrorResponse, UserInfoError};
use std::error::Error;
use std::fmt::Display;

/// Characters of an issuer's error text that are shown.
const LONGEST_SAID: usize = 200;
/// Characters of it that are logged.
const LONGEST_LOGGED: usize = 500;
/// `Retry-After` where the issuer does not answer, in seconds.
const WAIT_SECONDS: u64 = 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    Unreachable,
    /// The user has not signed in there, or was refused; with the issuer's reason.
    Declined(Option<String>),
    /// The callback was used before, or by another browser, or too late.
    Stale,
    /// A part of the answer failed verification.
    Untrusted,
    /// The issuer refuses this server: a setting is wrong.
    Refused,
}

impl Failure {
    pub(super) fn untrusted(why: &(impl Display + ?Sized)) -> Self {
        tracing::warn!(
            why = quoted(&why.to_string(), LONGEST_LOGGED),
            "An answer of the OpenID Connect issuer is not believed"
        );
        Self::Untrusted
    }

    /// The issuer returns `access_denied` when the user presses Cancel.
    pub(super) fn declined(error: &str, description: Option<&str>) -> Self {
        let said = quoted(description.unwrap_or(error), LONGEST_SAID);
        tracing::info!(error = quoted(error, LONGEST_LOGGED), said, "Signing in with the OpenID Connect issuer failed");
        let cancelled = error == "access_denied";
        Self::Declined((!cancelled && !said.is_empty()).then_some(said))
    }

    /// The message for the user. `name` is the issuer's.
    pub fn problem(self, name: &str) -> Problem {
        match self {
            Self::Unreachable => Problem::Unavailable {
                message: format!("{name} cannot be reached at the moment. Try again in a minute."),
                retry_after_seconds: WAIT_SECONDS,
            },
            Self::Declined(None) => Problem::Forbidden(format!("You have not signed in at {name}.")),
            Self::Declined(Some(said)) => {
                Problem::Forbidden(format!("{name} has not signed you in. It says: “{said}”"))
            }
            Self::Stale => Problem::Malformed(
                "This way in was begun in another browser, took too long, or has been used already. Begin again."
                    .into(),
            ),
            Self::Untrusted => Problem::Forbidden(format!(
                "What {name} has answered does not check out, so nobody was signed in. Begin again. If it happens again, \
                 tell whoever runs this server: the reason is in its log."
            )),
            Self::Refused => Problem::Unavailable {
                message: format!("{name} does not accept this server. Tell whoever runs it: the reason is in its log."),
                retry_after_seconds: WAIT_SECONDS,
            },
        }
    }
}

/// One line without hidden characters.
fn quoted(text: &str, longest: usize) -> String {
    // Letters, digits and punctuation: no control characters, nothing that reverses or hides text.
    let plain = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || "’‘“”–—…".contains(c);
    let line: String = text.chars().take(4 * longest).map(|c| if plain(c) { c } else { ' ' }).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(longest).collect()
}

/// An error and its causes, for the log. The issuer's text is in it only where it is an error's name.
pub(super) fn told(error: &(dyn Error + 'static)) -> String {
    let mut all = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        all = format!("{all}: {cause}");
        next = cause.source();
    }
    quoted(&all, LONGEST_LOGGED)
}

type Exchange = RequestTokenError<WebError, StandardErrorResponse<CoreErrorResponseType>>;

/// The code could not be exchanged.
pub(super) fn of_exchange(error: &Exchange) -> Failure {
    tracing::warn!(why = told(error), "The OpenID Connect issuer gave no tokens");
    match error {
        RequestTokenError::Request(WebError::Request(_)) => Failure::Unreachable,
        RequestTokenError::ServerResponse(said) if *said.error() == CoreErrorResponseType::InvalidGrant => {
            Failure::Stale
        }
        RequestTokenError::ServerResponse(_) => Failure::Refused,
        _ => Failure::Untrusted,
    }
}

/// The issuer did not return the user's profile.
pub(super) fn of_profile(error: &UserInfoError<WebError>) -> Failure {
    match error {
        UserInfoError::Request(WebError::Request(_)) => {
            tracing::warn!(why = told(error), "The OpenID Connect issuer does not answer");
            Failure::Unreachable
        }
        _ => Failure::untrusted(&told(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a54_what_an_issuer_says_is_one_short_line() {
        let said = |text: &str| quoted(text, LONGEST_SAID);
        assert_eq!(said("No\r\n\u{1b}[31m entry\u{202e}!"), "No [31m entry !");
        assert_eq!(said(&"x".repeat(10_000)).len(), LONGEST_SAID);
        assert_eq!(Failure::declined("access_denied", Some("The user pressed Cancel")), Failure::Declined(None));
        let other = Failure::declined("login_required", None).problem("Keycloak").to_string();
        assert_eq!(other, "Keycloak has not signed you in. It says: “login_required”");
    }
}
