//! HTTP to the issuer: calls are bounded in time and size, and follow no redirects.

use futures::future::BoxFuture;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use serde_json::{Map, Value};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// For a whole answer: a user waits for it.
const WHOLE: Duration = Duration::from_secs(10);
/// Metadata and keys take some KiB.
const MAX_BYTES: usize = 512 << 10;
const HEADER_BYTES: u32 = 64 << 10;

pub(super) struct Web(reqwest::Client);

#[derive(Debug, thiserror::Error)]
pub(super) enum WebError {
    #[error("no answer")]
    Request(#[from] reqwest::Error),
    #[error("the answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the answer is no HTTP")]
    Malformed(#[from] openidconnect::http::Error),
}

impl Web {
    /// # Errors
    /// A sentence that says why no client can be created.
    pub(super) fn new(https: bool) -> Result<Self, String> {
        // reqwest panics without one. The first in the process stays; a second attempt is not an error here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .user_agent(concat!("rivulet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // The code and the secret would be sent along to the redirect's target.
            .redirect(Policy::none())
            .referer(false)
            .http2_max_header_list_size(HEADER_BYTES);
        // Without HTTPS no certificates are needed, and a container may have none.
        let builder = if https { builder } else { builder.tls_certs_only([]) };
        let client = builder.build();
        client.map(Self).map_err(|error| {
            format!("RIVULET_OIDC_ISSUER: the HTTPS client cannot start: {error}. Are CA certificates installed?")
        })
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, WebError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut answer = openidconnect::http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if MAX_BYTES < body.len() + chunk.len() {
                return Err(WebError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body)?)
    }
}

/// Uses the inner client, and reduces JSON answers to the claims that are used, so that unused ones are not judged.
pub(super) struct Reduced<'a> {
    web: &'a Web,
    reduce: fn(&mut Map<String, Value>),
    /// The ID token of the answer, as it was signed.
    id_token: Mutex<Option<String>>,
}

impl<'a> Reduced<'a> {
    pub(super) fn new(web: &'a Web, reduce: fn(&mut Map<String, Value>)) -> Self {
        Self { web, reduce, id_token: Mutex::default() }
    }

    /// The `id_token` of the last answer.
    pub(super) fn id_token(&self) -> Option<String> {
        self.id_token.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, WebError> {
        let (head, body) = self.web.ask(request).await?.into_parts();
        // What is not an object stays as it is, for the crate to judge: a signed answer, or a page.
        let Ok(mut object) = serde_json::from_slice::<Map<String, Value>>(&body) else {
            return Ok(HttpResponse::from_parts(head, body));
        };
        let id_token = object.get("id_token").and_then(Value::as_str).map(str::to_owned);
        *self.id_token.lock().unwrap_or_else(PoisonError::into_inner) = id_token;
        (self.reduce)(&mut object);
        Ok(HttpResponse::from_parts(head, Value::Object(object).to_string().into_bytes()))
    }
}

impl<'c> AsyncHttpClient<'c> for Reduced<'_> {
    type Error = WebError;
    type Future = BoxFuture<'c, Result<HttpResponse, WebError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

impl<'c> AsyncHttpClient<'c> for Web {
    type Error = WebError;
    type Future = BoxFuture<'c, Result<HttpResponse, WebError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
