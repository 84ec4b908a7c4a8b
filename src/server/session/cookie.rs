//! The cookies: one for the session, one that marks the browser as known to an account. Their values are random.

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

/// The values of all cookies with this name.
pub fn all<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| Cookie::split_parse(line).flatten());
    cookies.filter(move |cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

pub(super) fn browser_of(state: &State, headers: &HeaderMap) -> Option<String> {
    all(headers, browser_name(state)).next()
}

/// The header that sets a browser's session.
pub fn session(state: &State, secret: String) -> Result<(HeaderName, HeaderValue), Problem> {
    lasting(state, session_name(state), secret)
}

/// The header that marks the browser as known to an account.
pub fn browser(state: &State, secret: String) -> Result<(HeaderName, HeaderValue), Problem> {
    lasting(state, browser_name(state), secret)
}

/// Characters of a state that tell one flow of this browser from its others.
const STATE: usize = 16;

fn flow_name(state: &State, flow: &str) -> String {
    let kind = if state.settings.is_https() { "__Host-rivulet-oidc" } else { "rivulet-oidc" };
    format!("{kind}-{flow}")
}

/// The flow of this browser that has this state.
pub fn flow_of(state: &State, headers: &HeaderMap, back: &str) -> Option<String> {
    all(headers, &flow_name(state, back.get(..STATE)?)).next()
}

/// The header that stores a flow in the browser, for as long as it may take.
pub fn flow(state: &State, flow: &Flow) -> Result<(HeaderName, HeaderValue), Problem> {
    let cookie = cookie(state, flow_name(state, &flow.state()[..STATE]), flow.cookie());
    let lasting = format!("{cookie}; Max-Age={}", 60 * MINUTES);
    Ok((header::SET_COOKIE, HeaderValue::from_str(&lasting).map_err(|_| Problem::Internal)?))
}

/// The header that deletes a flow.
pub fn no_flow(state: &State, flow: &Flow) -> Result<(HeaderName, HeaderValue), Problem> {
    let mut cookie = cookie(state, flow_name(state, &flow.state()[..STATE]), String::new());
    cookie.make_removal();
    header(&cookie)
}

/// What was chosen for pages in a browser. It is no secret and needs no binding to the host.
const LOOK: &str = "rivulet-look";

/// Empty where nothing was.
pub fn look_of(headers: &HeaderMap) -> String {
    all(headers, LOOK).next().unwrap_or_default()
}

/// The header that keeps what was chosen.
pub fn look(state: &State, chosen: String) -> Result<(HeaderName, HeaderValue), Problem> {
    lasting(state, LOOK, chosen)
}

/// The header that deletes a browser's session.
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

/// The answer to a form that created a secret: a redirect to the page that shows it. The browser carries it there, so
/// that it is not stored, and reloading that page creates no second one.
pub fn show_once(state: &State, to: &str, secret: String) -> Result<Response, Problem> {
    let line = format!("{}; Max-Age={ONCE_SECONDS}", cookie(state, once_name(state), secret));
    let value = HeaderValue::from_str(&line).map_err(|_| Problem::Internal)?;
    Ok((AppendHeaders([(header::SET_COOKIE, value)]), Redirect::to(to)).into_response())
}

/// A page, which deletes the cookie with the secret that it shows.
pub fn shown(state: &State, once: Option<&str>, page: impl IntoResponse) -> Result<Response, Problem> {
    if once.is_none() {
        return Ok(page.into_response());
    }
    let mut cookie = cookie(state, once_name(state), String::new());
    cookie.make_removal();
    Ok((AppendHeaders([header(&cookie)?]), page).into_response())
}

/// The headers that delete all of the browser's data about its account.
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
