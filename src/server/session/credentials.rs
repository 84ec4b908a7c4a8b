//! The credentials of a request. Two could belong to two callers, so they are answered with 400.

use super::cookie;
use crate::error::Problem;
use crate::server::State;
use crate::server::grants::kept::Secret;
use crate::server::secret::Hash;
use axum::http::{HeaderMap, header};

pub(super) fn presented(state: &State, headers: &HeaderMap) -> Result<Option<Secret>, Problem> {
    let mut sessions = cookie::all(headers, cookie::session_name(state));
    let session = sessions.next();
    let mut bearers = headers.get_all(header::AUTHORIZATION).iter();
    let bearer = bearers.next();
    let foreign = headers.contains_key("x-api-key");
    if bearers.next().is_some() || sessions.any(|other| Some(&other) != session.as_ref()) {
        return Err(ambiguous());
    }
    match (session, bearer, foreign) {
        (None, None, false) => Ok(None),
        (Some(session), None, false) => Ok(Some(Secret::Session(Hash::of(&session)))),
        (None, Some(bearer), false) => {
            let token = bearer.to_str().ok().and_then(token).ok_or_else(wrong_token)?;
            Ok(Some(Secret::Token(Hash::of(token))))
        }
        (None, None, true) => Err(wrong_token()),
        _ => Err(ambiguous()),
    }
}

fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The problem for a token that belongs to no account.
pub(super) fn wrong_token() -> Problem {
    Problem::Unauthorized(
        "This API token is wrong, or was revoked. Send one as Authorization: Bearer; you make them on your account's page."
            .into(),
    )
}

fn ambiguous() -> Problem {
    Problem::Malformed(
        "The request says twice who sends it. Send either the cookie or one header Authorization: Bearer.".into(),
    )
}
