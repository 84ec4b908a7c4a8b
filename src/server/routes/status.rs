//! `/status`, for everybody, where the settings turn it on.

use super::health;
use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::html::status::page;
use crate::server::problem::ProblemPage;
use crate::server::settings::Switch;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(super) fn routes() -> Table {
    Table::default().route("/status", get(status))
}

/// 503 where no messages are taken, for monitors that read no page.
async fn status(Extract(state): Extract<State>) -> Result<Response, ProblemPage> {
    if state.settings.status_page == Switch::Off {
        return Err(Problem::NotFound.into());
    }
    let ready = health::readiness(&state).await.is_ok();
    let look = state.status.look(&state.providers).await;
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((code, page(ready, state.status.since(), &look)).into_response())
}
