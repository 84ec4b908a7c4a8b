//! Signing in, up and out.

use super::input::{Form, Local, Query};
use super::table::Table;
use crate::error::Problem;
use crate::server::accounts::{self, Arrival, NewPerson, SignedIn};
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::oidc::IssuerButton;
use crate::server::html::sign_in::SignInPage;
use crate::server::html::sign_in::{self, Invited};
use crate::server::principal::{Role, SignUp};
use crate::server::problem::ProblemPage;
use crate::server::secret::Hash;
use crate::server::session::{Caller, cookie};
use crate::server::{State, conversations};
use axum::extract::State as Extract;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

/// How many of a guest's conversations are named in the question about them.
const TITLES: i64 = 5;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/sign-in", get(sign_in_page).post(sign_in))
        .route("/sign-up", get(sign_up_page).post(sign_up))
        .route("/sign-out", post(sign_out))
        .route("/account/conversations", get(merge_page).post(merge))
}

#[derive(Default, Deserialize)]
struct To {
    #[serde(default)]
    next: Local,
    invitation: Option<String>,
}

async fn door(state: &State, arrival: &Arrival, next: &Local) -> Result<SignInPage, Problem> {
    let guest = arrival.who.filter(|who| who.is_guest);
    let brings = match guest {
        Some(guest) => state.store.count_conversations(guest.account).await?,
        None => 0,
    };
    let issuer = match &state.oidc {
        Some(oidc) => Some(IssuerButton { name: oidc.name().to_owned(), is_reachable: oidc.is_reachable().await }),
        None => None,
    };
    let may_sign_up = accounts::policy(state).await? != SignUp::Closed;
    let guests = state.settings.guests();
    Ok(SignInPage { next: next.to_string(), may_sign_up, guests, issuer, brings, makes_admin: false })
}

/// The session begins: the cookies, and the redirect to the page that was wanted.
pub(super) fn arrived(state: &State, signed: SignedIn, next: &Local) -> Result<Response, Problem> {
    let cookies = [cookie::session(state, signed.session)?, cookie::browser(state, signed.browser)?];
    let to = match (signed.asks, next.as_str()) {
        (false, next) => next.to_owned(),
        (true, "/") => "/account/conversations".into(),
        (true, next) => format!("/account/conversations?next={next}"),
    };
    Ok((AppendHeaders(cookies), Redirect::to(&to)).into_response())
}

async fn sign_in_page(
    Extract(state): Extract<State>,
    arrival: Arrival,
    Query(to): Query<To>,
) -> Result<Response, ProblemPage> {
    if arrival.who.is_some_and(|who| !who.is_guest) {
        return Ok(Redirect::to(to.next.as_str()).into_response());
    }
    let door = door(&state, &arrival, &to.next).await?;
    Ok(sign_in::sign_in(door, String::new(), Notice::default()).into_response())
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
    password: String,
    #[serde(default)]
    next: Local,
}

async fn sign_in(
    Extract(state): Extract<State>,
    arrival: Arrival,
    form: Result<Form<SignIn>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    match accounts::sign_in(&state, arrival.clone(), &form.name, &form.password).await {
        Ok(signed) => Ok(arrived(&state, signed, &form.next)?),
        Err(problem) => {
            let door = door(&state, &arrival, &form.next).await?;
            Ok(sign_in::sign_in(door, form.name, Notice::problem("in", problem)).into_response())
        }
    }
}

async fn sign_up_page(
    Extract(state): Extract<State>,
    arrival: Arrival,
    Query(to): Query<To>,
) -> Result<Response, ProblemPage> {
    if arrival.who.is_some_and(|who| !who.is_guest) {
        return Ok(Redirect::to(to.next.as_str()).into_response());
    }
    let door = door(&state, &arrival, &to.next).await?;
    Ok(sign_up_sheet(&state, door, String::new(), to.invitation, Notice::default()).await?.into_response())
}

async fn sign_up_sheet(
    state: &State,
    door: SignInPage,
    name: String,
    invitation: Option<String>,
    said: Notice,
) -> Result<Sheet, Problem> {
    let invitation = invitation.filter(|invitation| !invitation.is_empty());
    let role = match &invitation {
        Some(invitation) => state.store.open_invitation(Hash::of(invitation)).await?,
        None => None,
    };
    let door = SignInPage { makes_admin: role == Some(Role::Admin), ..door };
    let invited = match (invitation, accounts::policy(state).await?) {
        (Some(invitation), _) => Invited::With(invitation),
        (None, SignUp::Open) => Invited::No,
        (None, SignUp::Invitation) => Invited::Asked(String::new()),
        (None, SignUp::Closed) => return Ok(sign_in::closed(door, said)),
    };
    Ok(sign_in::sign_up(door, name, invited, said))
}

#[derive(Deserialize)]
struct NewAccount {
    name: String,
    password: String,
    invitation: Option<String>,
    #[serde(default)]
    next: Local,
}

async fn sign_up(
    Extract(state): Extract<State>,
    arrival: Arrival,
    form: Result<Form<NewAccount>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let invitation = form.invitation.as_deref().map(str::trim).filter(|invitation| !invitation.is_empty());
    let new = NewPerson { name: &form.name, password: &form.password, invitation };
    match accounts::sign_up(&state, arrival.clone(), new).await {
        Ok(signed) => Ok(arrived(&state, signed, &form.next)?),
        Err(problem) => {
            let door = door(&state, &arrival, &form.next).await?;
            let said = Notice::problem("up", problem);
            Ok(sign_up_sheet(&state, door, form.name, form.invitation, said).await?.into_response())
        }
    }
}

async fn sign_out(Extract(state): Extract<State>, arrival: Arrival) -> Result<Response, ProblemPage> {
    // A guest that signs out could never return to its conversations: its session stays, in the browser too.
    if arrival.who.is_some_and(|who| who.is_guest) {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    accounts::leave(&state, arrival.who).await?;
    Ok((AppendHeaders([cookie::no_session(&state)?]), Redirect::to("/sign-in")).into_response())
}

async fn merge_page(
    Extract(state): Extract<State>,
    caller: Caller,
    Query(to): Query<To>,
) -> Result<Response, ProblemPage> {
    let who = caller.reading()?;
    let Some(guest) = accounts::guest_of(&state, who).await? else {
        return Ok(Redirect::to(to.next.as_str()).into_response());
    };
    let count = state.store.count_conversations(guest).await?;
    let list = conversations::list(&state, guest, None, Some(TITLES), false).await?;
    let titles = list.items.into_iter().map(|it| it.title).filter(|title| !title.is_empty()).collect();
    Ok(sign_in::merge(to.next.to_string(), count, titles).into_response())
}

#[derive(Deserialize)]
struct Merge {
    keep: String,
    #[serde(default)]
    next: Local,
}

async fn merge(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Merge>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let who = caller.writing()?;
    let Form(form) = form?;
    let keep = match form.keep.as_str() {
        "yes" => true,
        "no" => false,
        _ => {
            return Err(Problem::invalid("keep", "Choose whether to keep the guest's conversations: yes or no.").into());
        }
    };
    accounts::keep_guest(&state, who, keep).await?;
    Ok(Redirect::to(form.next.as_str()))
}
