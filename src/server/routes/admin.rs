//! The administration. For a caller who is not an admin it answers 404.

mod connect;
mod invitations;
mod person;
mod sites;

use super::input::{Form, Id, Query};
use super::origin::site;
use super::table::Table;
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::html::Notice;
use crate::server::html::admin::Detail;
use crate::server::html::{Sheet, admin as pages};
use crate::server::principal::{Name, Role};
use crate::server::problem::ProblemPage;
use crate::server::quota::Quota;
use crate::server::secret::Hash;
use crate::server::session::{Admin, Once, cookie};
use crate::server::store::people::Search;
use crate::server::usage::{USUAL_DAYS, first_day};
use crate::server::{State, admin, nul};
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::str::FromStr;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/admin", get(people))
        .route("/admin/accounts/{id}", get(account))
        .route("/admin/accounts/role", post(set_role))
        .route("/admin/accounts/disabled", post(set_disabled))
        .route("/admin/accounts/limits", post(set_limits))
        .route("/admin/accounts/sessions/end", post(end_sessions))
        .route("/admin/accounts/sessions/end-one", post(person::end_session))
        .route("/admin/accounts/name", post(person::rename))
        .route("/admin/accounts/reset", post(person::reset))
        .route("/admin/accounts/{id}/delete", get(person::delete_page))
        .route("/admin/accounts/delete", post(person::delete))
        .route("/admin/invitations", get(invitations::show).post(invitations::invite))
        .route("/admin/invitations/end", post(invitations::end))
        .route("/admin/sign-up", post(invitations::set_sign_up))
        .route("/admin/sites", get(sites::show).post(sites::make))
        .route("/admin/sites/{id}", get(sites::one))
        .route("/admin/sites/change", post(sites::change))
        .route("/admin/sites/agents", post(sites::add_agent))
        .route("/admin/sites/agents/remove", post(sites::remove_agent))
        .route("/admin/usage", get(usage))
        .route("/admin/connect", get(connect::show))
        .route("/admin/log", get(log))
}

#[derive(Deserialize)]
struct Asking {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
    guests: Option<String>,
}

async fn people(
    Extract(state): Extract<State>,
    admin: Admin,
    Query(asking): Query<Asking>,
) -> Result<Sheet, ProblemPage> {
    let search =
        Search { key: Name::search(&asking.q), guests: asking.guests.is_some(), after: nul::replaced(asking.after) };
    let (people, next) = state.store.people(&search).await?;
    Ok(pages::accounts(admin.0.owner(), &search, asking.q, people, next, state.providers.troubles()))
}

/// The account's page with a link for a new password, shown this once.
async fn detail(
    state: &State,
    admin: &Admin,
    id: AccountId,
    said: Notice,
    link: Option<String>,
) -> Result<Sheet, Problem> {
    let detail = Detail {
        link,
        reset: state.store.reset_of(id).await?.map(|(_, ends_at)| ends_at),
        account: state.store.account(id).await?,
        quota: state.store.quota(id).await?,
        sessions: state.store.sessions(id).await?,
        spending: state.store.spending(&first_day(USUAL_DAYS), Some(id)).await?,
    };
    Ok(pages::account(admin.0.owner(), detail, said))
}

async fn account(
    Extract(state): Extract<State>,
    admin: Admin,
    id: Result<Id<AccountId>, Problem>,
    Once(made): Once,
    headers: HeaderMap,
) -> Result<Response, ProblemPage> {
    let id = id?.0;
    let made = match (made, state.store.reset_of(id).await?) {
        (Some(secret), Some((hash, _))) if hash == Hash::of(&secret) => Some(secret),
        _ => None,
    };
    let link = made.as_ref().map(|secret| format!("{}/reset-password?link={secret}", site(&state.settings, &headers)));
    let page = detail(&state, &admin, id, Notice::default(), link).await?;
    Ok(cookie::shown(&state, made.as_deref(), page)?)
}

/// The account's page again, with the problem; 404 where there is no such account.
async fn again(
    state: &State,
    admin: &Admin,
    id: AccountId,
    form: &'static str,
    problem: Problem,
) -> Result<Response, ProblemPage> {
    match problem {
        Problem::NotFound => Err(problem.into()),
        _ => Ok(detail(state, admin, id, Notice::problem(form, problem), None).await?.into_response()),
    }
}

/// Back to the account's page: in its new state, or with the problem.
async fn after(
    state: &State,
    admin: &Admin,
    id: AccountId,
    form: &'static str,
    done: Result<(), Problem>,
) -> Result<Response, ProblemPage> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/admin/accounts/{id}")).into_response()),
        Err(problem) => again(state, admin, id, form, problem).await,
    }
}

#[derive(Deserialize)]
struct NewRole {
    account: AccountId,
    role: String,
}

async fn set_role(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<NewRole>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let done = match Role::parse(&form.role) {
        Some(role) => admin::set_role(&state, admin.clone(), form.account, role).await,
        None => Err(Problem::invalid("role", "There is no such role.")),
    };
    after(&state, &admin, form.account, "role", done).await
}

#[derive(Deserialize)]
struct Access {
    account: AccountId,
    disabled: String,
}

async fn set_disabled(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Access>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let done = admin::set_disabled(&state, admin.clone(), form.account, form.disabled == "yes").await;
    after(&state, &admin, form.account, "access", done).await
}

#[derive(Deserialize)]
struct Limits {
    account: AccountId,
    sends_per_minute: String,
    open_replies: String,
    streams: String,
    tokens_per_day: String,
    tokens_per_month: String,
}

impl Limits {
    fn quota(&self) -> Result<Quota, Problem> {
        Ok(Quota {
            sends_per_minute: count(&self.sends_per_minute, "sends_per_minute")?,
            open_replies: count(&self.open_replies, "open_replies")?,
            streams: count(&self.streams, "streams")?,
            tokens_per_day: count(&self.tokens_per_day, "tokens_per_day")?,
            tokens_per_month: count(&self.tokens_per_month, "tokens_per_month")?,
        })
    }
}

/// A field that is empty where nothing is set.
fn count<T: FromStr>(text: &str, field: &str) -> Result<Option<T>, Problem> {
    let wrong = || Problem::invalid(field, "Write a whole number, or leave the field empty.");
    let text = text.trim();
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wrong()) }
}

async fn set_limits(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Limits>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let done = async { admin::set_quota(&state, admin.clone(), form.account, form.quota()?).await }.await;
    after(&state, &admin, form.account, "limits", done).await
}

#[derive(Deserialize)]
struct Whose {
    account: AccountId,
}

async fn end_sessions(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Whose>, Problem>,
) -> Result<Response, ProblemPage> {
    let id = form?.0.account;
    let done = admin::end_sessions(&state, admin.clone(), id).await;
    after(&state, &admin, id, "sessions", done).await
}

async fn usage(Extract(state): Extract<State>, admin: Admin) -> Result<Sheet, ProblemPage> {
    let since = first_day(USUAL_DAYS);
    let mut spending = state.store.spending(&since, None).await?;
    spending.extend(state.store.spending_of_deleted(&since).await?);
    Ok(pages::usage(admin.0.owner(), USUAL_DAYS, spending))
}

#[derive(Deserialize)]
struct Before {
    before: Option<String>,
}

async fn log(Extract(state): Extract<State>, admin: Admin, Query(page): Query<Before>) -> Result<Sheet, ProblemPage> {
    let (entries, next) = state.store.audit(page.before.as_deref()).await?;
    Ok(pages::log(admin.0.owner(), entries, next))
}
