//! Reading messages and replies, and the branches of a conversation.

use super::{Listed, Page};
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{ConversationId, Message, MessageId, Role, Status};
use crate::server::messages::End;
use crate::server::principal::{Viewer, ViewerId};
use crate::server::routes::bulky::Held;
use crate::server::routes::input::{Id, Json, Query};
use crate::server::routes::openapi::{Conflicts, Limited};
use crate::server::session::{Account, Reader};
use crate::server::store::branches::Node;
use crate::server::{State, branches, messages};
use axum::Json as Answer;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Get a message, or a reply as far as it has come
#[utoipa::path(get, path = "/api/v1/messages/{id}", operation_id = "getMessage", tag = "messages",
    responses((status = 200, body = Message)))]
pub(super) async fn message(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    held: Held,
    Id(id): Id<MessageId>,
) -> Result<Answer<Message>, Problem> {
    Ok(Answer(whole(&state, who.account.into(), &held, id).await?))
}

/// The message, once there is room in memory for its answer.
async fn whole(state: &State, viewer: ViewerId, held: &Held, id: MessageId) -> Result<Message, Problem> {
    let message = messages::message(state, viewer, id).await?;
    held.weigh(std::slice::from_ref(&message)).await?;
    Ok(message)
}

/// Get all of a message's text, as plain text
///
/// Of a reply as far as it has come. Pages show the beginning of a very long text, and link to this.
#[utoipa::path(get, path = "/api/v1/messages/{id}/text", operation_id = "getText", tag = "messages",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn text(
    Extract(state): Extract<State>,
    viewer: Viewer,
    held: Held,
    Id(id): Id<MessageId>,
) -> Result<String, Problem> {
    Ok(whole(&state, viewer.id(), &held, id).await?.text)
}

/// Get all of a reply's thinking, as plain text
///
/// As far as it has come. Pages show the beginning of a very long text, and link to this.
#[utoipa::path(get, path = "/api/v1/messages/{id}/thinking", operation_id = "getThinking", tag = "messages",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn thinking(
    Extract(state): Extract<State>,
    viewer: Viewer,
    held: Held,
    Id(id): Id<MessageId>,
) -> Result<String, Problem> {
    Ok(whole(&state, viewer.id(), &held, id).await?.thinking)
}

/// Get a reply as far as it has come
#[utoipa::path(get, path = "/api/v1/replies/{id}", operation_id = "getReply", tag = "messages",
    responses((status = 200, body = Message)))]
pub(super) async fn reply(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    held: Held,
    Id(id): Id<MessageId>,
) -> Result<Answer<Message>, Problem> {
    let message = messages::reply(&state, who.account, id).await?;
    held.weigh(std::slice::from_ref(&message)).await?;
    Ok(Answer(message))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Earlier {
    /// The `next` of a previous page.
    cursor: Option<MessageId>,
    /// The last message of the path to list, on any branch; the one that is shown where absent.
    leaf: Option<MessageId>,
    /// The page size.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the messages of a conversation, from its end backwards
///
/// A page is in chronological order; the next page comes before it.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", operation_id = "listMessages", tag = "messages",
    params(Earlier),
    responses((status = 200, body = Listed<Message>)))]
pub(super) async fn list(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    held: Held,
    Id(id): Id<ConversationId>,
    Query(page): Query<Earlier>,
) -> Result<Answer<Listed<Message>>, Problem> {
    let end = match (page.cursor, page.leaf) {
        (Some(cursor), _) => End::Before(cursor),
        (None, Some(leaf)) => End::With(leaf),
        (None, None) => End::Shown,
    };
    let (items, next) = messages::page(&state, who.account, id, end, page.limit).await?;
    held.weigh(&items).await?;
    Ok(Answer(Listed { items, next: next.map(|next| next.to_string()) }))
}

/// A message's place in the tree, without its text.
#[derive(Serialize, ToSchema)]
pub(super) struct TreeNode {
    id: MessageId,
    /// The message that it answers; null for one that begins the conversation.
    parent: Option<MessageId>,
    role: Role,
    status: Status,
    /// The beginning of its text.
    beginning: String,
    created_at: String,
    /// Whether it is on the branch that is shown.
    shown: bool,
}

impl From<Node> for TreeNode {
    fn from(node: Node) -> Self {
        let Node { id, parent, role, status, beginning, created_at, shown, position: _ } = node;
        Self { id, parent, role, status, beginning, created_at, shown }
    }
}

/// List all messages of a conversation, on all branches
///
/// In order of creation. Messages with equal `parent` are sibling branches.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/tree", operation_id = "getTree", tag = "messages", params(Page),
    responses((status = 200, body = Listed<TreeNode>)))]
pub(super) async fn tree(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Id(id): Id<ConversationId>,
    Query(page): Query<Page>,
) -> Result<Answer<Listed<TreeNode>>, Problem> {
    let (nodes, next) = branches::tree(&state, who.account, id, page.cursor.as_deref(), page.limit).await?;
    Ok(Answer(Listed { items: nodes.into_iter().map(TreeNode::from).collect(), next }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Branch {
    /// A message of the branch. The newest message below it becomes the branch's end.
    message: MessageId,
}

/// Choose the branch that is shown
///
/// For all viewers of the conversation, until a newer message comes. Not while a reply is open.
#[utoipa::path(put, path = "/api/v1/conversations/{id}/branch", operation_id = "showBranch", tag = "messages",
    request_body = Branch,
    responses((status = 200, body = Snapshot), Conflicts, Limited))]
pub(super) async fn show_branch(
    Extract(state): Extract<State>,
    Account(account): Account,
    held: Held,
    Id(id): Id<ConversationId>,
    Json(Branch { message }): Json<Branch>,
) -> Result<Answer<Snapshot>, Problem> {
    let snapshot = branches::show(&state, account, id, message).await?;
    held.weigh(&snapshot.messages).await?;
    Ok(Answer(snapshot))
}
