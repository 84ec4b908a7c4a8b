//! Messages that wait for the end of a reply.

use crate::contract::{Later, Sent};
use crate::error::Problem;
use crate::model::{ConversationId, MessageId, Queued};
use crate::server::routes::input::{Id, Ids, Json};
use crate::server::routes::openapi::{Conflicts, Limited};
use crate::server::session::Account;
use crate::server::{State, queue};
use axum::Json as Answer;
use axum::extract::State as Extract;
use axum::http::StatusCode;

/// Send a message when the open reply is done
///
/// It waits under the open reply, seen by all who may read here, and is sent by itself when that has ended as `done`; rights and
/// limits are asked then. After any other end it waits on. One of each account waits in a conversation. Idempotent by its `id`.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/queue", operation_id = "queueMessage", tag = "messages",
    request_body = Later, responses((status = 202, body = Queued), Conflicts, Limited))]
pub(super) async fn add(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(later): Json<Later>,
) -> Result<(StatusCode, Answer<Queued>), Problem> {
    let queued = queue::queue(&state, account, id, later).await?;
    Ok((StatusCode::ACCEPTED, Answer(queued)))
}

/// Take a waiting message back
///
/// Its author may, and the conversation's owner.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/queue/{message}", operation_id = "takeBackMessage",
    tag = "messages", params(("message" = MessageId, Path)), responses((status = 204)))]
pub(super) async fn take_back(
    Extract(state): Extract<State>,
    Account(account): Account,
    Ids(id, message): Ids<ConversationId, MessageId>,
) -> Result<StatusCode, Problem> {
    queue::take_back(&state, account, id, message).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a waiting message now
///
/// As if it were sent at this time: an open reply is stopped first.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/queue/{message}/send", operation_id = "sendQueuedMessage",
    tag = "messages", params(("message" = MessageId, Path)), responses((status = 202, body = Sent), Conflicts, Limited))]
pub(super) async fn send_now(
    Extract(state): Extract<State>,
    Account(account): Account,
    Ids(id, message): Ids<ConversationId, MessageId>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let sent = queue::send_now(&state, account, id, message).await?;
    Ok((StatusCode::ACCEPTED, Answer(sent)))
}
