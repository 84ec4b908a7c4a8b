//! `/metrics`, for the operator: it exists only with a token in the settings, and answers only to that token.

use super::table::Table;
use crate::error::Problem;
use crate::server::State;
use crate::server::metrics::Readings;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> Table {
    Table::default().route("/metrics", get(metrics))
}

async fn metrics(Extract(state): Extract<State>, headers: HeaderMap) -> Result<Response, Problem> {
    let token = state.settings.metrics_token.as_ref().ok_or(Problem::NotFound)?;
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if !sent.is_some_and(|sent| same(sent, token.expose_secret())) {
        return Err(Problem::Unknown);
    }
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text(&state)).into_response())
}

/// The answer of `/metrics`.
pub fn text(state: &State) -> String {
    state.metrics.text(&readings(state))
}

fn readings(state: &State) -> Readings {
    let journals = state.journals.size();
    Readings {
        open_replies: state.engine.open_replies(),
        stateless_answers: state.engine.visits(),
        unsaved_replies: state.store.held(),
        followers: state.limits.open_streams(),
        sockets: state.sockets.count(),
        journals: journals.topics,
        journal_entries: journals.entries,
        journal_bytes: journals.bytes,
        node: state.store.has_nodes().then(|| state.store.process().to_owned()),
    }
}

/// Compared as hashes, so that the time it takes reveals nothing about the token.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}
