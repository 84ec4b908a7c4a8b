//! Requests to the server's public address and to providers, without any key.

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use std::time::Duration;

/// A person waits at the terminal.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Web(Client);

impl Web {
    /// # Errors
    /// A sentence that says why no client can be created.
    pub(super) fn new() -> Result<Self, String> {
        // reqwest panics without one. The first in the process stays; a second attempt is not an error here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(concat!("rivulet/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            // A WebSocket begins with HTTP/1.1.
            .http1_only()
            .redirect(Policy::none());
        let client = builder.build();
        client
            .map(Self)
            .map_err(|error| format!("The HTTPS client cannot start: {error}. Are CA certificates installed?"))
    }

    pub(super) async fn get(&self, url: &str) -> reqwest::Result<Response> {
        self.0.get(url).send().await
    }

    pub(super) async fn get_with(&self, url: &str, headers: HeaderMap) -> reqwest::Result<Response> {
        self.0.get(url).headers(headers).send().await
    }
}

/// An error and its causes on one line.
pub(super) fn why(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
