//! The caller's account.

use crate::error::Problem;
use crate::model::AccountId;
use crate::server::State;
use crate::server::principal::Credential;
use crate::server::principal::Scope;
use crate::server::session::Reader;
use axum::Json as Answer;
use axum::extract::State as Extract;
use serde::Serialize;
use utoipa::ToSchema;

/// The caller's account.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    id: AccountId,
    /// Null for a guest.
    name: Option<String>,
    /// `member`, `agent` or `admin`.
    role: &'static str,
    guest: bool,
    /// The scope of the caller's token: `read`, or `write`, which is both. A browser may do both.
    scope: &'static str,
    created_at: String,
}

/// Get the caller's account
#[utoipa::path(get, path = "/api/v1/account", operation_id = "getAccount", tag = "account",
    responses((status = 200, body = Me)))]
pub(super) async fn show(Extract(state): Extract<State>, Reader(who): Reader) -> Result<Answer<Me>, Problem> {
    let account = state.store.account(who.account).await?;
    let scope = match who.by {
        Credential::Token(_, scope) => scope,
        Credential::Session(_) => Scope::Write,
    };
    Ok(Answer(Me {
        id: account.id,
        guest: account.name.is_none(),
        name: account.name,
        role: account.role.name(),
        scope: scope.name(),
        created_at: account.created_at,
    }))
}
