//! Cross-site requests, and requests under a foreign host name.
//!
//! tower-http refuses cross-site forms and calls that change something (see `csrf`). This covers what it lets through:
//! reading the API across sites, and foreign names that resolve to this machine (DNS rebinding).

use crate::error::Problem;
use crate::server::State;
use crate::server::settings::Settings;
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;

pub(super) async fn refuse(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // RFC 9112, 3.2. In HTTP/1.0 it may be left out.
    match headers.get_all(header::HOST).iter().count() {
        0 if request.version() == Version::HTTP_11 => {
            return Problem::Malformed("The request names no host.".into()).into_response();
        }
        0 | 1 => {}
        _ => return Problem::Malformed("The request names several hosts.".into()).into_response(),
    }
    if !is_ours(&state.settings, host(headers)) {
        let message = "Rivulet is not reached under this name. Whoever runs it can set RIVULET_PUBLIC_URL.";
        return Problem::Forbidden(message.into()).into_response();
    }
    if request.uri().path().starts_with("/api/") && is_foreign(&state.settings, headers) {
        let message = "This request came from another website, so it was not done.";
        return Problem::Forbidden(message.into()).into_response();
    }
    next.run(request).await
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    // A name that is not text matches no host.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::HOST)
}

/// The address that users reach this server by: the public one, or else the request's.
pub(super) fn site(settings: &Settings, headers: &HeaderMap) -> String {
    match (&settings.public_url, host(headers)) {
        (Some(url), _) => url.clone(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => format!("http://{}", settings.listen),
    }
}

/// Whether users reach this server under this name: an IP address (no name can be rebound then), this machine's own
/// name, or the public one. A server that listens for others and has no public name accepts any.
fn is_ours(settings: &Settings, host: Option<&str>) -> bool {
    let Some(host) = host else { return true };
    let Some(name) = name(host) else { return false };
    let public = settings.public_url.as_deref().and_then(|url| reqwest::Url::parse(url).ok());
    let public = public.as_ref().and_then(reqwest::Url::host_str);
    let unbracketed = name.trim_start_matches('[').trim_end_matches(']');
    unbracketed.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || public == Some(name.as_str())
        || public.is_none() && !settings.listen.ip().is_loopback()
}

/// The host without its port, in lower case.
fn name(host: &str) -> Option<String> {
    let url = reqwest::Url::parse(&format!("http://{host}/")).ok()?;
    let bare = url.path() == "/" && url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
    url.host_str().filter(|_| bare).map(str::to_owned)
}

/// The page that makes a browser send the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// One of ours; or none: a program.
    Own,
    /// One of an origin that the operator has allowed to connect.
    Allowed,
    Foreign,
}

pub(super) fn asker(settings: &Settings, headers: &HeaderMap) -> Asker {
    if !is_foreign(settings, headers) {
        return Asker::Own;
    }
    let allowed = |origin: &str| settings.allowed_origins.iter().any(|allowed| allowed == origin);
    if text(headers, header::ORIGIN).is_some_and(allowed) { Asker::Allowed } else { Asker::Foreign }
}

/// Whether a WebSocket may be opened: browsers let every page of every site try. Only the page's origin is known.
pub(super) fn may_connect(settings: &Settings, headers: &HeaderMap) -> bool {
    asker(settings, headers) != Asker::Foreign
}

/// Whether a page of another site makes the browser send it. Programs send no such header.
fn is_foreign(settings: &Settings, headers: &HeaderMap) -> bool {
    match text(headers, header::HeaderName::from_static("sec-fetch-site")) {
        Some(site) => !matches!(site, "same-origin" | "none"),
        None => text(headers, header::ORIGIN).is_some_and(|origin| {
            // A proxy may terminate HTTPS for us.
            let bare = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            (bare.is_none() || bare != host(headers)) && settings.public_url.as_deref() != Some(origin)
        }),
    }
}
