//! What the caller's account has chosen for its browsers, and tells models.

use crate::contract::PreferencesChange;
use crate::error::Problem;
use crate::model::Preferences;
use crate::server::routes::input::Json;
use crate::server::routes::openapi::Limited;
use crate::server::session::{Account, Reader};
use crate::server::{State, preferences};
use axum::Json as Answer;
use axum::extract::State as Extract;

/// Get the account's settings
///
/// How its browsers show Rivulet, and its own instructions: what models are told in every conversation where this account
/// asks, before what the conversation says.
#[utoipa::path(get, path = "/api/v1/settings", operation_id = "getSettings", tag = "account",
    responses((status = 200, body = Preferences)))]
pub(super) async fn show(Extract(state): Extract<State>, Reader(who): Reader) -> Result<Answer<Preferences>, Problem> {
    preferences::all(&state, who.account).await.map(Answer)
}

/// Change the account's settings
///
/// What is left out stays as it is. The account's open pages are told, and follow at once.
#[utoipa::path(patch, path = "/api/v1/settings", operation_id = "changeSettings", tag = "account",
    request_body = PreferencesChange, responses((status = 200, body = Preferences), Limited))]
pub(super) async fn change(
    Extract(state): Extract<State>,
    Account(account): Account,
    Json(change): Json<PreferencesChange>,
) -> Result<Answer<Preferences>, Problem> {
    preferences::change(&state, account, change).await.map(Answer)
}
