//! All data of an account, for a browser that is signed in, a guest's too, and for a token that may write: a token for
//! reading is not meant to give access to all of a user's data at once.

use super::openapi::Limited;
use super::table::Table;
use crate::error::Problem;
use crate::server::problem::ProblemPage;
use crate::server::session::Caller;
use crate::server::{State, export};
use axum::body::Body;
use axum::extract::State as Extract;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::routes;

pub(super) fn routes() -> Table {
    Table::default().route("/account/export", get(page)).described(routes!(api))
}

async fn page(Extract(state): Extract<State>, caller: Caller) -> Result<Response, ProblemPage> {
    Ok(archive(state, caller).await?)
}

/// Export all of the account's data as a zip archive
///
/// Conversations as JSON and as Markdown, images, usage, and the account itself. Not for a read-only token.
#[utoipa::path(get, path = "/api/v1/account/export", operation_id = "exportAccount", tag = "account",
    responses((status = 200, content_type = "application/zip", body = Vec<u8>), Limited))]
async fn api(Extract(state): Extract<State>, caller: Caller) -> Result<Response, Problem> {
    archive(state, caller).await
}

async fn archive(state: State, caller: Caller) -> Result<Response, Problem> {
    let bytes = export::begin(&state, caller.writing()?).await?;
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"rivulet-{today}.zip\"")),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}
