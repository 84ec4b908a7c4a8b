//! Authenticates requests: a browser by its cookie, a program by its token. This happens in one place, for every route
//! and every server function, and both have equal rights and limits.
//!
//! A handler declares its access by its argument: [`Reader`] for read-only access, [`Account`] for everything else, so
//! that a read-only token is refused by default.

pub mod cookie;
mod credentials;
mod device;
mod extract;

pub use extract::{Account, Address, Admin, Browser, Once, Person, Reader, SignedIn};

use super::grants::kept::Secret;
use super::peer::Peer;
use super::principal::Credential;
use super::principal::LinkHolder;
use super::principal::Principal;
use super::principal::Role;
use super::principal::Viewer;
use super::principal::asking::{self, Asking};
use super::problem::in_place_of_page;
use super::secret::{self, Hash};
use super::task::owned;
use super::{State, address};
use crate::error::Problem;
use crate::model::AccountId;
use axum::extract::{Request, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use leptos::prelude::use_context;
use std::net::IpAddr;

/// Who may act by this request; none if it is anonymous. A guest counts only where the settings allow guests.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Option<Principal>, Stranger);

/// What an anonymous caller can do to be let in.
#[derive(Clone, Copy, Debug, Default)]
enum Stranger {
    /// Opening the start page creates a guest.
    #[default]
    Welcome,
    SignsIn,
}

/// Whom the cookie or token names, guests included. Signing in needs it: a guest's conversations can be kept.
#[derive(Clone, Copy, Debug)]
struct Visitor(Option<Principal>);

impl Caller {
    /// For read-only access.
    pub fn reading(self) -> Result<Principal, Problem> {
        self.0.ok_or_else(|| self.stranger())
    }

    /// The problem for an anonymous caller.
    pub fn stranger(self) -> Problem {
        match self.1 {
            Stranger::Welcome => Problem::Unknown,
            Stranger::SignsIn => Problem::Unauthorized(
                "Rivulet does not know who you are. Sign in at /sign-in with this browser, or send an API token."
                    .into(),
            ),
        }
    }

    /// For requests that change something, or cost something.
    pub fn writing(self) -> Result<Principal, Problem> {
        let who = self.reading()?;
        if !who.may_write() {
            return Err(Problem::Forbidden(
                "This API token may only read. Make one that may write on your account's page.".into(),
            ));
        }
        Ok(who)
    }
}

fn context() -> Result<(State, Caller), Problem> {
    let state = use_context::<State>().ok_or(Problem::Internal)?;
    let parts = use_context::<Parts>().ok_or(Problem::Internal)?;
    Ok((state, parts.extensions.get::<Caller>().copied().unwrap_or(Caller(None, Stranger::default()))))
}

/// The caller of a server function that changes something, and the server's state.
pub async fn required() -> Result<(State, AccountId), Problem> {
    let (state, caller) = context()?;
    Ok((state, caller.writing()?.account))
}

/// The caller of a server function with read-only access.
pub async fn reader() -> Result<(State, Principal), Problem> {
    let (state, caller) = context()?;
    Ok((state, caller.reading()?))
}

/// The viewer of a conversation in a server function, by any right.
pub async fn viewer() -> Result<(State, Viewer), Problem> {
    let (state, caller) = context()?;
    let parts = use_context::<Parts>().ok_or(Problem::Internal)?;
    Ok((state, viewer_of(&parts, caller)?))
}

fn viewer_of(parts: &Parts, caller: Caller) -> Result<Viewer, Problem> {
    match parts.extensions.get::<LinkHolder>() {
        Some(holder) => Ok(Viewer::ByLink(*holder)),
        None => caller.reading().map(Viewer::Known),
    }
}

/// Identifies the caller of every request, and creates a guest account for a browser that opens a page for the first
/// time. Where there are no guests it is redirected to sign in.
pub async fn identify(Extract(state): Extract<State>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<LinkHolder>().is_some() {
        // Anonymous, for every request.
        return next.run(request).await;
    }
    let visitor = match recognise(&state, request.headers(), may_be_kept(&request)).await {
        Ok(visitor) => visitor,
        Err(problem) => return problem.into_response(),
    };
    let guests = state.settings.guests();
    let caller = visitor.filter(|who| guests || !who.is_guest);
    request.extensions_mut().insert(Visitor(visitor));
    request.extensions_mut().insert(Caller(caller, if guests { Stranger::Welcome } else { Stranger::SignsIn }));
    if caller.is_some() || !opens_page(&request) {
        return run(visitor, request, next).await;
    }
    if !guests {
        return to_sign_in(request.uri().path()).into_response();
    }
    let (address, device) = (address_of(&state, &request), device::name(request.headers()));
    match admit(&state, address, device).await {
        Err(problem) => in_place_of_page(problem, request.headers()),
        Ok((guest, cookie)) => {
            request.extensions_mut().insert(Visitor(Some(guest)));
            request.extensions_mut().insert(Caller(Some(guest), Stranger::Welcome));
            (AppendHeaders([cookie]), next.run(request).await).into_response()
        }
    }
}

/// Answers with the visitor's rights. Where a write was refused because those were revoked meanwhile, nothing else is
/// returned either: no page with data from before.
async fn run(visitor: Option<Principal>, request: Request, next: Next) -> Response {
    let Some(asking) = visitor.map(Asking::new) else { return next.run(request).await };
    let headers = request.headers().clone();
    let response = asking::with(Some(asking.clone()), next.run(request)).await;
    if asking.is_refused() { in_place_of_page(Problem::Unknown, &headers) } else { response }
}

/// The sign-in page, which leads back to `path`.
pub fn to_sign_in(path: &str) -> Redirect {
    match path {
        "/" => Redirect::to("/sign-in"),
        _ => Redirect::to(&format!("/sign-in?next={path}")),
    }
}

/// The body of this request took so long that its caller may have been read before its head came.
#[derive(Clone, Copy, Debug)]
pub struct Slow;

/// Where a request with a body may be answered to a caller who was recognised just now: where somebody talks or looks. What
/// manages accounts, tokens, access or the server asks the store.
const HOT: [&str; 7] = [
    "/api/v1/conversations/",
    "/api/v1/replies/",
    "/api/chat/",
    "/api/follow",
    "/api/list",
    "/api/home",
    "/chat/stream",
];

fn may_be_kept(request: &Request) -> bool {
    if request.method() == Method::GET || request.method() == Method::HEAD {
        return true;
    }
    let path = request.uri().path();
    let is_hot = HOT.iter().any(|hot| path.starts_with(hot)) && !path.contains("/sharing");
    is_hot && request.extensions().get::<Slow>().is_none()
}

/// The caller, as the store knows it; or with `may_be_kept` as it did less than a second ago (`grants/kept`).
async fn recognise(state: &State, headers: &HeaderMap, may_be_kept: bool) -> Result<Option<Principal>, Problem> {
    let secret = match credentials::presented(state, headers)? {
        Some(secret) => secret,
        None => return Ok(None),
    };
    let kept = &state.grants.kept;
    if may_be_kept && let Some(who) = kept.get(secret) {
        return Ok(Some(who));
    }
    let reading = kept.begin();
    let (holder, by) = match secret {
        Secret::Session(session) => match state.store.session(session).await? {
            Some(holder) => (holder, Credential::Session(session)),
            // A browser whose session was ended: treated as anonymous.
            None => return Ok(None),
        },
        Secret::Token(token) => {
            let (holder, scope) = state.store.token(token).await?.ok_or_else(credentials::wrong_token)?;
            (holder, Credential::Token(token, scope))
        }
    };
    if holder.stale {
        tokio::spawn(touch(state.clone(), by));
    }
    let who = Principal { account: holder.account, is_guest: holder.is_guest, role: holder.role, by };
    kept.keep(&reading, who);
    Ok(Some(who))
}

async fn touch(state: State, by: Credential) {
    let touched = match by {
        Credential::Session(session) => state.store.touch_session(session).await,
        Credential::Token(token, _) => state.store.touch_token(token).await,
    };
    if let Err(error) = touched {
        tracing::warn!(%error, "The time of the last use was not written");
    }
}

/// Whether the caller's credential is still valid.
pub(super) async fn holds(state: &State, who: Principal) -> Result<bool, Problem> {
    let holder = match who.by {
        Credential::Session(session) => state.store.session(session).await?,
        Credential::Token(token, _) => state.store.token(token).await?.map(|(holder, _)| holder),
    };
    Ok(holder.is_some_and(|holder| holder.account == who.account && holder.role == who.role))
}

fn opens_page(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && (path == "/" || path.starts_with("/c/") || path.starts_with("/join/"))
}

type SetCookie = (axum::http::HeaderName, axum::http::HeaderValue);

/// The address that the request comes from.
fn address_of(state: &State, request: &Request) -> Result<IpAddr, Problem> {
    let peer = request.extensions().get::<Peer>().ok_or(Problem::Internal)?;
    Ok(address::client(&state.settings.trusted_proxies, peer.0.ip(), request.headers()))
}

/// Creates a guest, where its network may have one more.
async fn admit(
    state: &State,
    address: Result<IpAddr, Problem>,
    device: String,
) -> Result<(Principal, SetCookie), Problem> {
    state.limits.guest(address?).await?;
    welcome(state, device).await
}

async fn welcome(state: &State, device: String) -> Result<(Principal, SetCookie), Problem> {
    let token = secret::new()?;
    let session = Hash::of(&token);
    let store = state.store.clone();
    let account = owned(async move { Ok(store.add_guest(session, &device).await?) }).await?;
    let guest = Principal { account, is_guest: true, role: Role::Member, by: Credential::Session(session) };
    Ok((guest, cookie::session(state, token)?))
}
