//! The page of the sites: what there are, who answers there, and a form for a new one.

use crate::contract::site::{AgentNames, AnsweredBy, SiteChanges, SiteLimits, Texts};
use crate::error::Problem;
use crate::model::{AccountId, SiteId};
use crate::server::html::admin::{self as html, ListedSite, SitePage, sites};
use crate::server::html::{Notice, Sheet};
use crate::server::principal::Name;
use crate::server::problem::ProblemPage;
use crate::server::quota::days;
use crate::server::routes::input::{Form, Id};
use crate::server::session::Admin;
use crate::server::{State, desk};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::str::FromStr;

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

/// The page of one site, perhaps with what went wrong.
async fn page(state: &State, admin: &Admin, id: SiteId, said: Notice) -> Result<Sheet, Problem> {
    let site = state.store.site(id).await?.site;
    let data = SitePage {
        address: format!("{}/w/{id}", state.settings.public_url.as_deref().unwrap_or_default()),
        agents: state.store.agents(id).await?,
        models: state.providers.names(),
        used: state.store.site_used(id, &days().0.to_string()).await?,
        site,
    };
    Ok(html::site(admin.0.owner(), data, said))
}

pub(super) async fn one(
    Extract(state): Extract<State>,
    admin: Admin,
    id: Result<Id<SiteId>, Problem>,
) -> Result<Sheet, ProblemPage> {
    Ok(page(&state, &admin, id?.0, Notice::default()).await?)
}

async fn after_one(
    state: &State,
    admin: &Admin,
    (id, form): (SiteId, &'static str),
    done: Result<(), Problem>,
) -> Result<Response, ProblemPage> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("{PAGE}/{id}")).into_response()),
        Err(Problem::NotFound) => Err(Problem::NotFound.into()),
        Err(problem) => Ok(page(state, admin, id, Notice::problem(form, problem)).await?.into_response()),
    }
}

/// One of the forms of a site: what it does not name stays.
#[derive(Deserialize)]
pub(super) struct Changed {
    site: SiteId,
    form: String,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

pub(super) async fn change(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Changed>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(Changed { site, form, fields }) = form?;
    let named = ["site", "texts", "limits"].into_iter().find(|name| *name == form).unwrap_or("site");
    let done = async {
        let before = state.store.site(site).await?.site;
        let changes = match named {
            "texts" => SiteChanges { texts: Some(texts(before.texts, &fields)), ..SiteChanges::default() },
            "limits" => SiteChanges { limits: Some(limits(before.limits, &fields)?), ..SiteChanges::default() },
            _ => settings(&fields)?,
        };
        desk::change(&state, &admin.0, site, changes).await.map(drop)
    };
    let done = done.await;
    after_one(&state, &admin, (site, named), done).await
}

fn settings(fields: &BTreeMap<String, String>) -> Result<SiteChanges, Problem> {
    let text = |name: &str| fields.get(name).cloned();
    let days = text("retention_days").map(|days| if days.trim().is_empty() { "0".into() } else { days });
    Ok(SiteChanges {
        name: text("name"),
        title: text("title"),
        model: text("model"),
        system: text("system").map(|system| system.replace("\r\n", "\n")),
        answered_by: text("answered_by").map(|name| AnsweredBy::of(&name)),
        agent_names: text("agent_names").map(|name| AgentNames::of(&name)),
        retention_days: days.map(|days| number("retention_days", &days)).transpose()?,
        is_disabled: text("is_disabled").map(|is| is == "yes"),
        ..SiteChanges::default()
    })
}

fn number<T: FromStr>(field: &str, text: &str) -> Result<T, Problem> {
    text.trim().parse().map_err(|_| Problem::invalid(field, "Write a whole number."))
}

fn texts(mut texts: Texts, fields: &BTreeMap<String, String>) -> Texts {
    let all = [
        ("texts.greeting", &mut texts.greeting),
        ("texts.notice", &mut texts.notice),
        ("texts.without_notice", &mut texts.without_notice),
        ("texts.waiting", &mut texts.waiting),
        ("texts.joined", &mut texts.joined),
        ("texts.back", &mut texts.back),
        ("texts.away", &mut texts.away),
        ("texts.closed", &mut texts.closed),
        ("texts.failed", &mut texts.failed),
        ("texts.busy", &mut texts.busy),
    ];
    for (name, text) in all {
        if let Some(changed) = fields.get(name) {
            *text = changed.replace("\r\n", "\n");
        }
    }
    texts
}

fn limits(mut limits: SiteLimits, fields: &BTreeMap<String, String>) -> Result<SiteLimits, Problem> {
    let all = [
        ("limits.visitor.minute", &mut limits.visitor.minute),
        ("limits.visitor.day", &mut limits.visitor.day),
        ("limits.visitor.characters", &mut limits.visitor.characters),
        ("limits.visitor.conversations", &mut limits.visitor.conversations),
        ("limits.network.minute", &mut limits.network.minute),
        ("limits.network.new", &mut limits.network.new),
        ("limits.open", &mut limits.open),
        ("limits.turns", &mut limits.turns),
        ("limits.max_output_tokens", &mut limits.max_output_tokens),
    ];
    for (name, limit) in all {
        if let Some(changed) = fields.get(name) {
            *limit = number(name, changed)?;
        }
    }
    for (name, limit) in
        [("limits.tokens_per_day", &mut limits.tokens_per_day), ("limits.micros_per_day", &mut limits.micros_per_day)]
    {
        match fields.get(name).map(|text| text.trim()) {
            None => {}
            Some("") => *limit = None,
            Some(text) => *limit = Some(number(name, text)?),
        }
    }
    Ok(limits)
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
    after_one(&state, &admin, (site, "agent"), done).await
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
    after_one(&state, &admin, (site, "agent"), done).await
}
