//! Who may sign up, and invitations.

use super::count;
use crate::error::Problem;
use crate::server::State;
use crate::server::accounts::{self, Role, SignUp};
use crate::server::admin::{self, Invite};
use crate::server::plain::admin::{Asked, invitations};
use crate::server::plain::{Said, Sheet};
use crate::server::problem::ProblemPage;
use crate::server::routes::input::Form;
use crate::server::secret::Hash;
use crate::server::session::Admin;
use axum::extract::State as Extract;
use axum::response::Redirect;
use serde::Deserialize;

async fn sheet(state: &State, admin: &Admin, made: Option<String>, asked: Asked, said: Said) -> Result<Sheet, Problem> {
    let (policy, found) = (accounts::policy(state).await?, state.store.invitations().await?);
    Ok(invitations(admin.0.owner(), policy, found, made, asked, said))
}

pub(super) async fn show(Extract(state): Extract<State>, admin: Admin) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, &admin, None, Asked::default(), Said::default()).await?)
}

#[derive(Deserialize)]
pub(super) struct NewInvitation {
    note: String,
    role: String,
    uses: String,
    days: String,
}

/// The link is in this answer and nowhere else.
pub(super) async fn invite(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<NewInvitation>, Problem>,
) -> Result<Sheet, ProblemPage> {
    let Form(form) = form?;
    let made = match parse(&form) {
        Ok(invite) => admin::invite(&state, admin.clone(), invite).await,
        Err(problem) => Err(problem),
    };
    let answer = match made {
        Ok(secret) => {
            let site = state.settings.public_url.clone().unwrap_or_default();
            let link = format!("{site}/sign-up?invitation={secret}");
            sheet(&state, &admin, Some(link), Asked::default(), Said::default()).await
        }
        Err(problem) => {
            let asked = Asked { note: form.note, uses: form.uses, days: form.days };
            sheet(&state, &admin, None, asked, Said::problem("invite", problem)).await
        }
    };
    Ok(answer?)
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
