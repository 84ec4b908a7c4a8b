//! The claims of an issuer that are used. All others are removed before the crate reads them, because it would refuse a
//! whole answer for the type of an unused claim: a date in another format, an address that is a list.

use serde_json::{Map, Value};

/// Claims that signing in depends on: judged as strictly as the crate does.
const JUDGED: &[&str] = &["iss", "aud", "exp", "iat", "nonce", "azp", "at_hash", "sub"];
/// Names for showing: used where they are text.
const SHOWN: &[&str] = &["name", "preferred_username", "email"];
/// A boolean, or one of these.
const IS_VERIFIED: &str = "email_verified";

/// Keeps the claims that are used, of an ID token or of userinfo.
pub(super) fn reduce(claims: &mut Map<String, Value>) {
    claims.retain(|name, value| {
        let name = name.as_str();
        let is_flag = value.is_boolean() || matches!(value.as_str(), Some("true" | "false"));
        JUDGED.contains(&name) || SHOWN.contains(&name) && value.is_string() || name == IS_VERIFIED && is_flag
    });
}

/// The fields of a token endpoint's answer that are used, besides the ID token.
pub(super) fn reduce_tokens(answer: &mut Map<String, Value>) {
    answer.retain(|name, value| match name.as_str() {
        "access_token" | "token_type" | "error" => true,
        "error_description" => value.is_string(),
        _ => false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn z15_what_is_not_used_is_taken_out_and_what_is_judged_stays_as_it_came() {
        let mut claims = json!({
            "iss": 7, "aud": [], "exp": "soon", "iat": null, "nonce": 1, "azp": [], "at_hash": {}, "sub": 5,
            "name": ["Ann"], "preferred_username": "ann", "email": null, "email_verified": "perhaps",
            "updated_at": "2026-11-23T10:59:07.841Z", "address": [], "locale": 7, "auth_time": "x", "acr": 0, "amr": "pwd",
        });
        reduce(claims.as_object_mut().unwrap());
        let left = json!({
            "iss": 7, "aud": [], "exp": "soon", "iat": null, "nonce": 1, "azp": [], "at_hash": {}, "sub": 5,
            "preferred_username": "ann",
        });
        assert_eq!(claims, left);
    }
}
