//! Who asks on a site: a visitor, by the cookie of the site's page or by a bearer of the program's own.

use crate::error::Problem;
use crate::model::SiteId;
use crate::server::engine::desk::Call;
use crate::server::peer::Peer;
use crate::server::secret::Hash;
use crate::server::session::cookie;
use crate::server::store::desk::visitors::RECOGNISED;
use crate::server::{State, address, desk, site_view};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use std::net::IpAddr;

/// The letters of a program's secret: 256 random bits in base64url, or in hexadecimal.
const SECRET_LETTERS: std::ops::RangeInclusive<usize> = 43..=128;

/// The sender of a request, who may be known or not.
pub(super) struct Asker {
    pub(super) site: SiteId,
    /// None: nothing came that anybody is recognised by.
    pub(super) token: Option<Hash>,
    address: IpAddr,
}

impl FromRequestParts<State> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let path = parts.uri.path().strip_prefix("/w/").ok_or(Problem::NotFound)?;
        let site = path.split('/').next().and_then(|id| id.parse().ok()).ok_or(Problem::NotFound)?;
        let peer = parts.extensions.get::<Peer>().ok_or(Problem::Internal)?;
        let address = address::client(&state.settings.trusted_proxies, peer.0.ip(), &parts.headers);
        let token = presented(state, &parts.headers, site)?.map(|secret| site_view::token(site, &secret));
        Ok(Self { site, token, address })
    }
}

impl Asker {
    /// The request of somebody who may be new.
    pub(super) async fn call(&self, state: &State) -> Result<Call, Problem> {
        let Some(token) = self.token else {
            // An unknown site answers as for everybody else.
            desk::call(state, self.site, Hash::of(""), self.address).await?;
            return Err(Problem::Malformed(
                "Send a secret of your own (43 letters of base64url) as Authorization: Bearer, or allow the page's cookie.".into(),
            ));
        };
        desk::call(state, self.site, token, self.address).await
    }

    /// The request of a visitor who is known: for everybody else there is nothing here.
    pub(super) async fn known(&self, state: &State) -> Result<Call, Problem> {
        let Some(token) = self.token else { return Err(Problem::NotFound) };
        let call = desk::call(state, self.site, token, self.address).await?;
        if call.visitor.is_none() {
            return Err(Problem::NotFound);
        }
        Ok(call)
    }
}

fn name(state: &State, site: SiteId) -> String {
    let kind = if state.settings.is_https() { "__Host-visitor" } else { "visitor" };
    format!("{kind}-{}", site_view::short(site))
}

/// What somebody is recognised by. Two that differ could be two people's.
fn presented(state: &State, headers: &HeaderMap, site: SiteId) -> Result<Option<String>, Problem> {
    let name = name(state, site);
    let cookies = cookie::all(headers, &name);
    let bearers = headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
        let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
    });
    let is_secret = |secret: &String| {
        let plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
        SECRET_LETTERS.contains(&secret.len()) && secret.bytes().all(plain)
    };
    let mut all: Vec<String> = cookies.chain(bearers).filter(is_secret).collect();
    all.dedup();
    match all.len() {
        0 | 1 => Ok(all.pop()),
        _ => Err(Problem::Malformed("The request says twice who sends it. Send the cookie or the bearer.".into())),
    }
}

/// The cookie as it is now, or a new one: it means nothing until a message has come with it.
pub(super) fn cookie_of(state: &State, headers: &HeaderMap, site: SiteId) -> Result<HeaderValue, Problem> {
    let name = name(state, site);
    let known = cookie::all(headers, &name).next().filter(|secret| SECRET_LETTERS.contains(&secret.len()));
    let plain = |secret: &String| secret.bytes().all(|letter| letter.is_ascii_alphanumeric());
    let secret = match known.filter(plain) {
        Some(known) => known,
        None => crate::server::secret::new()?,
    };
    set(state, &name, &secret, RECOGNISED.as_secs())
}

pub(super) fn no_cookie(state: &State, site: SiteId) -> Result<HeaderValue, Problem> {
    set(state, &name(state, site), "", 0)
}

fn set(state: &State, name: &str, secret: &str, seconds: u64) -> Result<HeaderValue, Problem> {
    let secure = if state.settings.is_https() { "; Secure" } else { "" };
    let line = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&line).map_err(|_| Problem::Internal)
}
