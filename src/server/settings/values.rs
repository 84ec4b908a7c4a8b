//! Parsers of settings. Each error says what is expected.

use super::{LogFormat, SecretHeader, Switch};
use crate::server::backplane::redis::RedisUrl;
use crate::server::bounds::MAX_MODEL;
use crate::server::principal::SignUp;
use crate::server::provider::{self, ollama};
use axum::http::HeaderValue;
use clap::ValueEnum;
use ipnet::IpNet;
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::Path;

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "RIVULET_LISTEN expects an address and a port, such as 127.0.0.1:3000".into())
}

pub(super) fn model(text: &str) -> Result<String, String> {
    model_of(text, "RIVULET_MODEL")
}

pub(super) fn models(text: &str) -> Result<String, String> {
    model_of(text, "RIVULET_MODELS")
}

pub(super) fn title_model(text: &str) -> Result<String, String> {
    model_of(text, "RIVULET_TITLE_MODEL")
}

fn model_of(text: &str, setting: &str) -> Result<String, String> {
    let text = text.trim();
    match text.split_once('/') {
        Some((provider, name)) if !provider.is_empty() && !name.is_empty() && text.len() <= MAX_MODEL => {
            Ok(text.into())
        }
        _ => Err(format!("{setting} expects provider/model, such as anthropic/claude-sonnet-5-5")),
    }
}

pub(super) fn switch(text: &str) -> Result<Switch, String> {
    Switch::from_str(text, true).map_err(|_| "RIVULET_GUESTS expects on or off".into())
}

pub(super) fn before_update(text: &str) -> Result<Switch, String> {
    Switch::from_str(text, true).map_err(|_| "RIVULET_BACKUP_BEFORE_UPDATE expects on or off".into())
}

pub(super) fn status_page(text: &str) -> Result<Switch, String> {
    Switch::from_str(text, true).map_err(|_| "RIVULET_STATUS_PAGE expects on or off".into())
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    LogFormat::from_str(text, true).map_err(|_| "RIVULET_LOG_FORMAT expects text or json".into())
}

pub(super) fn collector(text: &str) -> Result<String, String> {
    url(text).map_err(|_| "RIVULET_OTLP_ENDPOINT expects a URL, such as http://127.0.0.1:4318".into())
}

/// The error does not repeat the value, which may be a key.
pub(super) fn header(text: &str) -> Result<SecretHeader, String> {
    let parsed = text.split_once('=').and_then(|(name, value)| {
        let mut value = HeaderValue::from_str(value.trim()).ok()?;
        value.set_sensitive(true);
        Some(SecretHeader { name: name.trim().parse().ok()?, value })
    });
    parsed.ok_or_else(|| "RIVULET_OTLP_HEADERS expects name=value, such as authorization=Bearer abc".into())
}

/// A year: a longer time is probably a typing error.
const MAX_HOURS: u32 = 366 * 24;

pub(super) fn hours(text: &str) -> Result<u32, String> {
    let hours = text.parse().ok().filter(|hours| (1..=MAX_HOURS).contains(hours));
    hours.ok_or_else(|| format!("RIVULET_BACKUP_HOURS expects whole hours, from 1 to {MAX_HOURS}"))
}

pub(super) fn sign_up(text: &str) -> Result<SignUp, String> {
    SignUp::parse(text).ok_or_else(|| "RIVULET_SIGN_UP expects open, invitation or closed".into())
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    network.ok_or_else(|| "RIVULET_TRUSTED_PROXIES expects addresses or networks, such as 10.0.0.0/8".into())
}

pub(super) fn tokens(text: &str) -> Result<u64, String> {
    positive(text).map(|count| u64::from(count.get()))
}

pub(super) fn url(text: &str) -> Result<String, String> {
    let parsed =
        reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match parsed {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("expected a URL that begins with http:// or https://".into()),
    }
}

/// The origin that links begin with and that browsers' `Origin` is compared with: no path, no password.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let is_bare = |url: &reqwest::Url| {
        let nobody = url.username().is_empty() && url.password().is_none();
        let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && nobody && alone
    };
    let parsed = reqwest::Url::parse(text).ok().filter(is_bare);
    let expected = || "RIVULET_PUBLIC_URL expects scheme and host alone, such as https://chat.example.org".into();
    parsed.map(|url| url.origin().ascii_serialization()).ok_or_else(expected)
}

/// The address, whose server's certificate this authority has signed.
pub(super) fn trusting(url: RedisUrl, file: &Path) -> Result<RedisUrl, String> {
    let authority = std::fs::read(file).map_err(|error| format!("RIVULET_REDIS_CA: {}: {error}", file.display()))?;
    url.trusting(authority).map_err(|why| format!("RIVULET_REDIS_CA: {}: {why}", file.display()))
}

/// A topic's channel begins with a brace behind it, and no key may be mistaken for another one's.
pub(super) fn redis_prefix(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    match (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text.into()),
        false => {
            Err("RIVULET_REDIS_PREFIX expects up to 64 letters, digits, -, _, ., : and /, such as rivulet:".into())
        }
    }
}

pub(super) fn host(text: &str) -> Result<String, String> {
    let expected = "OLLAMA_HOST expects a host and a port, such as 127.0.0.1:11434";
    provider::address(&ollama::address(text)).map_err(|_| expected.into())
}

/// Shorter ones can be guessed.
const SHORTEST_TOKEN: usize = 16;

pub(super) fn token(text: &str) -> Result<SecretString, String> {
    if text.len() < SHORTEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "RIVULET_METRICS_TOKEN expects at least {SHORTEST_TOKEN} letters, digits or signs, such as `openssl rand -hex 16` \
             prints"
        ));
    }
    Ok(text.into())
}

pub(super) fn secret(text: &str) -> Result<SecretString, String> {
    if text.len() < SHORTEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("RIVULET_PUSHER_SECRET expects at least {SHORTEST_TOKEN} letters, digits or signs"));
    }
    Ok(text.into())
}

/// Part of an address, so it needs no escape.
pub(super) fn name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !text.is_empty() && text.bytes().all(plain) {
        true => Ok(text.into()),
        false => Err("expected letters, digits, -, _ and .".into()),
    }
}

pub(super) fn origin(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let parsed = reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match parsed.map(|url| url.origin().ascii_serialization()) {
        Some(origin) if origin == text.to_ascii_lowercase() => Ok(origin),
        _ => Err("RIVULET_ALLOWED_ORIGINS expects origins, such as https://app.example.org".into()),
    }
}

/// A week: more is probably a typing error.
const MAX_SECONDS: u64 = 7 * 24 * 3600;

pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
    seconds.ok_or_else(|| format!("expected whole seconds, from 1 to {MAX_SECONDS}"))
}

pub(super) fn positive(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1".into())
}

pub(super) fn small(text: &str) -> Result<u32, String> {
    positive(text).map(NonZeroU32::get)
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    positive(text).map(|count| count.get() as usize)
}
