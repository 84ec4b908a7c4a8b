//! Who is asking: a browser by its cookie, a program by its token. One place finds out, for every route and every server
//! function, and both have the same rights and limits.
//!
//! A handler says what it does by what it takes: [`Reader`] for what only looks, [`Account`] for everything else, so that
//! a token that may only read is refused wherever nobody has thought about it.

pub mod cookie;
mod credentials;
mod device;
mod extract;

pub use extract::{Account, Address, Admin, Browser, Once, Person, Reader, SignedIn};

use super::peer::Peer;
use super::principal::asking::{self, Asking};
use super::principal::{By, Looker, Passerby, Role, Who};
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
use credentials::Presented;
use leptos::prelude::use_context;

/// Who a request comes from, if anybody may ask for anything.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Option<Who>, Stranger);

/// What somebody who is nobody in particular can do about it.
#[derive(Clone, Copy, Debug, Default)]
enum Stranger {
    /// Opening the start page makes a guest.
    #[default]
    Welcome,
    SignsIn,
}

/// Who a browser is, also where guests may do nothing but sign in.
#[derive(Clone, Copy, Debug)]
struct Visitor(Option<Who>);

impl Caller {
    /// For what only looks.
    pub fn reading(self) -> Result<Who, Problem> {
        self.0.ok_or_else(|| self.stranger())
    }

    /// Nobody in particular is asking.
    pub fn stranger(self) -> Problem {
        match self.1 {
            Stranger::Welcome => Problem::Unknown,
            Stranger::SignsIn => Problem::Unauthorized(
                "Rivulet does not know who you are. Sign in at /sign-in with this browser, or send an API token."
                    .into(),
            ),
        }
    }

    /// For what changes something, or costs something.
    pub fn writing(self) -> Result<Who, Problem> {
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

/// The caller of a server function that only looks.
pub async fn reader() -> Result<(State, Who), Problem> {
    let (state, caller) = context()?;
    Ok((state, caller.reading()?))
}

/// Whoever looks at a conversation with a server function, by whatever right.
pub async fn looker() -> Result<(State, Looker), Problem> {
    let (state, caller) = context()?;
    let parts = use_context::<Parts>().ok_or(Problem::Internal)?;
    Ok((state, looking(&parts, caller)?))
}

fn looking(parts: &Parts, caller: Caller) -> Result<Looker, Problem> {
    match parts.extensions.get::<Passerby>() {
        Some(passerby) => Ok(Looker::Passerby(*passerby)),
        None => caller.reading().map(Looker::Known),
    }
}

/// Names the caller of every request, and makes a guest account for a browser that opens a page for the first time.
/// Where there are no guests it is sent to sign in.
pub async fn identify(Extract(state): Extract<State>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Passerby>().is_some() {
        // Nobody in particular, whatever is asked.
        return next.run(request).await;
    }
    let visitor = match recognise(&state, request.headers()).await {
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
    let welcomed = match admit(&state, &request) {
        Ok(()) => welcome(&state, device::name(request.headers())).await,
        Err(problem) => Err(problem),
    };
    match welcomed {
        Err(problem) => in_place_of_page(problem, request.headers()),
        Ok((guest, cookie)) => {
            request.extensions_mut().insert(Visitor(Some(guest)));
            request.extensions_mut().insert(Caller(Some(guest), Stranger::Welcome));
            (AppendHeaders([cookie]), next.run(request).await).into_response()
        }
    }
}

/// Answers in the visitor's name. Where something was not written because that was withdrawn meanwhile, nothing else is
/// answered either: no page of what they could see before.
async fn run(visitor: Option<Who>, request: Request, next: Next) -> Response {
    let Some(asking) = visitor.map(Asking::new) else { return next.run(request).await };
    let headers = request.headers().clone();
    let response = asking::with(Some(asking.clone()), next.run(request)).await;
    if asking.is_refused() { in_place_of_page(Problem::Unknown, &headers) } else { response }
}

/// The page to sign in on, and from there back to `path`.
pub fn to_sign_in(path: &str) -> Redirect {
    match path {
        "/" => Redirect::to("/sign-in"),
        _ => Redirect::to(&format!("/sign-in?next={path}")),
    }
}

async fn recognise(state: &State, headers: &HeaderMap) -> Result<Option<Who>, Problem> {
    let (holder, by) = match credentials::presented(state, headers)? {
        Presented::Nothing => return Ok(None),
        Presented::Cookie(session) => match state.store.session(session).await? {
            Some(holder) => (holder, By::Session(session)),
            // The browser of somebody who was signed out: as good as none.
            None => return Ok(None),
        },
        Presented::Bearer(token) => {
            let (holder, scope) = state.store.token(token).await?.ok_or_else(credentials::wrong_token)?;
            (holder, By::Token(token, scope))
        }
    };
    if holder.stale {
        tokio::spawn(touch(state.clone(), by));
    }
    Ok(Some(Who { account: holder.account, is_guest: holder.is_guest, role: holder.role, by }))
}

async fn touch(state: State, by: By) {
    let touched = match by {
        By::Session(session) => state.store.touch_session(session).await,
        By::Token(token, _) => state.store.touch_token(token).await,
    };
    if let Err(error) = touched {
        tracing::warn!(%error, "The time of the last use was not written");
    }
}

/// Whether what somebody was recognised by still holds.
pub(super) async fn holds(state: &State, who: Who) -> Result<bool, Problem> {
    let holder = match who.by {
        By::Session(session) => state.store.session(session).await?,
        By::Token(token, _) => state.store.token(token).await?.map(|(holder, _)| holder),
    };
    Ok(holder.is_some_and(|holder| holder.account == who.account && holder.role == who.role))
}

fn opens_page(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::GET && (path == "/" || path.starts_with("/c/") || path.starts_with("/join/"))
}

type SetCookie = (axum::http::HeaderName, axum::http::HeaderValue);

/// Whether one more guest may be made where the request comes from.
fn admit(state: &State, request: &Request) -> Result<(), Problem> {
    let peer = request.extensions().get::<Peer>().ok_or(Problem::Internal)?;
    state.limits.guest(address::client(&state.settings.trusted_proxies, peer.0.ip(), request.headers()))
}

async fn welcome(state: &State, device: String) -> Result<(Who, SetCookie), Problem> {
    let token = secret::new()?;
    let session = Hash::of(&token);
    let store = state.store.clone();
    let account = owned(async move { Ok(store.add_guest(session, &device).await?) }).await?;
    let guest = Who { account, is_guest: true, role: Role::Member, by: By::Session(session) };
    Ok((guest, cookie::session(state, token)?))
}
