//! A provider that is configured, and the HTTP client that all of them share.

use super::answered::{Answered, Lost, chain};
use super::dialect::{Changes, Learned, Requests};
use super::direct::{self, Direct};
use super::settings::Listed;
use super::vendor::{Parameters, overlay};
use super::{Endpoint, Kind, Origin, Request, trouble};
use crate::server::provider::ProviderLimits;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// A provider that takes longer than this to answer at all, TLS included, is not reached.
const PATIENCE: Duration = Duration::from_secs(5);
/// The limit on a provider's response headers: real ones are below 4 KiB.
const HEADER_BYTES: u32 = 64 << 10;
const AGENT: &str = concat!("rivulet/", env!("CARGO_PKG_VERSION"));

/// A provider that is configured.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) origin: Arc<Origin>,
    pub(super) kind: Kind,
    pub(super) key: Option<SecretString>,
    pub(super) models: Vec<Listed>,
    /// The settings leave the list of models to the server, and it can be asked.
    pub(super) lists_its_own: bool,
    base: String,
    headers: HeaderMap,
    parameters: Parameters,
    requests: Requests,
    learned: Learned,
    client: Client,
    /// For replies, where the server is asked without TLS and without a proxy.
    direct: Option<Arc<Direct>>,
    pub(super) trouble: trouble::Last,
}

impl Service {
    fn new(endpoint: Endpoint, client: &Client, limits: &ProviderLimits) -> Result<Self, String> {
        let Endpoint { origin, kind, key, base_url, parameters, dialect, models } = endpoint;
        let key = key.filter(|key| !key.expose_secret().trim().is_empty());
        let headers = headers(kind, key.as_ref());
        let headers = headers.map_err(|expected| format!("The key {}: {expected}", origin.key))?;
        let base = address(&base_url).map_err(|expected| format!("{}: {expected}", origin.address))?;
        let listed = |id: &&str| Listed { id: (*id).to_owned(), ..Listed::default() };
        let models = if models.is_empty() { kind.models().iter().map(listed).collect() } else { models };
        let lists_its_own = kind == Kind::Ollama && models.is_empty();
        let requests = Requests::new(kind, &base, dialect);
        let (origin, learned, client) = (Arc::new(origin), Learned::default(), client.clone());
        // The same settings of the system that reqwest obeys.
        let direct = Direct::new(&base, limits.connect, &Matcher::from_system()).map(Arc::new);
        let trouble = trouble::Last::default();
        Ok(Self {
            origin,
            kind,
            key,
            models,
            lists_its_own,
            base,
            headers,
            parameters,
            requests,
            learned,
            client,
            direct,
            trouble,
        })
    }

    /// A copy of the service with these models.
    pub(super) fn having(&self, models: Vec<Listed>) -> Self {
        Self { models, ..self.clone() }
    }

    /// Requests a path of the API.
    pub(super) async fn get(&self, path: &str) -> reqwest::Result<Response> {
        self.client.get(format!("{}{path}", self.base)).headers(self.headers.clone()).send().await
    }

    /// Sends the request and waits for the answer's headers.
    pub(super) async fn send(&self, request: &Request, changes: &Changes) -> Result<Answered, Lost> {
        let vendor = self.kind.vendor();
        let url = (vendor.url)(&self.base, &request.model);
        let body = self.body(request, changes);
        if let Some((direct, path)) = self.direct.as_ref().zip(direct::path(&url)) {
            let answer = direct.send(direct.post(path, &self.headers, AGENT, body)).await?;
            return Ok(Answered::Direct(Box::new(answer)));
        }
        let sent = self.client.post(url).headers(self.headers.clone()).body(body).send().await;
        sent.map(|response| Answered::Client(Box::new(response))).map_err(Lost::Client)
    }

    /// How requests to this model must be changed, as far as is known.
    pub(super) fn changes(&self, model: &str) -> Changes {
        self.learned.of(model)
    }

    /// What to change in a request that was refused in these words, for this time and the next; none where they name
    /// nothing that Rivulet added.
    pub(super) fn learn(&self, request: &Request, before: &Changes, said: &str) -> Option<Changes> {
        let (name, changes) = self.requests.after(said, request, before, |name| self.is_set(request, name))?;
        tracing::info!(provider = self.origin.name, model = request.model, name, "Asking without what was refused");
        self.learned.keep(&request.model, &changes);
        Some(changes)
    }

    /// Asked without a key: whatever the provider itself answers, it is there.
    pub(super) async fn answers(&self) -> bool {
        let answer = self.client.get(&self.base).timeout(PATIENCE).send().await;
        answer.is_ok_and(|answer| !answer.status().is_server_error())
    }

    /// Whether it is the vendor's own server, and not a compatible one.
    pub(super) fn is_at_home(&self) -> bool {
        self.base == self.kind.base_url()
    }

    fn body(&self, request: &Request, changes: &Changes) -> Vec<u8> {
        let mut body = (self.kind.vendor().body)(request);
        self.parameters_of(request).for_each(|parameters| overlay(&mut body, parameters));
        // The user's choice comes after the operator's.
        (self.kind.vendor().choose)(&mut body, &request.parameters);
        self.requests.change(&mut body, request, changes, |name| self.is_set(request, name));
        if let Some(name) =
            self.models.iter().find(|model| model.id == request.model).and_then(|it| it.asked_as.as_ref())
        {
            body["model"] = name.as_str().into();
        }
        serde_json::to_vec(&body).expect("a JSON value is always valid JSON")
    }

    /// The operator's: the provider's, then the model's.
    fn parameters_of(&self, request: &Request) -> impl Iterator<Item = &Parameters> {
        let model = self.models.iter().find(|model| model.id == request.model);
        [&self.parameters].into_iter().chain(model.map(|model| &model.parameters))
    }

    /// Whether the operator gives this member of a request a value.
    fn is_set(&self, request: &Request, name: &str) -> bool {
        self.parameters_of(request).any(|parameters| parameters.contains_key(name))
    }
}

/// The configured services, on one client.
///
/// # Errors
/// A sentence that names the wrong setting.
pub(super) fn services(endpoints: Vec<Endpoint>, limits: &ProviderLimits) -> Result<Vec<Arc<Service>>, String> {
    if endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let client = client(limits, endpoints.iter().any(|endpoint| endpoint.base_url.trim().starts_with("https:")))?;
    endpoints.into_iter().map(|endpoint| Service::new(endpoint, &client, limits).map(Arc::new)).collect()
}

/// The base URL without a slash at its end.
///
/// # Errors
/// What was expected instead.
pub fn address(base: &str) -> Result<String, String> {
    let expected = || "expected an address such as https://models.example.com/v1".to_owned();
    let base = Url::parse(base.trim()).map_err(|_| expected())?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(expected());
    }
    let plain = base.username().is_empty() && base.password().is_none();
    if !plain || base.query().is_some() || base.fragment().is_some() {
        return Err("expected an address without a user name, a query or a fragment".into());
    }
    Ok(base.as_str().trim_end_matches('/').to_owned())
}

fn headers(kind: Kind, key: Option<&SecretString>) -> Result<HeaderMap, String> {
    let vendor = kind.vendor();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static(vendor.framing.media_type()));
    // A key from a file ends with a line break.
    let key = key.map(|key| key.expose_secret().trim());
    for (name, value) in (vendor.headers)(key) {
        let value = HeaderValue::try_from(value);
        let mut value = value.map_err(|_| "expected printable characters, without a line break")?;
        // Keeps it out of debug output and of HTTP/2's header table.
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// The one HTTP client. It follows no redirect: the key would be sent to its target.
fn client(limits: &ProviderLimits, https: bool) -> Result<Client, String> {
    // reqwest panics without one. The first in the process stays; another is not an error here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(AGENT)
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
