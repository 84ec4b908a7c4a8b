//! Who is asked and how: what differs between providers, and the HTTP client that they share.

use super::{Decoder, Endpoint, Limits, Request};
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// The most that a provider's response headers may take: real ones are below 4 KiB.
const HEADER_BYTES: u32 = 64 << 10;

/// What differs between model APIs.
pub(super) struct Vendor {
    /// What stands before the slash in `provider/model`.
    pub(super) id: &'static str,
    /// The settings that a person is told to check.
    pub(super) key_setting: &'static str,
    pub(super) url_setting: &'static str,
    /// The choices where `RIVULET_MODELS` names none; the first is the default.
    pub(super) models: &'static [&'static str],
    /// The request's address, from the base URL without a slash at its end.
    pub(super) url: fn(base: &str) -> String,
    /// The headers that say who asks and which version of the API is meant.
    pub(super) headers: fn(key: Option<&str>) -> Vec<(&'static str, String)>,
    /// The request's JSON.
    pub(super) body: fn(&Request) -> Vec<u8>,
    pub(super) decoder: fn() -> Box<dyn Decoder>,
}

/// A vendor that is configured.
pub(super) struct Service {
    pub(super) vendor: &'static Vendor,
    pub(super) key: Option<SecretString>,
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl Service {
    /// Sends the request and waits for the answer's headers.
    pub(super) async fn send(&self, request: &Request) -> reqwest::Result<Response> {
        let body = (self.vendor.body)(request);
        self.client.post(self.url.clone()).headers(self.headers.clone()).body(body).send().await
    }
}

/// The configured services, on one client.
///
/// # Errors
/// A sentence that names the wrong setting.
pub(super) fn services(
    configured: Vec<(&'static Vendor, Endpoint)>,
    limits: &Limits,
) -> Result<Vec<Arc<Service>>, String> {
    let mut parsed = Vec::new();
    for (vendor, Endpoint { key, base_url }) in configured {
        let key = key.filter(|key| !key.expose_secret().trim().is_empty());
        parsed.push((vendor, url(vendor, &base_url)?, headers(vendor, key.as_ref())?, key));
    }
    if parsed.is_empty() {
        return Ok(Vec::new());
    }
    let client = client(limits, parsed.iter().any(|(_, url, ..)| url.scheme() == "https"))?;
    let service = |(vendor, url, headers, key)| Arc::new(Service { vendor, key, client: client.clone(), url, headers });
    Ok(parsed.into_iter().map(service).collect())
}

fn url(vendor: &Vendor, base: &str) -> Result<Url, String> {
    let setting = vendor.url_setting;
    let expected = || format!("{setting}: expected an address such as https://models.example.com/v1");
    let base = Url::parse(base.trim()).map_err(|_| expected())?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(expected());
    }
    let plain = base.username().is_empty() && base.password().is_none();
    if !plain || base.query().is_some() || base.fragment().is_some() {
        return Err(format!("{setting}: expected an address without a user name, a query or a fragment"));
    }
    Url::parse(&(vendor.url)(base.as_str().trim_end_matches('/'))).map_err(|_| expected())
}

fn headers(vendor: &Vendor, key: Option<&SecretString>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    // A key from a file has a line break behind it.
    let key = key.map(|key| key.expose_secret().trim());
    for (name, value) in (vendor.headers)(key) {
        let value = HeaderValue::try_from(value);
        let mut value = value.map_err(|_| {
            format!("{}: expected a key of printable characters, without a line break", vendor.key_setting)
        })?;
        // Keeps it out of debug output and of HTTP/2's header table.
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The one HTTP client. It follows no redirect: the key would go along to wherever the answer points.
fn client(limits: &Limits, https: bool) -> Result<Client, String> {
    // reqwest panics without one. The first in the process stays; a second is no error for us.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("rivulet/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits.connect)
        .redirect(Policy::none())
        .referer(false)
        .http2_max_header_list_size(HEADER_BYTES);
    // Without HTTPS no certificates are needed, and a container may have none.
    let builder = if https { builder } else { builder.tls_certs_only([]) };
    builder
        .build()
        .map_err(|error| format!("The HTTPS client cannot start: {}. Are CA certificates installed?", chain(&error)))
}

/// An error and its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
