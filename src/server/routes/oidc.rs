//! Signing in by OpenID Connect: to the issuer, and back.
//!
//! Every flow begins with a form, so that no other website can start one, and answers with a page that forwards the
//! browser. A redirect would be part of the form's submission, and the browser would follow it only to hosts that
//! `form-action` names; but issuers redirect to further hosts, which cannot be listed.

use super::account::again;
use super::input::{Form, Local, Query};
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::accounts::{self, Arrival};
use crate::server::html::oidc as pages;
use crate::server::oidc::Callback;
use crate::server::oidc::{Failure, Flow, Oidc, Purpose};
use crate::server::principal::Credential;
use crate::server::problem::ProblemPage;
use crate::server::routes::sign_in::arrived;
use crate::server::secret::Hash;
use crate::server::session::{Person, cookie};
use crate::server::task::owned;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use reqwest::Url;
use serde::Deserialize;
use std::sync::Arc;

const ACCOUNT: &str = "/account";
const CALLBACK: &str = "/sign-in/oidc/callback";

pub(super) fn routes() -> Table {
    Table::default()
        .route("/sign-in/oidc", post(sign_in))
        .route(CALLBACK, get(come_back))
        .route("/account/identities/link", post(link))
        .route("/account/identities/unlink", post(unlink))
}

/// The configured address of this server, if any.
fn configured(state: &State) -> Result<Arc<Oidc>, Problem> {
    state.oidc.clone().ok_or(Problem::NotFound)
}

/// The callback for the issuer: this server, as this browser reaches it.
fn way_back(state: &State, headers: &HeaderMap) -> Result<String, Problem> {
    let host = || headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}"));
    let site = state.settings.public_url.clone().or_else(host);
    let site = site.ok_or_else(|| Problem::Malformed("The request does not say which host it is for.".into()))?;
    Ok(format!("{site}{CALLBACK}"))
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    next: Local,
    invitation: Option<String>,
}

async fn sign_in(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Result<Form<SignIn>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let invitation = form.invitation.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(Hash::of);
    go(&state, &headers, Purpose::SignIn { invitation }, &form.next).await
}

#[derive(Deserialize)]
struct Link {
    /// Empty for an account without a password.
    #[serde(default)]
    password: String,
}

async fn link(
    Extract(state): Extract<State>,
    person: Person,
    arrival: Arrival,
    headers: HeaderMap,
    form: Result<Form<Link>, Problem>,
) -> Result<Response, ProblemPage> {
    let (Form(form), account) = (form?, person.who.account);
    match accounts::confirm_link(&state, &arrival, account, &form.password).await {
        Ok(proof) => go(&state, &headers, Purpose::Link(account, proof), &Local::to(ACCOUNT)).await,
        Err(problem) => again(&state, person, "link", problem).await,
    }
}

/// Sends the browser to the issuer.
async fn go(state: &State, headers: &HeaderMap, purpose: Purpose, next: &Local) -> Result<Response, ProblemPage> {
    let oidc = configured(state)?;
    let flow = Flow::new(purpose, next.as_str())?;
    let to = match oidc.begin(&flow, &way_back(state, headers)?).await {
        Ok(to) => to,
        Err(failure) => return Ok(failed(&flow, failure.problem(oidc.name()))),
    };
    let remembered = cookie::flow(state, &flow)?;
    let on = refresh(&to)?;
    Ok((AppendHeaders([remembered, on]), pages::on_the_way(oidc.name(), &to)).into_response())
}

/// The header that forwards a browser without a script, and replaces this page in its history.
fn refresh(to: &Url) -> Result<(HeaderName, HeaderValue), Problem> {
    let value = HeaderValue::from_str(&format!("0; url={to}")).map_err(|_| Problem::Internal)?;
    Ok((HeaderName::from_static("refresh"), value))
}

/// The page that says why signing in or linking failed.
fn failed(flow: &Flow, problem: Problem) -> Response {
    let is_link = matches!(flow.purpose, Purpose::Link(..));
    let invited = matches!(flow.purpose, Purpose::SignIn { invitation: Some(_) });
    pages::failed(if is_link { ACCOUNT } else { "/sign-in" }, Local::to(&flow.next).as_str(), invited, problem)
        .into_response()
}

async fn come_back(
    Extract(state): Extract<State>,
    arrival: Arrival,
    headers: HeaderMap,
    answer: Result<Query<Callback>, Problem>,
) -> Result<Response, ProblemPage> {
    let oidc = configured(&state)?;
    let Query(answer) = answer?;
    // The cookie is named after the state, and the state is derived from the whole cookie.
    let flow = cookie::flow_of(&state, &headers, &answer.state).and_then(|cookie| Flow::of_cookie(&cookie));
    let Some(flow) = flow.filter(|flow| flow.state() == answer.state) else {
        tracing::info!(address = %arrival.address, "An OpenID Connect callback has no flow in this browser");
        let problem = Failure::Stale.problem(oidc.name());
        return Ok(pages::failed("/sign-in", "/", false, problem).into_response());
    };
    let forget = cookie::no_flow(&state, &flow)?;
    let back = way_back(&state, &headers)?;
    let response = match finish(&state, &oidc, arrival, &flow, answer, &back).await {
        Ok(response) => response,
        Err(problem) => failed(&flow, problem),
    };
    Ok((AppendHeaders([forget]), response).into_response())
}

async fn finish(
    state: &State,
    oidc: &Oidc,
    arrival: Arrival,
    flow: &Flow,
    answer: Callback,
    back: &str,
) -> Result<Response, Problem> {
    let attempt = state.throttle.other(arrival.address).await?;
    let used = Hash::of(&flow.state());
    let work = state.clone();
    if !owned(async move { Ok(work.store.use_state(used).await?) }).await? {
        return Err(Failure::Stale.problem(oidc.name()));
    }
    let proven = oidc.finish(flow, answer, back).await.map_err(|failure| failure.problem(oidc.name()))?;
    attempt.succeeded().await;
    match flow.purpose {
        Purpose::SignIn { invitation } => {
            let signed = accounts::sign_in_with(state, oidc, arrival, proven, invitation).await?;
            arrived(state, signed, &Local::to(&flow.next))
        }
        Purpose::Link(account, proof) => {
            let still = arrival.who.filter(|who| who.account == account && matches!(who.by, Credential::Session(_)));
            if still.is_none_or(|who| who.is_guest) {
                let message = "You have been signed out in between, so nothing was linked. Sign in and link it again.";
                return Err(Problem::Forbidden(message.into()));
            }
            accounts::link(state, oidc, account, proof, proven).await?;
            Ok(Redirect::to(ACCOUNT).into_response())
        }
    }
}

#[derive(Deserialize)]
struct Unlink {
    identity: String,
}

async fn unlink(
    Extract(state): Extract<State>,
    person: Person,
    form: Result<Form<Unlink>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    match accounts::unlink(&state, person.who.account, &form.identity).await {
        Ok(()) => Ok(Redirect::to(ACCOUNT).into_response()),
        Err(problem @ Problem::Conflict(_)) => Ok(pages::failed(ACCOUNT, "/", false, problem).into_response()),
        Err(problem) => Err(problem.into()),
    }
}
