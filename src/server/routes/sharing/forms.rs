//! The pages of sharing, and their forms: each performs its action and redirects to the page.

use super::url;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId};
use crate::server::State;
use crate::server::accounts::Arrival;
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::sharing::SharingPage;
use crate::server::html::{
    sharing as pages,
    sharing::{Made, Typed},
};
use crate::server::principal::Owner;
use crate::server::principal::Principal;
use crate::server::problem::ProblemPage;
use crate::server::routes::input::{Form, Id};
use crate::server::routes::table::Table;
use crate::server::secret::Hash;
use crate::server::session::Caller;
use crate::server::sharing::{self, NewLink};
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

pub(super) fn add_to(table: Table) -> Table {
    table
        .route("/c/{id}/sharing", get(show))
        .route("/c/{id}/sharing/people", post(add).get(back))
        .route("/c/{id}/sharing/role", post(set_role))
        .route("/c/{id}/sharing/remove", post(remove))
        .route("/c/{id}/sharing/links", post(make_link).get(back))
        .route("/c/{id}/sharing/links/end", post(end_link))
        .route("/c/{id}/sharing/public", post(publish).get(back))
        .route("/c/{id}/sharing/public/end", post(unpublish))
        .route("/join/{secret}", get(invitation).post(join))
}

/// The account at the top of the page; none for a guest.
async fn owner(state: &State, who: Principal) -> Result<Option<Owner>, Problem> {
    let account = state.store.account(who.account).await?;
    Ok(account.name.map(|name| Owner { name, role: who.role }))
}

async fn sheet(
    state: &State,
    who: Principal,
    id: ConversationId,
    made: Option<Made>,
    typed: Typed,
    said: Notice,
) -> Result<Sheet, Problem> {
    let sharing = sharing::sharing(state, who.account, id).await?;
    let content = SharingPage { owner: owner(state, who).await?, account: who.account, sharing, made, typed };
    Ok(pages::page(content, said))
}

/// The page again, with the problem that the caller can fix; any other problem is returned as it is.
async fn again(
    state: &State,
    who: Principal,
    id: ConversationId,
    form: &'static str,
    typed: Typed,
    problem: Problem,
) -> Result<Response, ProblemPage> {
    match problem {
        Problem::Invalid { .. } | Problem::Conflict(_) | Problem::TooMany { .. } => {
            Ok(sheet(state, who, id, None, typed, Notice::problem(form, problem)).await?.into_response())
        }
        _ => Err(problem.into()),
    }
}

/// A form's address that showed a problem, opened again.
async fn back(Id(id): Id<ConversationId>) -> Response {
    back_to(id)
}

fn back_to(id: ConversationId) -> Response {
    Redirect::to(&format!("/c/{id}/sharing")).into_response()
}

async fn show(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
) -> Result<Sheet, ProblemPage> {
    let who = caller.reading()?;
    Ok(sheet(&state, who, id?.0, None, Typed::default(), Notice::default()).await?)
}

#[derive(Deserialize)]
struct NewPerson {
    name: String,
    role: String,
}

async fn add(
    Extract(state): Extract<State>,
    caller: Caller,
    arrival: Arrival,
    id: Result<Id<ConversationId>, Problem>,
    form: Result<Form<NewPerson>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id), Form(form)) = (caller.writing()?, id?, form?);
    match sharing::add(&state, who, arrival.address, id, &form.name, sharing::role(&form.role)?).await {
        Ok(_) => Ok(back_to(id)),
        Err(problem) => {
            let typed = Typed { name: form.name, role: form.role, ..Typed::default() };
            again(&state, who, id, "person", typed, problem).await
        }
    }
}

#[derive(Deserialize)]
struct NewRole {
    account: AccountId,
    role: String,
}

async fn set_role(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
    form: Result<Form<NewRole>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id), Form(form)) = (caller.writing()?, id?, form?);
    sharing::set_role(&state, who.account, id, form.account, sharing::role(&form.role)?).await?;
    Ok(back_to(id))
}

#[derive(Deserialize)]
struct Remove {
    account: AccountId,
}

/// After removing another user the page is shown again; a user who leaves is sent to the start page.
async fn remove(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
    form: Result<Form<Remove>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id), Form(form)) = (caller.writing()?, id?, form?);
    sharing::remove(&state, who.account, id, form.account).await?;
    Ok(if form.account == who.account { Redirect::to("/").into_response() } else { back_to(id) })
}

#[derive(Deserialize)]
struct LinkToMake {
    role: String,
    uses: String,
    days: String,
}

impl LinkToMake {
    fn parse(&self) -> Result<NewLink, Problem> {
        let whole = |field: &'static str| move |_| Problem::invalid(field, "Write a whole number.");
        let (uses, days) = (self.uses.trim().parse(), self.days.trim().parse());
        let role = sharing::role(&self.role)?;
        Ok(NewLink { role, uses: uses.map_err(whole("uses"))?, days: days.map_err(whole("days"))? })
    }
}

/// The link is in this answer only.
async fn make_link(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
    headers: HeaderMap,
    form: Result<Form<LinkToMake>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id), Form(form)) = (caller.writing()?, id?, form?);
    let made = async { sharing::make_link(&state, who.account, id, form.parse()?).await }.await;
    match made {
        Ok((secret, _)) => {
            let made = Made::Invitation(url(&state, &headers, "join", &secret));
            Ok(sheet(&state, who, id, Some(made), Typed::default(), Notice::default()).await?.into_response())
        }
        Err(problem) => {
            let typed = Typed { role: form.role, uses: form.uses, days: form.days, ..Typed::default() };
            again(&state, who, id, "link", typed, problem).await
        }
    }
}

#[derive(Deserialize)]
struct EndLink {
    link: String,
}

async fn end_link(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
    form: Result<Form<EndLink>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id), Form(form)) = (caller.writing()?, id?, form?);
    let link = Hash::parse(&form.link).ok_or(Problem::NotFound)?;
    sharing::end_link(&state, who.account, id, link).await?;
    Ok(back_to(id))
}

#[derive(Deserialize)]
struct Publish {
    names: String,
}

/// The link is in this answer only.
async fn publish(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
    headers: HeaderMap,
    form: Result<Form<Publish>, Problem>,
) -> Result<Sheet, ProblemPage> {
    let (who, Id(id), Form(form)) = (caller.writing()?, id?, form?);
    let secret = sharing::publish(&state, who.account, id, form.names == "yes").await?;
    let made = Made::Public(url(&state, &headers, "p", &secret));
    Ok(sheet(&state, who, id, Some(made), Typed::default(), Notice::default()).await?)
}

async fn unpublish(
    Extract(state): Extract<State>,
    caller: Caller,
    id: Result<Id<ConversationId>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(id)) = (caller.writing()?, id?);
    sharing::unpublish(&state, who.account, id).await?;
    Ok(back_to(id))
}

async fn invitation(
    Extract(state): Extract<State>,
    caller: Caller,
    arrival: Result<Arrival, Problem>,
    secret: Result<Id<String>, Problem>,
) -> Result<Sheet, ProblemPage> {
    let (who, Id(secret)) = (caller.reading()?, secret?);
    let owner = owner(&state, who).await?;
    match sharing::invitation(&state, arrival?.address, &secret).await {
        Ok(found) => Ok(pages::invitation(owner, who.is_guest, format!("/join/{secret}"), found, Notice::default())),
        Err(problem @ Problem::NotFound) => Ok(pages::no_invitation(owner, Notice::problem("", problem))),
        Err(problem) => Err(problem.into()),
    }
}

async fn join(
    Extract(state): Extract<State>,
    caller: Caller,
    arrival: Result<Arrival, Problem>,
    secret: Result<Id<String>, Problem>,
) -> Result<Response, ProblemPage> {
    let (who, Id(secret)) = (caller.writing()?, secret?);
    match sharing::join(&state, arrival?.address, who.account, &secret).await {
        Ok(conversation) => Ok(Redirect::to(&format!("/c/{}", conversation.id)).into_response()),
        Err(problem @ Problem::NotFound) => {
            let owner = owner(&state, who).await?;
            Ok(pages::no_invitation(owner, Notice::problem("", problem)).into_response())
        }
        Err(problem) => Err(problem.into()),
    }
}
