//! A user's profile from an issuer. Names are for showing; an address counts only where it is verified.

use crate::server::nul;
use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims, CoreUserInfoClaims};
use openidconnect::{EmptyAdditionalClaims, StandardClaims, UserInfoClaims};

/// Longer ones are not valid addresses (RFC 5321).
const LONGEST_ADDRESS: usize = 254;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// A verified mail address, in lower case.
    pub address: Option<String>,
    /// The user's names, best first.
    pub names: Vec<String>,
}

impl Profile {
    /// Whether the profile needs no further request.
    pub(super) fn is_complete(&self) -> bool {
        self.address.is_some() && !self.names.is_empty()
    }
}

/// The claims that make a profile.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    known: Option<String>,
    email: Option<String>,
    verified: Option<bool>,
    name: Option<String>,
}

impl Said {
    pub(super) fn of_token(claims: &CoreIdTokenClaims) -> Self {
        let name = claims.name().and_then(|name| name.get(None)).map(|name| nul::replaced(name.to_string()));
        let known = claims.preferred_username().map(|name| nul::replaced(name.to_string()));
        let email = claims.email().map(|email| nul::replaced(email.to_string()));
        Self { known, email, verified: claims.email_verified(), name }
    }

    pub(super) fn told(told: &CoreUserInfoClaims) -> Self {
        let told: &UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> = told;
        let told: &StandardClaims<CoreGenderClaim> = told.standard_claims();
        let name = told.name().and_then(|name| name.get(None)).map(|name| nul::replaced(name.to_string()));
        let known = told.preferred_username().map(|name| nul::replaced(name.to_string()));
        let email = told.email().map(|email| nul::replaced(email.to_string()));
        Self { known, email, verified: told.email_verified(), name }
    }

    /// Replaces fields by those of a later answer, where it has them. Whether an address is verified belongs to that
    /// address and not to another.
    pub(super) fn and(self, told: Self) -> Self {
        let is_said = |text: &String| !text.trim().is_empty();
        let (known, name) = (told.known.filter(is_said), told.name.filter(is_said));
        let (email, verified) = match told.email.filter(is_said) {
            Some(email) if self.email.as_ref() == Some(&email) => (Some(email), told.verified.or(self.verified)),
            // An unverified address does not replace a verified one.
            Some(_) if told.verified != Some(true) && self.verified == Some(true) => (self.email, self.verified),
            Some(email) => (Some(email), told.verified),
            None => (self.email, self.verified),
        };
        Self { known: known.or(self.known), email, verified, name: name.or(self.name) }
    }
}

impl From<Said> for Profile {
    fn from(said: Said) -> Self {
        let Said { known, email, verified, name } = said;
        let address = email.clone().filter(|_| verified == Some(true)).map(|email| email.trim().to_lowercase());
        let address = address.filter(|it| it.contains('@') && it.len() <= LONGEST_ADDRESS);
        let names = [known, email, name].into_iter().flatten().filter(|name| !name.trim().is_empty()).collect();
        Self { address, names }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(email: &str, verified: Option<bool>) -> Said {
        Said { email: Some(email.into()), verified, ..Said::default() }
    }

    #[test]
    fn z39_what_is_told_later_is_added_and_an_address_is_verified_only_where_it_was_said_of_it() {
        let token = Said { known: Some("ann".into()), name: Some("Ann".into()), ..said("a@x.org", Some(true)) };
        let after = |told: Said| Profile::from(token.clone().and(told));
        let names = ["ann", "a@x.org", "Ann"].map(str::to_owned).to_vec();
        let whole = Profile { address: Some("a@x.org".into()), names };
        assert_eq!(after(Said::default()), whole);
        assert_eq!(after(said("a@x.org", None)), whole);
        assert_eq!(after(said("other@x.org", None)), whole);
        assert_eq!(after(said("a@x.org", Some(false))).address, None);
        assert_eq!(after(said("other@x.org", Some(true))).address.as_deref(), Some("other@x.org"));
        let unverified = said("a@x.org", None).and(said("b@x.org", None));
        assert_eq!(Profile::from(unverified).address, None);
        assert_eq!(
            Profile::from(said("a@x.org", None).and(said("b@x.org", Some(true)))).address.as_deref(),
            Some("b@x.org")
        );
    }
}
