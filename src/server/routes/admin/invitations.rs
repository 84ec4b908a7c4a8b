//! The sign-up policy, and invitations.

use super::count;
use crate::error::Problem;
use crate::server::admin::{self, Invite};
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::admin::{Asked, invitations};
use crate::server::principal::{Role, SignUp};
use crate::server::problem::ProblemPage;
use crate::server::routes::input::Form;
use crate::server::routes::origin::site;
use crate::server::secret::Hash;
use crate::server::session::{Admin, Once, cookie};
use crate::server::{State, accounts};
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

async fn sheet(
    state: &State,
    admin: &Admin,
    made: Option<String>,
    asked: Asked,
    said: Notice,
) -> Result<Sheet, Problem> {
    let (policy, found) = (accounts::policy(state).await?, state.store.invitations().await?);
    Ok(invitations(admin.0.owner(), policy, found, made, asked, said))
}

pub(super) async fn show(
    Extract(state): Extract<State>,
    admin: Admin,
    Once(made): Once,
    headers: HeaderMap,
) -> Result<Response, ProblemPage> {
    let made = match made {
        Some(secret) if state.store.open_invitation(Hash::of(&secret)).await?.is_some() => Some(secret),
        _ => None,
    };
    let link = made.as_ref().map(|secret| format!("{}/sign-up?invitation={secret}", site(&state.settings, &headers)));
    let page = sheet(&state, &admin, link, Asked::default(), Notice::default()).await?;
    Ok(cookie::shown(&state, made.as_deref(), page)?)
}

#[derive(Deserialize)]
pub(super) struct NewInvitation {
    note: String,
    role: String,
    uses: String,
    days: String,
}

/// The browser carries the secret to the page that shows the link.
pub(super) async fn invite(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<NewInvitation>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let made = async { admin::invite(&state, admin.clone(), parse(&form)?).await }.await;
    match made {
        Ok(secret) => Ok(cookie::show_once(&state, "/admin/invitations", secret)?),
        Err(problem) => {
            let asked = Asked { note: form.note, uses: form.uses, days: form.days };
            Ok(sheet(&state, &admin, None, asked, Notice::problem("invite", problem)).await?.into_response())
        }
    }
}

fn parse(form: &NewInvitation) -> Result<Invite, Problem> {
    let whole = |field: &'static str| move || Problem::invalid(field, "Write a whole number.");
    Ok(Invite {
        note: form.note.clone(),
        role: Role::parse(&form.role).ok_or_else(|| Problem::invalid("role", "There is no such role."))?,
        uses: count(&form.uses, "uses")?.ok_or_else(whole("uses"))?,
        days: count(&form.days, "days")?.ok_or_else(whole("days"))?,
    })
}

#[derive(Deserialize)]
pub(super) struct Which {
    invitation: String,
}

pub(super) async fn end(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Which>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let invitation = Hash::parse(&form?.0.invitation).ok_or(Problem::NotFound)?;
    admin::end_invitation(&state, admin, invitation).await?;
    Ok(Redirect::to("/admin/invitations"))
}

#[derive(Deserialize)]
pub(super) struct Policy {
    policy: String,
}

pub(super) async fn set_sign_up(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Policy>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let policy = SignUp::parse(&form?.0.policy).ok_or_else(|| Problem::invalid("policy", "There is no such choice."));
    admin::set_sign_up(&state, admin, policy?).await?;
    Ok(Redirect::to("/admin/invitations"))
}
