//! Who is asking: a browser by its cookie.
//!
//! The cookie holds 32 random bytes and the store only their hash, so that a stolen database signs nobody in. The first
//! page that a browser opens makes a guest account where guests are allowed.

use super::State;
use crate::error::Problem;
use crate::model::AccountId;
use axum::extract::{FromRequestParts, Request, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use leptos::prelude::use_context;
use sha2::{Digest, Sha256};

/// The account behind a request, if any.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Option<AccountId>);

impl Caller {
    pub fn required(self) -> Result<AccountId, Problem> {
        self.0.ok_or(Problem::Unknown)
    }
}

/// The caller of a server function, and the server's state.
pub async fn required() -> Result<(State, AccountId), Problem> {
    let state = use_context::<State>().ok_or(Problem::Internal)?;
    let parts = use_context::<Parts>().ok_or(Problem::Internal)?;
    let caller = parts.extensions.get::<Caller>().copied().unwrap_or(Caller(None));
    Ok((state, caller.required()?))
}

/// The caller's account. A handler that needs one says so before its other arguments: a stranger is told so, whatever
/// else is wrong.
pub struct Account(pub AccountId);

impl FromRequestParts<State> for Account {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await?.required().map(Self)
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None)))
    }
}

/// Names the caller of every request, and makes a guest account for a browser that opens a page for the first time.
pub async fn identify(Extract(state): Extract<State>, jar: CookieJar, mut request: Request, next: Next) -> Response {
    let known = match account(&state, &jar, request.headers()).await {
        Ok(known) => known,
        Err(problem) => return problem.into_response(),
    };
    if known.is_some() || !state.settings.guests() || !opens_page(&request) {
        request.extensions_mut().insert(Caller(known));
        return next.run(request).await;
    }
    match welcome(&state).await {
        Err(problem) => problem.into_response(),
        Ok((account, cookie)) => {
            request.extensions_mut().insert(Caller(Some(account)));
            (jar.add(cookie), next.run(request).await).into_response()
        }
    }
}

async fn account(state: &State, jar: &CookieJar, headers: &HeaderMap) -> Result<Option<AccountId>, Problem> {
    if headers.contains_key("authorization") {
        // Tokens are not issued yet, so none is valid; it must not fall back to whoever's cookie is there.
        return Err(Problem::Unknown);
    }
    let Some(cookie) = jar.get(cookie_name(state)) else { return Ok(None) };
    Ok(state.store.account_of(&hash(cookie.value())).await?)
}

fn opens_page(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && (path == "/" || path.starts_with("/c/"))
}

async fn welcome(state: &State) -> Result<(AccountId, Cookie<'static>), Problem> {
    let token = new_token()?;
    let token_hash = hash(&token);
    let store = state.store.clone();
    let account = super::owned(async move { Ok(store.add_guest(&token_hash).await?) }).await?;
    let cookie = Cookie::build((cookie_name(state), token))
        .path("/")
        .http_only(true)
        .secure(state.settings.is_https())
        .same_site(SameSite::Lax)
        .permanent()
        .build();
    Ok((account, cookie))
}

/// Over HTTPS the name's prefix binds the cookie to this very host.
fn cookie_name(state: &State) -> &'static str {
    if state.settings.is_https() { "__Host-rivulet" } else { "rivulet" }
}

/// 32 random bytes in hexadecimal.
fn new_token() -> Result<String, Problem> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "The system has no random numbers");
        Problem::Internal
    })?;
    Ok(hex(&bytes))
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
