//! The page of the sites: what there are, who answers there, and a form for a new one.

use crate::contract::site::{AnsweredBy, SiteChanges};
use crate::error::Problem;
use crate::model::{AccountId, SiteId};
use crate::server::html::admin::{ListedSite, sites};
use crate::server::html::{Notice, Sheet};
use crate::server::principal::Name;
use crate::server::problem::ProblemPage;
use crate::server::routes::input::Form;
use crate::server::session::Admin;
use crate::server::{State, desk};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

const PAGE: &str = "/admin/sites";

async fn sheet(state: &State, admin: &Admin, said: Notice) -> Result<Sheet, Problem> {
    let mut listed = Vec::new();
    for site in state.store.sites().await? {
        let agents = state.store.agents(site.id).await?;
        listed.push(ListedSite { site, agents });
    }
    Ok(sites(admin.0.owner(), listed, said))
}

async fn after(
    state: &State,
    admin: &Admin,
    form: &'static str,
    done: Result<(), Problem>,
) -> Result<Response, ProblemPage> {
    match done {
        Ok(()) => Ok(Redirect::to(PAGE).into_response()),
        Err(Problem::NotFound) => Err(Problem::NotFound.into()),
        Err(problem) => Ok(sheet(state, admin, Notice::problem(form, problem)).await?.into_response()),
    }
}

pub(super) async fn show(Extract(state): Extract<State>, admin: Admin) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, &admin, Notice::default()).await?)
}

#[derive(Deserialize)]
pub(super) struct NewSite {
    name: String,
    title: String,
    system: String,
    #[serde(default)]
    answered_by: String,
}

pub(super) async fn make(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<NewSite>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let settings = SiteChanges {
        name: Some(form.name),
        title: Some(form.title),
        system: Some(form.system),
        answered_by: Some(AnsweredBy::of(&form.answered_by)),
        ..SiteChanges::default()
    };
    let made = desk::make(&state, &admin.0, SiteId::new(), settings).await.map(drop);
    after(&state, &admin, "site", made).await
}

#[derive(Deserialize)]
pub(super) struct NewAgent {
    site: SiteId,
    name: String,
}

/// By name; the name is looked up as at the sign-in.
pub(super) async fn add_agent(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<NewAgent>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(NewAgent { site, name }) = form?;
    let done = async {
        state.store.site(site).await?;
        let nobody = || Problem::invalid("name", "Nobody has this name.");
        let found = state.store.credentials(&Name::search(&name)).await?.ok_or_else(nobody)?;
        desk::set_agent(&state, &admin.0, (site, found.account), true).await
    };
    let done = done.await;
    after(&state, &admin, "agent", done).await
}

#[derive(Deserialize)]
pub(super) struct Whose {
    site: SiteId,
    account: AccountId,
}

pub(super) async fn remove_agent(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Whose>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(Whose { site, account }) = form?;
    let done = desk::set_agent(&state, &admin.0, (site, account), false).await;
    after(&state, &admin, "agent", done).await
}
