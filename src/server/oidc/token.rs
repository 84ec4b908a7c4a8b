//! An ID token is accepted when the issuer has signed it, for us, just now, and in answer to this browser's request.

use super::issuer::Metadata;
use super::{Registration, claims};
use crate::server::nul;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use openidconnect::core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm as Algorithm};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, JsonWebKey, Nonce, SignatureVerificationError,
};
use serde_json::{Map, Value};

/// With a public key. With a symmetric kind, a party that knows the key could sign as well.
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

/// A token is created for the answer that carries it: an older one was created for another.
const OLDEST_SECONDS: i64 = 600;
/// Clock skew.
const EARLIEST_SECONDS: i64 = 60;

/// An ID token, as it was signed, and as it is read.
struct Signed<'a> {
    /// The signed bytes.
    input: &'a str,
    signature: Vec<u8>,
    /// Reduced to the claims that are used. Its own signature no longer matches, and is never checked.
    token: CoreIdToken,
}

impl<'a> Signed<'a> {
    fn read(raw: &'a str) -> Result<Self, ClaimsVerificationError> {
        let malformed = |why: &str| ClaimsVerificationError::Other(format!("the ID token is malformed: {why}"));
        let (input, signature) = raw.rsplit_once('.').ok_or_else(|| malformed("it has no signature"))?;
        let (header, payload) = input.split_once('.').ok_or_else(|| malformed("it has no claims"))?;
        let payload = BASE64.decode(payload).map_err(|_| malformed("its claims are no base64"))?;
        let mut claims: Map<String, Value> =
            serde_json::from_slice(&payload).map_err(|_| malformed("its claims are no JSON object"))?;
        claims::reduce(&mut claims);
        let claims = BASE64.encode(Value::Object(claims).to_string());
        let token: CoreIdToken = format!("{header}.{claims}.{signature}")
            .parse()
            .map_err(|error: serde_json::Error| malformed(&error.to_string()))?;
        let signature = BASE64.decode(signature).map_err(|_| malformed("its signature is no base64"))?;
        Ok(Self { input, signature, token })
    }

    /// The algorithm has to be one of `allowed`, the key one of the issuer's, and the signature over all signed bytes.
    fn check(
        &self,
        verifier: &CoreIdTokenVerifier<'_>,
        allowed: &[Algorithm],
    ) -> Result<(), SignatureVerificationError> {
        let algorithm = self.token.signing_alg()?;
        if !allowed.contains(algorithm) {
            return Err(SignatureVerificationError::DisallowedAlg(format!("{algorithm:?}")));
        }
        self.token.signing_key(verifier)?.verify_signature(algorithm, self.input.as_bytes(), &self.signature)
    }
}

pub(super) fn verify(
    registration: &Registration,
    metadata: &Metadata,
    raw: &str,
    access: &AccessToken,
    nonce: &Nonce,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let wrong = ClaimsVerificationError::SignatureVerification;
    let signed = Signed::read(raw)?;
    let token = &signed.token;
    let client = ClientId::new(registration.client_id.clone());
    let listed = metadata.id_token_signing_alg_values_supported();
    let allowed: Vec<_> = ALGORITHMS.into_iter().filter(|algorithm| listed.contains(algorithm)).collect();
    // As a public client, so that there is no secret that could be used as a signing key.
    let verifier =
        CoreIdTokenVerifier::new_public_client(client.clone(), metadata.issuer().clone(), metadata.jwks().clone())
            .set_allowed_algs(allowed.clone())
            .set_issue_time_verifier_fn(|issued| check_age(issued.timestamp()))
            // Further audiences are allowed where `azp` says that it was issued to us: see below.
            .set_other_audience_verifier_fn(|_| true);
    signed.check(&verifier, &allowed).map_err(wrong)?;
    // Only the signature, which was checked above on the signed bytes; everything else is checked here.
    let claims = token.claims(&verifier.clone().insecure_disable_signature_check(), nonce)?;
    check_party(claims, &client)?;
    if claims.subject().trim().is_empty() || nul::is_in(claims.subject()) {
        return Err(ClaimsVerificationError::Other("the ID token does not say whom it is about".into()));
    }
    if let Some(hash) = claims.access_token_hash() {
        let (algorithm, key) = (token.signing_alg().map_err(wrong)?, token.signing_key(&verifier).map_err(wrong)?);
        let ours = AccessTokenHash::from_token(access, algorithm, key)
            .map_err(|error| ClaimsVerificationError::Other(error.to_string()))?;
        if ours != *hash {
            return Err(ClaimsVerificationError::Other("the access token is another one's".into()));
        }
    }
    Ok(claims.clone())
}

fn check_age(issued: i64) -> Result<(), String> {
    let age = jiff::Timestamp::now().as_second() - issued;
    if (-EARLIEST_SECONDS..=OLDEST_SECONDS).contains(&age) {
        return Ok(());
    }
    Err(format!("the ID token was issued {age} seconds ago; do the clocks agree?"))
}

/// A token with several audiences has to name us as the authorised party.
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

/// Whether the issuer may have keys that are not cached.
pub(super) fn may_be_a_new_key(error: &ClaimsVerificationError) -> bool {
    use SignatureVerificationError::{AmbiguousKeyId, CryptoError, NoMatchingKey};
    matches!(error, ClaimsVerificationError::SignatureVerification(NoMatchingKey | CryptoError(_) | AmbiguousKeyId(_)))
}
