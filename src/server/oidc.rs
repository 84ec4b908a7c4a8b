//! Signing in by OpenID Connect: an issuer identifies the user, and its answer is verified in every part.
//!
//! `begin` returns where the browser is to go; with what it brings back, `finish` identifies the user at the issuer.
//! Which account that is, is decided in `accounts::identity`. The crate openidconnect speaks the protocol and verifies
//! signatures; what it leaves to its callers is checked here: the `iss` of the answer, `azp`, the age of a token.

mod claims;
mod failure;
mod flow;
mod issuer;
mod profile;
mod token;
mod web;

pub use failure::Failure;
pub use flow::{Flow, MINUTES, Purpose};
pub use profile::Profile;

use failure::of_exchange;
use issuer::{Issuer, Metadata};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    SubjectIdentifier,
};
use profile::Said;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use web::Reduced;

/// How long a page waits for the issuer. After that the page says that it does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Rivulet's registration at the issuer.
#[derive(Clone, Debug)]
pub struct Registration {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: SecretString,
    /// The issuer's name for users.
    pub name: String,
}

/// What the browser brings back from the issuer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Callback {
    #[serde(default)]
    pub state: String,
    code: Option<String>,
    /// The issuer of the answer (RFC 9207).
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// A user, as the issuer knows them.
pub struct Proven {
    pub issuer: String,
    pub subject: String,
    /// The profile in the ID token. Userinfo may have more.
    said: Said,
    access: AccessToken,
}

/// The issuer that users can sign in with.
pub struct Oidc {
    registration: Registration,
    issuer: Arc<Issuer>,
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

impl Oidc {
    /// Makes no request yet. `again`: see [`crate::server::bounds::Bounds::issuer_again`].
    ///
    /// # Errors
    /// A sentence that says why no HTTPS client can be created.
    pub fn new(registration: Registration, again: Duration) -> Result<Self, String> {
        let issuer = Arc::new(Issuer::new(&registration.issuer, again)?);
        Ok(Self { registration, issuer })
    }

    pub fn name(&self) -> &str {
        &self.registration.name
    }

    pub fn issuer(&self) -> &str {
        &self.registration.issuer
    }

    /// Whether the issuer answers, or has answered recently.
    pub async fn is_reachable(&self) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.issuer.metadata()).await, Ok(Ok(_)))
    }

    /// The issuer's address to send the browser to. `redirect` is the callback.
    pub async fn begin(&self, flow: &Flow, redirect: &str) -> Result<Url, Failure> {
        let client = self.client(&*self.issuer.metadata().await?, redirect)?;
        let (state, nonce) = (CsrfToken::new(flow.state()), Nonce::new(flow.nonce()));
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(flow.verifier()));
        let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce);
        let request = request.add_scope(Scope::new("profile".into())).add_scope(Scope::new("email".into()));
        Ok(request.set_pkce_challenge(challenge).url().0)
    }

    /// Identifies the user who came back. `flow` is what this browser began.
    pub async fn finish(&self, flow: &Flow, answer: Callback, redirect: &str) -> Result<Proven, Failure> {
        let metadata = self.issuer.metadata().await?;
        self.check_sender(&metadata, answer.iss.as_deref())?;
        if let Some(error) = answer.error {
            return Err(Failure::declined(&error, answer.error_description.as_deref()));
        }
        let code = AuthorizationCode::new(answer.code.ok_or_else(|| Failure::untrusted("there is no code"))?);
        let client = self.client(&metadata, redirect)?;
        let request = client.exchange_code(code).map_err(|error| Failure::untrusted(&error))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(flow.verifier()));
        let web = Reduced::new(self.issuer.web(), claims::reduce_tokens);
        let tokens = request.request_async(&web).await.map_err(|error| of_exchange(&error))?;
        let id = web.id_token().ok_or_else(|| Failure::untrusted("there is no ID token"))?;
        let (access, nonce) = (tokens.access_token(), Nonce::new(flow.nonce()));
        let claims = match token::verify(&self.registration, &metadata, &id, access, &nonce) {
            Err(error) if token::may_be_a_new_key(&error) => {
                let metadata = self.issuer.new_keys().await?;
                token::verify(&self.registration, &metadata, &id, access, &nonce)
            }
            result => result,
        };
        let claims = claims.map_err(|error| Failure::untrusted(&error))?;
        Ok(Proven {
            issuer: self.registration.issuer.clone(),
            subject: claims.subject().to_string(),
            said: Said::of_token(&claims),
            access: access.clone(),
        })
    }

    /// The user's profile: from the ID token and, where that is not enough, from userinfo.
    pub async fn profile(&self, proven: &Proven) -> Result<Profile, Failure> {
        let metadata = self.issuer.metadata().await?;
        let said = Profile::from(proven.said.clone());
        if said.is_complete() || metadata.userinfo_endpoint().is_none() {
            return Ok(said);
        }
        let client = self.client(&metadata, &self.registration.issuer)?;
        let subject = SubjectIdentifier::new(proven.subject.clone());
        let request =
            client.user_info(proven.access.clone(), Some(subject)).map_err(|error| Failure::untrusted(&error))?;
        let web = Reduced::new(self.issuer.web(), claims::reduce);
        let told = request.request_async(&web).await.map_err(|error| failure::of_profile(&error))?;
        Ok(proven.said.clone().and(Said::told(&told)).into())
    }

    /// The answer of another issuer to a request to this one is an attack (RFC 9207).
    fn check_sender(&self, metadata: &Metadata, iss: Option<&str>) -> Result<(), Failure> {
        match iss {
            Some(iss) if iss != self.registration.issuer => Err(Failure::untrusted("another issuer has answered")),
            None if metadata.additional_metadata().says_who_answers() => {
                Err(Failure::untrusted("the answer does not say which issuer it is of"))
            }
            _ => Ok(()),
        }
    }

    fn client(&self, metadata: &Metadata, redirect: &str) -> Result<Client, Failure> {
        let Registration { client_id, client_secret, .. } = &self.registration;
        let secret = ClientSecret::new(client_secret.expose_secret().trim().to_owned());
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|error| Failure::untrusted(&error))?;
        let client =
            CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(client_id.clone()), Some(secret));
        let ways = metadata.token_endpoint_auth_methods_supported();
        let basic = ways.is_none_or(|ways| ways.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let way = if basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        Ok(client.set_auth_type(way).set_redirect_uri(redirect))
    }
}
