//! A conversation that begins with what was said in another one.

use crate::contract::Fork;
use crate::error::Problem;
use crate::model::{Conversation, ConversationId};
use crate::server::State;
use crate::server::conversations::forking;
use crate::server::routes::input::{Id, Json};
use crate::server::routes::openapi::{Conflicts, Limited};
use crate::server::session::Account;
use axum::Json as Answer;
use axum::extract::State as Extract;
use axum::http::StatusCode;

/// Copy a conversation into a new one
///
/// The new one is the caller's own, and begins with all messages on the way to `message`, up to the last reply that has
/// ended. The caller needs to be able to read the other one. Idempotent where `id` is given.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/fork", operation_id = "forkConversation",
    tag = "conversations", request_body = Fork,
    responses((status = 201, body = Conversation), (status = 200, body = Conversation, description = "It was there"),
        Conflicts, Limited))]
pub(super) async fn fork(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(fork): Json<Fork>,
) -> Result<(StatusCode, Answer<Conversation>), Problem> {
    let (conversation, is_new) = forking::fork(&state, account, id, fork).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(conversation)))
}
