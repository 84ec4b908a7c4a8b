//! An account's own page, only for a browser that is signed in: no token may manage an account.

use super::input::{Form, Local};
use super::table::Table;
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::State;
use crate::server::accounts::{self, Arrival};
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::account::AccountPage;
use crate::server::html::account::page;
use crate::server::html::oidc::Linked;
use crate::server::principal::Credential;
use crate::server::principal::Scope;
use crate::server::problem::ProblemPage;
use crate::server::routes::sign_in::arrived;
use crate::server::secret::Hash;
use crate::server::session::{Once, Person, cookie};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

const HERE: &str = "/account";

pub(super) fn routes() -> Table {
    Table::default()
        .route(HERE, get(show))
        .route("/account/name", post(rename))
        .route("/account/password", post(change_password))
        .route("/account/sessions/end", post(end_session))
        .route("/account/sessions/end-others", post(end_other_sessions))
        .route("/account/tokens", post(make_token))
        .route("/account/tokens/end", post(end_token))
}

/// The page, with a message.
async fn sheet(state: &State, person: Person, said: Notice, made: Option<String>) -> Result<Sheet, Problem> {
    let account = person.who.account;
    let Credential::Session(here) = person.who.by else { return Err(Problem::NotFound) };
    let brings = match state.store.guest_of(here).await? {
        Some(guest) => state.store.count_conversations(guest).await?,
        None => 0,
    };
    let content = AccountPage {
        sessions: state.store.sessions(account).await?,
        tokens: state.store.tokens(account).await?,
        linked: linked(state, account).await?,
        owner: person.owner(),
        here,
        made,
        brings,
    };
    Ok(page(content, said))
}

/// The page again, with the problem of one of its forms.
pub(super) async fn again(
    state: &State,
    person: Person,
    form: &'static str,
    problem: Problem,
) -> Result<Response, ProblemPage> {
    Ok(sheet(state, person, Notice::problem(form, problem), None).await?.into_response())
}

/// The linked identities of the account, besides its password.
async fn linked(state: &State, account: AccountId) -> Result<Linked, Problem> {
    let oidc = state.oidc.as_ref();
    Ok(Linked {
        name: oidc.map(|oidc| oidc.name().to_owned()),
        issuer: oidc.map(|oidc| oidc.issuer().to_owned()).unwrap_or_default(),
        identities: state.store.identities(account).await?,
        has_password: state.store.credentials_of(account).await?.password.is_some(),
    })
}

async fn show(Extract(state): Extract<State>, person: Person, Once(made): Once) -> Result<Response, ProblemPage> {
    let tokens = state.store.tokens(person.who.account).await?;
    // Only a token of this account: the cookie can be forged.
    let made = made.filter(|made| tokens.iter().any(|token| token.hash == Hash::of(made)));
    let page = sheet(&state, person, Notice::default(), made.clone()).await?;
    Ok(cookie::shown(&state, made.as_deref(), page)?)
}

#[derive(Deserialize)]
struct Rename {
    name: String,
}

async fn rename(
    Extract(state): Extract<State>,
    person: Person,
    arrival: Arrival,
    form: Result<Form<Rename>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let renamed = async {
        // Rate-limited: each new name is an entry in the audit log.
        state.throttle.other(arrival.address).await.map(drop)?;
        accounts::rename(&state, person.who.account, None, &form.name).await
    };
    match renamed.await {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(problem) => again(&state, person, "rename", problem).await,
    }
}

#[derive(Deserialize)]
struct Change {
    old: String,
    new: String,
}

async fn change_password(
    Extract(state): Extract<State>,
    person: Person,
    arrival: Arrival,
    form: Result<Form<Change>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    match accounts::change_password(&state, arrival, person.who, &form.old, &form.new).await {
        Ok(signed) => Ok(arrived(&state, signed, &Local::to(HERE))?),
        Err(problem) => again(&state, person, "password", problem).await,
    }
}

#[derive(Deserialize)]
struct Session {
    session: String,
}

async fn end_session(
    Extract(state): Extract<State>,
    person: Person,
    form: Result<Form<Session>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let session = Hash::parse(&form?.0.session).ok_or(Problem::NotFound)?;
    accounts::end_session(&state, person.who.account, session, None).await?;
    Ok(Redirect::to(HERE))
}

async fn end_other_sessions(Extract(state): Extract<State>, person: Person) -> Result<Redirect, ProblemPage> {
    let Credential::Session(here) = person.who.by else { return Err(Problem::NotFound.into()) };
    accounts::end_other_sessions(&state, person.who.account, here).await?;
    Ok(Redirect::to(HERE))
}

#[derive(Deserialize)]
struct NewToken {
    name: String,
    scope: String,
}

/// The browser carries the token to the page that shows it.
async fn make_token(
    Extract(state): Extract<State>,
    person: Person,
    form: Result<Form<NewToken>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let unknown = || Problem::invalid("scope", "A token reads, or reads and writes.");
    let made = async {
        let scope = Scope::parse(&form.scope).ok_or_else(unknown)?;
        accounts::make_token(&state, person.who.account, &form.name, scope).await
    };
    match made.await {
        Ok(token) => Ok(cookie::show_once(&state, "/account#tokens", token)?),
        Err(problem) => again(&state, person, "token", problem).await,
    }
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

async fn end_token(
    Extract(state): Extract<State>,
    person: Person,
    form: Result<Form<Token>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let token = Hash::parse(&form?.0.token).ok_or(Problem::NotFound)?;
    accounts::end_token(&state, person.who.account, token).await?;
    Ok(Redirect::to(HERE))
}
