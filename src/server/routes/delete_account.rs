//! Deletion of an account by its owner, guests included: their conversations are as much their own.

use super::input::Form;
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::accounts::{self, Arrival};
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::delete_account::{Leaving, gone, page};
use crate::server::principal::Owner;
use crate::server::principal::Principal;
use crate::server::problem::ProblemPage;
use crate::server::session::{Browser, cookie};
use axum::extract::State as Extract;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

pub(super) fn routes() -> Table {
    Table::default().route("/account/delete", get(show).post(delete))
}

async fn sheet(state: &State, who: Principal, said: Notice) -> Result<Sheet, Problem> {
    let account = state.store.account(who.account).await?;
    let holds = state.store.holdings(who.account).await?;
    let has_password = state.store.credentials_of(who.account).await?.password.is_some();
    let leaving = match &account.name {
        None => Leaving::Guest,
        Some(_) if has_password => Leaving::WithPassword,
        Some(_) => Leaving::WithName,
    };
    let owner = account.name.map(|name| Owner { name, role: account.role });
    Ok(page(owner, leaving, holds, said))
}

async fn show(Extract(state): Extract<State>, Browser(who): Browser) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, who, Notice::default()).await?)
}

#[derive(Deserialize)]
struct Delete {
    #[serde(default)]
    proof: String,
    sure: Option<String>,
}

async fn delete(
    Extract(state): Extract<State>,
    Browser(who): Browser,
    arrival: Arrival,
    form: Result<Form<Delete>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(form) = form?;
    let done = match form.sure {
        Some(_) => accounts::delete_own(&state, &arrival, who, &form.proof).await,
        None => Err(Problem::invalid("sure", "Say yes to this first.")),
    };
    match done {
        Ok(()) => Ok((AppendHeaders(cookie::forgotten(&state)?), gone()).into_response()),
        Err(problem) => Ok(sheet(&state, who, Notice::problem("delete", problem)).await?.into_response()),
    }
}
