//! Liveness and readiness of the process (promise S15).

use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::store::RETRY_AFTER_SECONDS;
use axum::extract::State as Extract;
use std::time::Duration;
use tokio::time::timeout;
use utoipa_axum::routes;

/// A store that takes longer than this counts as not answering.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn routes() -> Table {
    Table::default().described(routes!(alive)).described(routes!(ready))
}

/// Report liveness
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", tag = "health", security(()),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
async fn alive() -> &'static str {
    "ok"
}

/// Report readiness
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", tag = "health", security(()),
    responses((status = 200, body = String, content_type = "text/plain; charset=utf-8")))]
async fn ready(Extract(state): Extract<State>) -> Result<&'static str, Problem> {
    state.drain.admit()?;
    if state.store.held() > 0 {
        let message = "Replies cannot be saved: see the log. It is tried again until it works.".into();
        return Err(Problem::Unavailable { message, retry_after_seconds: RETRY_AFTER_SECONDS });
    }
    let store = state.store.clone();
    let asked = state.readiness.ask(state.bounds.ready_again, async move { Ok(store.ready().await?) });
    match timeout(PATIENCE, asked).await {
        Ok(Ok(())) => Ok("ready"),
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err(Problem::Unavailable {
            message: "The database does not answer.".into(),
            retry_after_seconds: RETRY_AFTER_SECONDS,
        }),
    }
}
