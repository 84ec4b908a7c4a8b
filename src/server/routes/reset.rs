//! Password reset by a link that an admin has handed over.

use super::input::{Form, Query};
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::accounts::{self, Arrival};
use crate::server::html::Notice;
use crate::server::html::Sheet;
use crate::server::html::reset::{done, over, page};
use crate::server::problem::ProblemPage;
use crate::server::secret::Hash;
use axum::extract::State as Extract;
use axum::routing::get;
use serde::Deserialize;

pub(super) fn routes() -> Table {
    Table::default().route("/reset-password", get(show).post(reset))
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    link: String,
}

async fn sheet(state: &State, link: String, said: Notice) -> Result<Sheet, Problem> {
    match state.store.reset(Hash::of(&link)).await? {
        Some((_, name)) => Ok(page(name, link, said)),
        None => Ok(over(said)),
    }
}

async fn show(Extract(state): Extract<State>, Query(link): Query<Link>) -> Result<Sheet, ProblemPage> {
    Ok(sheet(&state, link.link, Notice::default()).await?)
}

#[derive(Deserialize)]
struct Reset {
    link: String,
    password: String,
}

async fn reset(
    Extract(state): Extract<State>,
    arrival: Arrival,
    form: Result<Form<Reset>, Problem>,
) -> Result<Sheet, ProblemPage> {
    let Form(form) = form?;
    match accounts::reset(&state, &arrival, &form.link, &form.password).await {
        Ok(account) => Ok(done(state.store.identities(account).await?)),
        Err(problem) => Ok(sheet(&state, form.link, Notice::problem("reset", problem)).await?),
    }
}
