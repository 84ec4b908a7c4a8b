//! An ID token is believed when the issuer has signed it, for us, just now, and in answer to what this browser began.

use super::Registration;
use super::issuer::Metadata;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, Nonce, SignatureVerificationError,
};

/// With a public key. Whoever has read the key could sign with any other kind.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// A token is made for the answer that it is in: an older one was made for another.
const OLDEST_SECONDS: i64 = 600;
/// Clocks differ.
const EARLIEST_SECONDS: i64 = 60;

pub(super) fn verify<'a>(
    registration: &Registration,
    metadata: &Metadata,
    token: &'a CoreIdToken,
    access: &AccessToken,
    nonce: &Nonce,
) -> Result<&'a CoreIdTokenClaims, ClaimsVerificationError> {
    let client = ClientId::new(registration.client_id.clone());
    let listed = metadata.id_token_signing_alg_values_supported();
    let allowed = ALGORITHMS.into_iter().filter(|algorithm| listed.contains(algorithm));
    // As a public client, so that there is no secret that a signature could be made with.
    let verifier =
        CoreIdTokenVerifier::new_public_client(client.clone(), metadata.issuer().clone(), metadata.jwks().clone())
            .set_allowed_algs(allowed)
            .set_issue_time_verifier_fn(|issued| check_age(issued.timestamp()))
            // Others may be meant as well, where it says that it was made for us: see below.
            .set_other_audience_verifier_fn(|_| true);
    let claims = token.claims(&verifier, nonce)?;
    check_party(claims, &client)?;
    if let Some(hash) = claims.access_token_hash() {
        let wrong = ClaimsVerificationError::SignatureVerification;
        let (algorithm, key) = (token.signing_alg().map_err(wrong)?, token.signing_key(&verifier).map_err(wrong)?);
        let ours = AccessTokenHash::from_token(access, algorithm, key)
            .map_err(|error| ClaimsVerificationError::Other(error.to_string()))?;
        if ours != *hash {
            return Err(ClaimsVerificationError::Other("the access token is another one's".into()));
        }
    }
    Ok(claims)
}

fn check_age(issued: i64) -> Result<(), String> {
    let age = jiff::Timestamp::now().as_second() - issued;
    if (-EARLIEST_SECONDS..=OLDEST_SECONDS).contains(&age) {
        return Ok(());
    }
    Err(format!("the ID token was issued {age} seconds ago; do the clocks agree?"))
}

/// Where it is for several, it has to say that it was made for us.
fn check_party(claims: &CoreIdTokenClaims, client: &ClientId) -> Result<(), ClaimsVerificationError> {
    match claims.authorized_party() {
        Some(party) if party != client => {
            Err(ClaimsVerificationError::InvalidAudience("the ID token was made for another client".into()))
        }
        None if 1 < claims.audiences().len() => Err(ClaimsVerificationError::InvalidAudience(
            "the ID token is for several, and does not say for whom".into(),
        )),
        _ => Ok(()),
    }
}

/// Whether the issuer may have keys that we have not seen.
pub(super) fn may_be_a_new_key(error: &ClaimsVerificationError) -> bool {
    use SignatureVerificationError::{AmbiguousKeyId, CryptoError, NoMatchingKey};
    matches!(error, ClaimsVerificationError::SignatureVerification(NoMatchingKey | CryptoError(_) | AmbiguousKeyId(_)))
}
