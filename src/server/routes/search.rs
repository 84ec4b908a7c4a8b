//! The search page.

use super::input::Query;
use super::table::Table;
use crate::error::Problem;
use crate::server::html::Notice;
use crate::server::html::search::SearchPage;
use crate::server::html::search::page;
use crate::server::principal::Owner;
use crate::server::problem::ProblemPage;
use crate::server::session::{Caller, to_sign_in};
use crate::server::{State, search};
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

pub(super) fn routes() -> Table {
    Table::default().route("/search", get(show))
}

#[derive(Deserialize)]
struct Question {
    q: Option<String>,
    cursor: Option<String>,
}

async fn show(
    Extract(state): Extract<State>,
    caller: Caller,
    question: Result<Query<Question>, Problem>,
) -> Result<Response, ProblemPage> {
    let Some(who) = caller.0 else { return Ok(to_sign_in("/search").into_response()) };
    let Query(Question { q, cursor }) = question?;
    let account = state.store.account(who.account).await?;
    let owner = account.name.map(|name| Owner { name, role: account.role });
    let Some(query) = q else {
        return Ok(page(SearchPage { owner, query: String::new(), found: None }, Notice::default()).into_response());
    };
    let (found, said) = match search::search(&state, who.account, &query, cursor.as_deref(), None).await {
        Ok(found) => (Some(found), Notice::default()),
        Err(problem) => (None, Notice::problem("search", problem)),
    };
    Ok(page(SearchPage { owner, query, found }, said).into_response())
}
