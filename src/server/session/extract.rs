//! Extractors that declare who may call a handler: any account, a user in a browser, an admin.

use super::{Caller, Stranger, Visitor, cookie, device, to_sign_in, viewer_of};
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::accounts::Arrival;
use crate::server::peer::Peer;
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::principal::Viewer;
use crate::server::principal::{Owner, Role};
use crate::server::problem::ProblemPage;
use crate::server::{State, address};
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

const NOT_ENOUGH: &str = "Sign in with a browser for this: an API token is not enough.";

/// The caller's account. A handler that needs one takes it as its first argument: an anonymous caller is then told so,
/// whatever else is wrong.
pub struct Account(pub AccountId);

impl FromRequestParts<State> for Account {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Ok(Self(Caller::from_request_parts(parts, state).await?.writing()?.account))
    }
}

/// A caller with read access.
pub struct Reader(pub Principal);

impl FromRequestParts<State> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, state).await?.reading().map(Self)
    }
}

/// A user with a name, in a browser that is signed in, where the answer is for a program: no token may manage an
/// account.
pub struct SignedIn(pub Principal);

impl FromRequestParts<State> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let who = Caller::from_request_parts(parts, state).await?.reading()?;
        match who.by {
            Credential::Token(..) => Err(Problem::Forbidden(NOT_ENOUGH.into())),
            Credential::Session(_) if who.is_guest => Err(Problem::Forbidden("Sign up, or sign in, first.".into())),
            Credential::Session(_) => Ok(Self(who)),
        }
    }
}

impl FromRequestParts<State> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        viewer_of(parts, caller)
    }
}

/// A user with a name, in a browser that is signed in. Others are redirected to sign in, and come back.
#[derive(Clone)]
pub struct Person {
    pub who: Principal,
    pub name: String,
}

impl Person {
    pub fn owner(&self) -> Owner {
        Owner { name: self.name.clone(), role: self.who.role }
    }
}

impl FromRequestParts<State> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let Caller(caller, _) = Caller::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        match caller {
            Some(Principal { by: Credential::Token(..), .. }) => Err(not_a_browser()),
            Some(who) if !who.is_guest => {
                let account =
                    state.store.account(who.account).await.map_err(|error| Problem::from(error).into_response())?;
                Ok(Self { who, name: account.name.unwrap_or_default() })
            }
            // A submitted form has no way back: its action was not performed.
            _ if parts.method == Method::GET => Err(to_sign_in(parts.uri.path()).into_response()),
            _ => Err(to_sign_in("/").into_response()),
        }
    }
}

/// A user in a browser, guests included. An anonymous browser is redirected to sign in.
pub struct Browser(pub Principal);

impl FromRequestParts<State> for Browser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        match caller.0 {
            Some(who) if matches!(who.by, Credential::Session(_)) => Ok(Self(who)),
            Some(_) => Err(not_a_browser()),
            None => Err(to_sign_in("/").into_response()),
        }
    }
}

fn not_a_browser() -> Response {
    Problem::Forbidden(NOT_ENOUGH.into()).into_response()
}

/// A secret that the previous form has created: it is shown on this page, and on no other.
pub struct Once(pub Option<String>);

impl FromRequestParts<State> for Once {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        Ok(Self(cookie::once_of(state, &parts.headers)))
    }
}

/// An admin. For all others there is nothing here.
#[derive(Clone)]
pub struct Admin(pub Person);

impl FromRequestParts<State> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let person = Person::from_request_parts(parts, state).await?;
        match person.who.role {
            Role::Admin => Ok(Self(person)),
            Role::Member | Role::Agent => Err(ProblemPage(Problem::NotFound).into_response()),
        }
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None, Stranger::default())))
    }
}

impl FromRequestParts<State> for Arrival {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().ok_or(Problem::Internal)?;
        Ok(Self {
            who: parts.extensions.get::<Visitor>().and_then(|visitor| visitor.0),
            browser: cookie::browser_of(state, &parts.headers),
            address: address::client(&state.settings.trusted_proxies, peer.0.ip(), &parts.headers),
            device: device::name(&parts.headers),
        })
    }
}

/// The network address that a request comes from.
pub struct Address(pub std::net::IpAddr);

impl FromRequestParts<State> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<Peer>().ok_or(Problem::Internal)?;
        Ok(Self(address::client(&state.settings.trusted_proxies, peer.0.ip(), &parts.headers)))
    }
}
