//! An admin's actions on one account besides its role and limits: its name, password reset, one session, deletion.

use super::{after, again};
use crate::error::Problem;
use crate::model::AccountId;
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::delete_account::{Leaving, page};
use crate::server::problem::ProblemPage;
use crate::server::routes::input::{Form, Id};
use crate::server::secret::Hash;
use crate::server::session::{Admin, cookie};
use crate::server::{State, accounts, admin};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Named {
    account: AccountId,
    name: String,
}

pub(super) async fn rename(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Named>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let done = accounts::rename(&state, form.account, Some(&admin.0.name), &form.name).await;
    after(&state, &admin, form.account, "rename", done).await
}

#[derive(Deserialize)]
pub(super) struct Whose {
    account: AccountId,
}

/// The browser carries the secret to the page that shows the link.
pub(super) async fn reset(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Whose>, Problem>,
) -> Result<Response, ProblemPage> {
    let id = form?.0.account;
    match accounts::invite_to_reset(&state, id, &admin.0.name).await {
        Ok(secret) => Ok(cookie::show_once(&state, &format!("/admin/accounts/{id}"), secret)?),
        Err(problem) => again(&state, &admin, id, "reset", problem).await,
    }
}

#[derive(Deserialize)]
pub(super) struct Session {
    account: AccountId,
    session: String,
}

pub(super) async fn end_session(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Session>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let session = Hash::parse(&form.session).ok_or(Problem::NotFound)?;
    let done = admin::end_session(&state, admin.clone(), form.account, session).await;
    after(&state, &admin, form.account, "sessions", done).await
}

async fn sheet(state: &State, admin: &Admin, id: AccountId, said: Notice) -> Result<Sheet, Problem> {
    let (account, holds) = (state.store.account(id).await?, state.store.holdings(id).await?);
    Ok(page(Some(admin.0.owner()), Leaving::Other { id, called: admin::called(&account) }, holds, said))
}

pub(super) async fn delete_page(
    Extract(state): Extract<State>,
    admin: Admin,
    id: Result<Id<AccountId>, Problem>,
) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, &admin, id?.0, Notice::default()).await?)
}

#[derive(Deserialize)]
pub(super) struct Delete {
    account: AccountId,
    proof: String,
    sure: Option<String>,
}

pub(super) async fn delete(
    Extract(state): Extract<State>,
    admin: Admin,
    form: Result<Form<Delete>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let done = match form.sure {
        Some(_) => admin::delete(&state, admin.clone(), form.account, &form.proof).await,
        None => Err(Problem::invalid("sure", "Say yes to this first.")),
    };
    match done {
        Ok(()) => Ok(Redirect::to("/admin").into_response()),
        Err(Problem::NotFound) => Err(Problem::NotFound.into()),
        Err(problem) => {
            Ok(sheet(&state, &admin, form.account, Notice::problem("delete", problem)).await?.into_response())
        }
    }
}
