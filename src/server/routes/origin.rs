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
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What is checked of every request, with the parts of the settings parsed once.
pub(super) struct Guard {
    settings: Arc<Settings>,
    names: Names,
}

impl Guard {
    pub(super) fn of(state: &State) -> Arc<Self> {
        Arc::new(Self { settings: Arc::clone(&state.settings), names: Names::of(&state.settings) })
    }
}

pub(super) async fn refuse(Extract(guard): Extract<Arc<Guard>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // RFC 9112, 3.2. In HTTP/1.0 it may be left out.
    match headers.get_all(header::HOST).iter().count() {
        0 if request.version() == Version::HTTP_11 => {
            return Problem::Malformed("The request names no host.".into()).into_response();
        }
        0 | 1 => {}
        _ => return Problem::Malformed("The request names several hosts.".into()).into_response(),
    }
    if !guard.names.are_ours(host(headers)) {
        let message = "Rivulet is not reached under this name. Whoever runs it can set RIVULET_PUBLIC_URL.";
        return Problem::Forbidden(message.into()).into_response();
    }
    if request.uri().path().starts_with("/api/") && is_foreign(&guard.settings, headers) {
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

/// The names under which users reach this server: an IP address (no name can be rebound then), this machine's own name, or
/// the public one. A server that listens for others and has no public name accepts any.
struct Names {
    public: Option<String>,
    any: bool,
}

impl Names {
    fn of(settings: &Settings) -> Self {
        let public = settings.public_url.as_deref().and_then(|url| reqwest::Url::parse(url).ok());
        let any = public.is_none() && !settings.listen.ip().is_loopback();
        Self { public: public.and_then(|url| url.host_str().map(str::to_owned)), any }
    }

    fn are_ours(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return true };
        match plain(host) {
            Some(name) => self.has(name),
            None => name(host).is_some_and(|name| self.has(&name)),
        }
    }

    fn has(&self, name: &str) -> bool {
        let unbracketed = name.trim_start_matches('[').trim_end_matches(']');
        unbracketed.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.public.as_deref() == Some(name)
            || self.any
    }
}

/// The host without its port, where it is written as nearly all are: such a name is what [`name`] would find, without
/// parsing a URL for every request. None: it has to be parsed.
fn plain(host: &str) -> Option<&str> {
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    // What ends with a number is read as an IPv4 address, which can be written in other ways.
    let is_name = name.rsplit('.').next()?.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('.').all(|label| !label.is_empty() && !label.starts_with("xn--"));
    let is_usual = is_name || name.parse::<Ipv4Addr>().is_ok();
    (is_port && is_usual && name.bytes().all(is_plain)).then_some(name)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::rng::Dice;

    #[test]
    fn a_plain_host_is_what_a_url_of_it_says() {
        for host in ["localhost", "localhost:3000", "chat.example.org:443", "127.0.0.1:3000", "a-b.example"] {
            assert_eq!(plain(host), name(host).as_deref(), "{host}");
            assert!(plain(host).is_some(), "{host}");
        }
        for other in
            ["[::1]:3000", "LOCALHOST", "0x7f.1", "1.2.3", "a.xn--b", "a:99999", "", ":80", "a@b", "a/b", "a..b", "a."]
        {
            assert_eq!(plain(other), None, "{other}");
        }
    }

    #[test]
    fn random_hosts_are_read_as_a_url_reads_them() {
        let pieces = [
            "a",
            "b1",
            "localhost",
            ".",
            ".",
            "-",
            "1",
            "0x",
            "127.0.0.1",
            ":",
            "80",
            "xn--",
            "A",
            "%41",
            "[",
            "]",
            "@",
            "/",
            "é",
        ];
        let mut dice = Dice::new(7);
        let (mut plainly, mut parsed) = (0, 0);
        for _ in 0..20_000 {
            let host: String = (0..=dice.below(6)).map(|_| pieces[dice.below(pieces.len() as u64) as usize]).collect();
            match plain(&host) {
                Some(read) => {
                    assert_eq!(name(&host).as_deref(), Some(read), "{host}");
                    plainly += 1;
                }
                None => parsed += 1,
            }
        }
        assert!(500 < plainly && 500 < parsed, "{plainly} {parsed}");
    }
}
