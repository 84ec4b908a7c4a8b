//! The proxy, by asking this server through its public address, as a browser would.

use super::web::{Web, why};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use std::time::{Duration, Instant};

/// The test stream takes 750 ms (`routes/health`). Where all of it comes within this, it was held back.
const AT_ONCE: Duration = Duration::from_millis(300);
/// A handshake's key, which proves nothing here (RFC 6455, 1.3).
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Where the address does not lead here, nothing else is asked.
pub(super) async fn findings(url: &str, web: &Web) -> Vec<String> {
    if let Err(finding) = reached(url, web).await {
        return vec![finding];
    }
    let (stream, socket, policy) = tokio::join!(stream(url, web), socket(url, web), policy(url, web));
    [stream, socket, policy].into_iter().flatten().collect()
}

async fn reached(url: &str, web: &Web) -> Result<(), String> {
    let path = format!("{url}/healthz");
    let response = web.get(&path).await.map_err(|error| {
        format!(
            "RIVULET_PUBLIC_URL: {url} is not reached ({}): check its name, its certificate and that the proxy runs.",
            why(&error)
        )
    })?;
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    if status == StatusCode::OK && body == "ok" {
        return Ok(());
    }
    Err(format!(
        "RIVULET_PUBLIC_URL: {path} is answered with {status} and not by Rivulet: check where the proxy sends requests, and that Rivulet \
         runs."
    ))
}

async fn stream(url: &str, web: &Web) -> Option<String> {
    let mut response = match web.get(&format!("{url}/healthz/stream")).await {
        Ok(response) if response.status() == StatusCode::OK => response,
        Ok(response) if response.status() == StatusCode::TOO_MANY_REQUESTS => {
            return Some("Whether the proxy buffers was asked too often: try again in a minute.".into());
        }
        Ok(response) => return Some(format!("{url}/healthz/stream is answered with {}.", response.status())),
        Err(error) => return Some(format!("{url}/healthz/stream is not answered ({}).", why(&error))),
    };
    let mut first = None;
    while let Ok(Some(_)) = response.chunk().await {
        first.get_or_insert_with(Instant::now);
    }
    let took = first.map_or(Duration::ZERO, |first| first.elapsed());
    (took < AT_ONCE).then(|| {
        "The proxy holds answers back until they are complete, so replies appear at once at their end: switch its \
         buffering off (nginx: proxy_buffering off; see docs/streaming.md)."
            .to_owned()
    })
}

async fn socket(url: &str, web: &Web) -> Option<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // An app that is not there: the server accepts the socket and then says so.
    let told = match web.get_with(&format!("{url}/app/doctor?protocol=7"), headers).await {
        Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => return None,
        Ok(response) => response.status().to_string(),
        Err(error) => why(&error),
    };
    Some(format!(
        "The proxy does not let WebSockets through ({told}), which Pusher clients such as Laravel Echo use: pass the headers Upgrade \
         and Connection on (see deploy/nginx.conf)."
    ))
}

async fn policy(url: &str, web: &Web) -> Option<String> {
    let response = web.get(&format!("{url}/sign-in")).await.ok()?;
    let policies: Vec<_> = response.headers().get_all(CONTENT_SECURITY_POLICY).iter().collect();
    let is_ours = |policy: &HeaderValue| policy.to_str().is_ok_and(|policy| policy.contains("frame-ancestors 'none'"));
    match policies[..] {
        [policy] if is_ours(policy) => None,
        [] => Some("The proxy removes the header Content-Security-Policy, which protects the pages: let it through.".into()),
        [_] => Some(
            "The proxy replaces the header Content-Security-Policy, so that other sites may frame the pages: let Rivulet's through."
                .into(),
        ),
        _ => Some(
            "The proxy adds a Content-Security-Policy to that of Rivulet, and pages break where the two differ: take it out."
                .into(),
        ),
    }
}
