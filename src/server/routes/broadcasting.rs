//! `POST /broadcasting/auth`: a signature for a private channel, as laravel-echo and pusher-js ask for it.
//!
//! Authenticated by the cookie from Rivulet's own pages, or by a bearer token, also from pages of the allowed origins.

use super::origin::{self, Asker};
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::channels::{Name, SocketId};
use crate::server::principal::Credential;
use crate::server::principal::Principal;
use crate::server::session::Caller;
use crate::server::transport::pusher::{access, presence};
use axum::extract::{Form, FromRequest, Json, Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

/// The CORS preflight's answer, which the browser may cache for ten minutes.
const CORS: [(header::HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, accept, x-csrf-token, x-xsrf-token, x-requested-with, x-socket-id",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

pub(super) fn routes() -> Table {
    Table::default().route("/broadcasting/auth", post(answer).options(preflight))
}

#[derive(Deserialize)]
struct Asked {
    socket_id: String,
    channel_name: String,
}

async fn preflight(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(origin) = allowed(&state, &headers) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in CORS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    vary(response)
}

/// A refusal is readable there as well: it says why.
async fn answer(Extract(state): Extract<State>, caller: Caller, request: Request) -> Response {
    let origin = allowed(&state, request.headers());
    let mut response = match sign(&state, caller, request).await {
        Ok(signed) => Json(signed).into_response(),
        Err(problem) => problem.into_response(),
    };
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    vary(response)
}

fn vary(mut response: Response) -> Response {
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    response
}

fn allowed(state: &State, headers: &HeaderMap) -> Option<HeaderValue> {
    match origin::asker(&state.settings, headers) {
        Asker::Allowed => headers.get(header::ORIGIN).cloned(),
        Asker::Own | Asker::Foreign => None,
    }
}

async fn sign(state: &State, caller: Caller, request: Request) -> Result<Value, Problem> {
    let who = caller.reading()?;
    admit(origin::asker(&state.settings, request.headers()), who)?;
    let asked = read(request).await?;
    if !SocketId::is_one(&asked.socket_id) {
        return Err(Problem::invalid("socket_id", "This is not the socket_id of a connection."));
    }
    let name = Name::parse(&asked.channel_name).filter(Name::is_private).ok_or_else(access::not_yours)?;
    access::may_listen(state, who, name.channel()).await?;
    let auth = state.sockets.app.grant(&asked.socket_id, &name, who);
    if !name.is_presence() {
        return Ok(json!({ "auth": auth }));
    }
    // The store says who an account is: its data is not signed.
    let person = presence::person(state, who.account).await;
    let data = json!({ "user_id": person.id, "user_info": person.info }).to_string();
    Ok(json!({ "auth": auth, "channel_data": data }))
}

/// A cookie counts only from our own pages: another site could send it from a browser that is signed in here.
fn admit(asker: Asker, who: Principal) -> Result<(), Problem> {
    match (asker, who.by) {
        (Asker::Own, _) | (Asker::Allowed, Credential::Token(..)) => Ok(()),
        _ => Err(Problem::Forbidden("This request came from another website, so it was not done.".into())),
    }
}

async fn read(request: Request) -> Result<Asked, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") {
        let Json(asked) = Json::from_request(request, &()).await?;
        return Ok(asked);
    }
    let Form(asked) = Form::from_request(request, &()).await?;
    Ok(asked)
}
