//! The issuer's metadata, its endpoints and keys: fetched on demand and cached.

use super::failure::{Failure, told};
use super::web::Web;
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, IssuerUrl, ProviderMetadata};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long the metadata is cached.
const FRESH: Duration = Duration::from_secs(3_600);

/// Metadata that the crate does not read.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct More {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for More {}

impl More {
    /// Whether every answer names its issuer.
    pub(super) fn says_who_answers(&self) -> bool {
        self.authorization_response_iss_parameter_supported
    }
}

pub(super) type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

#[derive(Default)]
struct Known {
    metadata: Option<Arc<Metadata>>,
    /// When the metadata is fetched again, also after a failure.
    next: Option<Instant>,
    /// New keys are not fetched before this: otherwise every bad signature would cause a request.
    next_keys: Option<Instant>,
}

pub(super) struct Issuer {
    url: IssuerUrl,
    web: Web,
    /// The pause between two attempts.
    again: Duration,
    known: Mutex<Known>,
}

fn is_early(next: Option<Instant>) -> bool {
    next.is_some_and(|next| Instant::now() < next)
}

impl Issuer {
    pub(super) fn new(url: &str, again: Duration) -> Result<Self, String> {
        let web = Web::new(url.starts_with("https:"))?;
        let url = IssuerUrl::new(url.to_owned()).map_err(|error| format!("RIVULET_OIDC_ISSUER: {error}"))?;
        Ok(Self { url, web, again, known: Mutex::default() })
    }

    pub(super) fn web(&self) -> &Web {
        &self.web
    }

    /// The issuer's metadata.
    pub(super) async fn metadata(self: &Arc<Self>) -> Result<Arc<Metadata>, Failure> {
        let this = Arc::clone(self);
        // In a task of its own: a page that stops waiting must not cancel the request.
        tokio::spawn(async move { this.ask().await }).await.unwrap_or(Err(Failure::Unreachable))
    }

    async fn ask(&self) -> Result<Arc<Metadata>, Failure> {
        let mut known = self.known.lock().await;
        if !is_early(known.next) {
            let found = Metadata::discover_async(self.url.clone(), &self.web).await;
            match found.map_err(|error| told(&error)).and_then(|found| self.check(&found).map(|()| found)) {
                Ok(found) => {
                    known.metadata = Some(Arc::new(found));
                    known.next = Some(Instant::now() + FRESH);
                }
                // The cached metadata stays in use.
                Err(why) => {
                    tracing::warn!(
                        issuer = self.url.as_str(),
                        why,
                        "The OpenID Connect issuer does not answer as it should"
                    );
                    known.next = Some(Instant::now() + self.again);
                }
            }
        }
        known.metadata.clone().ok_or(Failure::Unreachable)
    }

    /// An issuer with HTTPS must not direct us, or users' secrets, to an endpoint without.
    fn check(&self, metadata: &Metadata) -> Result<(), String> {
        let token = metadata.token_endpoint().ok_or("it names no token endpoint")?;
        let userinfo = metadata.userinfo_endpoint().map(|it| it.url());
        let all = [metadata.authorization_endpoint().url(), token.url(), metadata.jwks_uri().url()];
        let mut all = all.into_iter().chain(userinfo);
        match all.find(|url| url.scheme() != "https" && url.scheme() != self.url.url().scheme()) {
            Some(url) => Err(format!("its endpoint {url} is not https://")),
            None => Ok(()),
        }
    }

    /// The metadata with the issuer's current keys; with the cached ones where they were fetched just now.
    pub(super) async fn new_keys(&self) -> Result<Arc<Metadata>, Failure> {
        let mut known = self.known.lock().await;
        let metadata = known.metadata.clone().ok_or(Failure::Unreachable)?;
        if is_early(known.next_keys) {
            return Ok(metadata);
        }
        known.next_keys = Some(Instant::now() + self.again);
        let keys = CoreJsonWebKeySet::fetch_async(metadata.jwks_uri(), &self.web).await.map_err(|error| {
            tracing::warn!(issuer = self.url.as_str(), why = told(&error), "The issuer's keys could not be fetched");
            Failure::Unreachable
        })?;
        let metadata = Arc::new(Metadata::clone(&metadata).set_jwks(keys));
        known.metadata = Some(Arc::clone(&metadata));
        Ok(metadata)
    }
}
