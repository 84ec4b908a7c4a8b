//! API tokens. Only a browser that is signed in creates and revokes them: a token that could create another would
//! outlive its own revocation.

use super::Listed;
use crate::error::Problem;
use crate::server::principal::Scope;
use crate::server::routes::input::{Id, Json};
use crate::server::routes::openapi::Limited;
use crate::server::secret::Hash;
use crate::server::session::{Reader, SignedIn};
use crate::server::store::tokens::Token;
use crate::server::{State, accounts};
use axum::Json as Answer;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiToken {
    /// 64 hexadecimal digits.
    id: String,
    /// The token's purpose.
    name: String,
    /// `read`, or `write`, which is both.
    scope: &'static str,
    created_at: String,
    last_used_at: Option<String>,
}

impl From<Token> for ApiToken {
    fn from(token: Token) -> Self {
        Self {
            id: token.hash.to_string(),
            name: token.name,
            scope: token.scope.name(),
            created_at: token.created_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// List the account's tokens
///
/// The newest first. The secrets are not stored.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "listTokens", tag = "account",
    responses((status = 200, body = Listed<ApiToken>)))]
pub(super) async fn list(
    Extract(state): Extract<State>,
    Reader(who): Reader,
) -> Result<Answer<Listed<ApiToken>>, Problem> {
    let tokens = state.store.tokens(who.account).await?;
    Ok(Answer(Listed { items: tokens.into_iter().map(ApiToken::from).collect(), next: None }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewToken {
    /// The token's purpose.
    #[schema(min_length = 1, max_length = 60, pattern = r"\S")]
    name: String,
    /// `read`, or `write`, which is both.
    #[schema(pattern = "^(read|write)$")]
    scope: String,
}

/// A new token. Its secret is in this answer only.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    id: String,
    /// Send it as `Authorization: Bearer …`.
    token: String,
}

/// Create a token
///
/// Only with the cookie of a browser that is signed in.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "makeToken", tag = "account", request_body = NewToken,
    security(("cookie" = [])),
    responses((status = 201, body = MadeToken), Limited))]
pub(super) async fn make(
    Extract(state): Extract<State>,
    SignedIn(who): SignedIn,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, Answer<MadeToken>), Problem> {
    let scope =
        Scope::parse(&new.scope).ok_or_else(|| Problem::invalid("scope", "A token's scope is read or write."))?;
    let token = accounts::make_token(&state, who.account, &new.name, scope).await?;
    Ok((StatusCode::CREATED, Answer(MadeToken { id: Hash::of(&token).to_string(), token })))
}

/// Revoke a token
///
/// Only with the cookie of a browser that is signed in. Its open streams end within a second.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revokeToken", tag = "account",
    security(("cookie" = [])),
    params(("id" = String, Path, description = "Of the token, as the list has it", pattern = "^[0-9a-f]{64}$")),
    responses((status = 204)))]
pub(super) async fn end(
    Extract(state): Extract<State>,
    SignedIn(who): SignedIn,
    Id(token): Id<Hash>,
) -> Result<StatusCode, Problem> {
    accounts::end_token(&state, who.account, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
