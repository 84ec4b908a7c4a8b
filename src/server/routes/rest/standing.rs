//! Where conversations stand in the caller's list, and what of them was read.

use crate::contract::Placement;
use crate::error::Problem;
use crate::model::{Conversation, ConversationId, MessageId};
use crate::server::routes::input::{Id, Json};
use crate::server::routes::openapi::{Conflicts, Limited};
use crate::server::session::Account;
use crate::server::{State, standing};
use axum::Json as Answer;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

/// Pin a conversation, or put it away
///
/// In the caller's list only: others who have the conversation see theirs unchanged. What is left out stays as it is.
#[utoipa::path(patch, path = "/api/v1/conversations/{id}/standing", operation_id = "placeConversation",
    tag = "conversations", request_body = Placement,
    responses((status = 200, body = Conversation), Conflicts, Limited))]
pub(super) async fn place(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(placement): Json<Placement>,
) -> Result<Answer<Conversation>, Problem> {
    standing::place(&state, account, id, placement).await.map(Answer)
}

/// What was seen.
#[derive(Deserialize, ToSchema)]
pub(super) struct Read {
    /// The newest reply whose end was seen.
    reply: MessageId,
}

/// Say that a reply was read
///
/// And with it everything that ended before. The caller's other tabs and devices no longer mark the conversation as unread.
#[utoipa::path(put, path = "/api/v1/conversations/{id}/read", operation_id = "readConversation",
    tag = "conversations", request_body = Read, responses((status = 204), Limited))]
pub(super) async fn read(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(Read { reply }): Json<Read>,
) -> Result<StatusCode, Problem> {
    standing::read(&state, account, id, reply).await?;
    Ok(StatusCode::NO_CONTENT)
}
