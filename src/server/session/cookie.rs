//! The cookies: one says who a browser is, one that it has been known to somebody. Neither means anything by itself.

use crate::error::Problem;
use crate::server::State;
use crate::server::oidc::{Flow, MINUTES};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, SameSite};
use std::borrow::Cow;

/// Over HTTPS the prefix binds a cookie to this very host.
pub(super) fn session_name(state: &State) -> &'static str {
    if state.settings.is_https() { "__Host-rivulet" } else { "rivulet" }
}

fn browser_name(state: &State) -> &'static str {
    if state.settings.is_https() { "__Host-rivulet-browser" } else { "rivulet-browser" }
}

/// The values of all cookies of this name.
pub(super) fn all<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| Cookie::split_parse(line).flatten());
    cookies.filter(move |cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

pub(super) fn browser_of(state: &State, headers: &HeaderMap) -> Option<String> {
    all(headers, browser_name(state)).next()
}

/// The header that gives a browser its session.
pub fn session(state: &State, secret: String) -> Result<(HeaderName, HeaderValue), Problem> {
    lasting(state, session_name(state), secret)
}

/// The header by which a browser will be known.
pub fn browser(state: &State, secret: String) -> Result<(HeaderName, HeaderValue), Problem> {
    lasting(state, browser_name(state), secret)
}

/// So many characters of a state tell one try to sign in elsewhere from the others of this browser.
const STATE: usize = 16;

fn flow_name(state: &State, flow: &str) -> String {
    let kind = if state.settings.is_https() { "__Host-rivulet-oidc" } else { "rivulet-oidc" };
    format!("{kind}-{flow}")
}

/// What this browser began to come back with this state.
pub fn flow_of(state: &State, headers: &HeaderMap, back: &str) -> Option<String> {
    all(headers, &flow_name(state, back.get(..STATE)?)).next()
}

/// The header by which a browser remembers what it has begun, for as long as that may take.
pub fn flow(state: &State, flow: &Flow) -> Result<(HeaderName, HeaderValue), Problem> {
    let cookie = cookie(state, flow_name(state, &flow.state()[..STATE]), flow.cookie());
    let lasting = format!("{cookie}; Max-Age={}", 60 * MINUTES);
    Ok((header::SET_COOKIE, HeaderValue::from_str(&lasting).map_err(|_| Problem::Internal)?))
}

/// The header that makes a browser forget what it had begun.
pub fn no_flow(state: &State, flow: &Flow) -> Result<(HeaderName, HeaderValue), Problem> {
    let mut cookie = cookie(state, flow_name(state, &flow.state()[..STATE]), String::new());
    cookie.make_removal();
    header(&cookie)
}

/// The header that takes a browser's session away.
pub fn no_session(state: &State) -> Result<(HeaderName, HeaderValue), Problem> {
    let mut cookie = cookie(state, session_name(state), String::new());
    cookie.make_removal();
    header(&cookie)
}

/// How long a secret waits to be shown: a redirect takes no time.
const ONCE_SECONDS: u32 = 60;

fn once_name(state: &State) -> &'static str {
    if state.settings.is_https() { "__Host-rivulet-once" } else { "rivulet-once" }
}

pub(super) fn once_of(state: &State, headers: &HeaderMap) -> Option<String> {
    all(headers, once_name(state)).next()
}

/// The answer to a form that made a secret: on to the page that shows it. The browser carries it there, so that it is kept
/// nowhere, and reloading that page makes no second one.
pub fn show_once(state: &State, to: &str, secret: String) -> Result<Response, Problem> {
    let line = format!("{}; Max-Age={ONCE_SECONDS}", cookie(state, once_name(state), secret));
    let value = HeaderValue::from_str(&line).map_err(|_| Problem::Internal)?;
    Ok((AppendHeaders([(header::SET_COOKIE, value)]), Redirect::to(to)).into_response())
}

/// A page, and with it the end of a secret that it shows.
pub fn shown(state: &State, once: Option<&str>, page: impl IntoResponse) -> Result<Response, Problem> {
    if once.is_none() {
        return Ok(page.into_response());
    }
    let mut cookie = cookie(state, once_name(state), String::new());
    cookie.make_removal();
    Ok((AppendHeaders([header(&cookie)?]), page).into_response())
}

/// The headers that make a browser forget all that it knows of its account.
pub fn forgotten(state: &State) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
    let mut browser = cookie(state, browser_name(state), String::new());
    browser.make_removal();
    Ok([no_session(state)?, header(&browser)?])
}

fn lasting(state: &State, name: &'static str, secret: String) -> Result<(HeaderName, HeaderValue), Problem> {
    let mut cookie = cookie(state, name, secret);
    cookie.make_permanent();
    header(&cookie)
}

fn cookie(state: &State, name: impl Into<Cow<'static, str>>, secret: String) -> Cookie<'static> {
    let cookie = Cookie::build((name, secret)).path("/").http_only(true).same_site(SameSite::Lax);
    cookie.secure(state.settings.is_https()).build()
}

fn header(cookie: &Cookie<'static>) -> Result<(HeaderName, HeaderValue), Problem> {
    let value = HeaderValue::from_str(&cookie.to_string()).map_err(|_| Problem::Internal)?;
    Ok((header::SET_COOKIE, value))
}
