//! What an issuer tells of somebody. Names are for showing; an address counts only where it is verified.

use openidconnect::core::{CoreGenderClaim, CoreIdTokenClaims, CoreUserInfoClaims};
use openidconnect::{EmptyAdditionalClaims, StandardClaims, UserInfoClaims};

/// Longer ones are no addresses (RFC 5321).
const LONGEST_ADDRESS: usize = 254;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// A verified mail address, in small letters.
    pub address: Option<String>,
    /// What the person is called, the best first.
    pub names: Vec<String>,
}

impl Profile {
    /// Whether there is no need to ask for more.
    pub(super) fn is_complete(&self) -> bool {
        self.address.is_some() && !self.names.is_empty()
    }

    pub(super) fn of_token(claims: &CoreIdTokenClaims) -> Self {
        let name = claims.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        let known = claims.preferred_username().map(|name| name.to_string());
        Self::new(known, claims.email().map(|email| email.to_string()), claims.email_verified(), name)
    }

    pub(super) fn told(told: &CoreUserInfoClaims) -> Self {
        let told: &UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> = told;
        let told: &StandardClaims<CoreGenderClaim> = told.standard_claims();
        let name = told.name().and_then(|name| name.get(None)).map(|name| name.to_string());
        let known = told.preferred_username().map(|name| name.to_string());
        Self::new(known, told.email().map(|email| email.to_string()), told.email_verified(), name)
    }

    fn new(known: Option<String>, email: Option<String>, verified: Option<bool>, name: Option<String>) -> Self {
        let address = email.clone().filter(|_| verified == Some(true)).map(|email| email.trim().to_lowercase());
        let address = address.filter(|it| it.contains('@') && it.len() <= LONGEST_ADDRESS);
        let names = [known, email, name].into_iter().flatten().filter(|name| !name.trim().is_empty()).collect();
        Self { address, names }
    }
}
