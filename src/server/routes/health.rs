//! Liveness and readiness of the process (promise S15).

use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::session::Address;
use crate::server::store::RETRY_AFTER_SECONDS;
use crate::server::transport::STREAMING_HEADERS;
use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::stream;
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use utoipa_axum::routes;

/// A store that takes longer than this counts as not answering.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pieces of the test stream, and the time between two: long enough to tell a proxy that buffers from a slow line.
const PIECES: u32 = 4;
const GAP: Duration = Duration::from_millis(250);

pub(super) fn routes() -> Table {
    Table::default().described(routes!(alive)).described(routes!(ready)).route("/healthz/stream", get(drip))
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
    readiness(&state).await.map(|()| "ready")
}

/// Whether new messages are taken and stored.
pub(super) async fn readiness(state: &State) -> Result<(), Problem> {
    state.drain.admit()?;
    if state.store.held() > 0 {
        let message = "Replies cannot be saved: see the log. It is tried again until it works.".into();
        return Err(Problem::Unavailable { message, retry_after_seconds: RETRY_AFTER_SECONDS });
    }
    let store = state.store.clone();
    let asked = state.readiness.ask(state.bounds.ready_again, async move { Ok(store.ready().await?) });
    let unavailable =
        |message: &str| Err(Problem::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS });
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer?,
        Err(_) => return unavailable("The database does not answer."),
    }
    match &state.redis {
        Some(redis) if !redis.is_joined() => unavailable("Redis does not answer: this server goes on alone."),
        Some(redis) if redis.is_deaf() => unavailable("Redis answers, and what others publish there does not come."),
        _ => Ok(()),
    }
}

/// A short stream without content, by which `rivulet doctor` sees whether the proxy hands pieces on as they come.
async fn drip(Extract(state): Extract<State>, Address(address): Address) -> Result<Response, Problem> {
    state.limits.test_stream(address)?;
    let pieces = stream::unfold(0, async |sent| {
        if sent == PIECES {
            return None;
        }
        if 0 < sent {
            sleep(GAP).await;
        }
        Some((Ok::<_, Infallible>(": piece\n\n"), sent + 1))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((STREAMING_HEADERS, kind, Body::from_stream(pieces)).into_response())
}
