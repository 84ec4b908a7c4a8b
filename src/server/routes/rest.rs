//! The REST API under `/api/v1`, and the events of a conversation as SSE.

mod account;
mod forking;
mod messages;
mod preferences;
mod queue;
mod search;
mod standing;
mod tokens;

use super::bulky::Held;
use super::input::{Id, Json, Query};
use super::openapi::{Conflicts, Limited, StreamEvent};
use super::table::Table;
use crate::contract::site::Said;
use crate::contract::{Changes, Sent, object};
use crate::error::Problem;
use crate::event::{Cursor, Snapshot};
use crate::model::{AccountId, Conversation, ConversationId, ImageId, Message, MessageId, Model, Parameters, Usage};
use crate::server::drawing::Senders;
use crate::server::engine::desk::AgentSays;
use crate::server::engine::{self, Parent, Stop};
use crate::server::outlet::Outlet;
use crate::server::principal::ViewerId;
use crate::server::prompt::Prompt;
use crate::server::session::{Account, Reader};
use crate::server::transport::sse;
use crate::server::{State, conversations, usage};
use axum::Json as Answer;
use axum::extract::{Extension, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

pub(super) fn routes() -> Table {
    Table::default()
        .described(routes!(models))
        .described(routes!(used))
        .described(routes!(account::show))
        .described(routes!(preferences::show, preferences::change))
        .described(routes!(tokens::list, tokens::make))
        .described(routes!(tokens::end))
        .described(routes!(search::search))
        .described(routes!(list, create))
        .described(routes!(snapshot, change, delete))
        .described(routes!(forking::fork))
        .described(routes!(standing::place))
        .described(routes!(queue::add))
        .described(routes!(queue::take_back))
        .described(routes!(queue::send_now))
        .described(routes!(standing::read))
        .described(routes!(messages::list, send))
        .described(routes!(messages::tree))
        .described(routes!(messages::show_branch))
        .described(routes!(events))
        .described(routes!(messages::message))
        .described(routes!(messages::text))
        .described(routes!(messages::thinking))
        .described(routes!(messages::reply))
        .described(routes!(stop))
        .described(routes!(retry))
        .described(routes!(resume))
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
struct Listed<T> {
    items: Vec<T>,
    /// The `cursor` of the next page; null on the last.
    next: Option<String>,
}

/// List the models that can be chosen
#[utoipa::path(get, path = "/api/v1/models", operation_id = "listModels", tag = "account",
    responses((status = 200, body = Listed<Model>)))]
async fn models(Extract(state): Extract<State>, _: Reader) -> Answer<Listed<Model>> {
    Answer(Listed { items: state.providers.models(), next: None })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Days {
    /// How many days, including today; 30 by default.
    #[param(minimum = 1, maximum = 366)]
    days: Option<i64>,
}

/// The usage of a model on a day.
#[derive(Serialize, ToSchema)]
struct Used {
    /// The day, in UTC.
    #[schema(format = Date)]
    day: String,
    model: String,
    #[serde(flatten)]
    usage: Usage,
    replies: u64,
}

/// List the account's usage by day and model
///
/// The newest day first. Days without a reply are left out.
#[utoipa::path(get, path = "/api/v1/usage", operation_id = "getUsage", tag = "account", params(Days),
    responses((status = 200, body = Listed<Used>)))]
async fn used(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Query(Days { days }): Query<Days>,
) -> Result<Answer<Listed<Used>>, Problem> {
    let daily = usage::daily(&state, who.account, days.unwrap_or(usage::USUAL_DAYS)).await?;
    let used = daily.into_iter().map(|it| Used { day: it.day, model: it.model, usage: it.usage, replies: it.replies });
    Ok(Answer(Listed { items: used.collect(), next: None }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// The `next` of a previous page.
    cursor: Option<String>,
    /// The page size.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Archived {
    /// Those that were put away instead of the others.
    archived: Option<bool>,
}

/// List the account's conversations
///
/// The most recently changed one comes first. `standing` says of each whether a reply is being written, or has ended unseen,
/// and whether it is pinned.
#[utoipa::path(get, path = "/api/v1/conversations", operation_id = "listConversations", tag = "conversations",
    params(Page, Archived),
    responses((status = 200, body = Listed<Conversation>)))]
async fn list(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Query(page): Query<Page>,
    Query(Archived { archived }): Query<Archived>,
) -> Result<Answer<Listed<Conversation>>, Problem> {
    let (after, is_archived) = (page.cursor.as_deref(), archived.unwrap_or_default());
    let list = conversations::list(&state, who.account, after, page.limit, is_archived).await?;
    Ok(Answer(Listed { items: list.items, next: list.next }))
}

#[derive(Deserialize, ToSchema)]
struct NewConversation {
    /// Chosen by the caller, which makes the request idempotent.
    id: Option<ConversationId>,
    #[schema(max_length = 200, pattern = r"\S")]
    title: Option<String>,
    /// `provider/model`.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// The system prompt; empty for none.
    #[schema(max_length = 32_000)]
    system: Option<String>,
    #[serde(default, deserialize_with = "object::optional")]
    parameters: Option<Parameters>,
}

/// Create a conversation
#[utoipa::path(post, path = "/api/v1/conversations", operation_id = "makeConversation", tag = "conversations",
    request_body = NewConversation,
    responses((status = 201, body = Conversation, description = "Made, now or before"), Conflicts, Limited))]
async fn create(
    Extract(state): Extract<State>,
    Account(account): Account,
    Json(new): Json<NewConversation>,
) -> Result<(StatusCode, Answer<Conversation>), Problem> {
    // Listed one by one: inside a flattened struct, serde does not know which field is wrong.
    let NewConversation { id, title, model, system, parameters } = new;
    let settings = Changes { title, model, system, parameters };
    let conversation = conversations::ensure(&state, account, id.unwrap_or_default(), settings).await?;
    Ok((StatusCode::CREATED, Answer(conversation)))
}

/// Get a conversation
///
/// With its last 50 messages on the branch that is shown, the open reply's draft, and the cursor that all this covers.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", operation_id = "getConversation", tag = "conversations",
    responses((status = 200, body = Snapshot)))]
async fn snapshot(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    held: Held,
    Id(id): Id<ConversationId>,
) -> Result<Answer<Snapshot>, Problem> {
    let snapshot = match conversations::snapshot(&state, who.account, id).await {
        Err(Problem::NotFound) if who.role.may_answer() => {
            conversations::snapshot(&state, ViewerId::Agent(who.account), id).await?
        }
        snapshot => snapshot?,
    };
    held.weigh(&snapshot.messages).await?;
    Ok(Answer(snapshot))
}

/// Change title, model, system prompt or parameters
#[utoipa::path(patch, path = "/api/v1/conversations/{id}", operation_id = "changeConversation", tag = "conversations",
    request_body = Changes,
    responses((status = 200, body = Conversation), Conflicts, Limited))]
async fn change(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(changes): Json<Changes>,
) -> Result<Answer<Conversation>, Problem> {
    Ok(Answer(conversations::change(&state, account, id, changes).await?))
}

/// Delete a conversation with everything in it
///
/// An open reply is stopped first.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}", operation_id = "deleteConversation", tag = "conversations",
    responses((status = 204)))]
async fn delete(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, Problem> {
    conversations::delete(&state, account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
struct NewMessage {
    /// Chosen by the caller, which makes the request idempotent.
    id: Option<MessageId>,
    #[schema(min_length = 1, max_length = 32_000, pattern = r"\S")]
    content: String,
    /// Ids returned by image uploads.
    #[serde(default)]
    #[schema(max_items = 8)]
    images: Vec<ImageId>,
    /// `provider/model`; the conversation's model where absent.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// The reply that this answers: to branch off at an earlier question, the reply before that question, or null for
    /// the first one. Where absent, the last reply that is shown.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<MessageId>)]
    parent: Option<Option<MessageId>>,
    /// For agents: the last message that was seen. Where a colleague has answered since, 409.
    expect: Option<MessageId>,
}

/// Tells null from an absent field.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<MessageId>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Send a message
///
/// An open reply of the conversation is stopped first; its text is kept. Idempotent: a repeated `id` with equal
/// content, images and parent gets the first answer again.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages", operation_id = "sendMessage", tag = "messages",
    request_body = NewMessage,
    responses((status = 202, body = Said), Conflicts, Limited))]
async fn send(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(new): Json<NewMessage>,
) -> Result<Response, Problem> {
    let text = Prompt::parse(new.content)?;
    let (message, is_plain) =
        (new.id.unwrap_or_default(), new.images.is_empty() && new.model.is_none() && new.parent.is_none());
    let says = AgentSays { conversation: id, id: message, text: text.as_str().to_owned(), expect: new.expect };
    let parent = match new.parent {
        None => Parent::Shown,
        Some(None) => Parent::None,
        Some(Some(reply)) => Parent::Reply(reply),
    };
    let said = engine::NewMessage::new(message, text);
    let said = engine::NewMessage { images: new.images, model: new.model, parent, ..said };
    let sent = match state.engine.send(account, id, said).await {
        // In a conversation of a site it is an agent's answer, for those who may answer there.
        Err(Problem::NotFound) => return answer_as_agent(&state, account, says, is_plain).await,
        sent => sent?,
    };
    Ok((StatusCode::ACCEPTED, Answer(sent)).into_response())
}

async fn answer_as_agent(
    state: &State,
    account: AccountId,
    says: AgentSays,
    is_plain: bool,
) -> Result<Response, Problem> {
    let viewer = ViewerId::Agent(account);
    state.store.conversation_for(viewer, says.conversation).await?;
    if !is_plain {
        return Err(Problem::invalid("content", "In a conversation of a site, send the text alone."));
    }
    let said = state.engine.agent_says(account, says).await?;
    Ok((StatusCode::ACCEPTED, Answer(said)).into_response())
}

/// The reply that is being stopped.
#[derive(Serialize, ToSchema)]
struct Stopping {
    reply: MessageId,
}

/// Stop a reply
///
/// Its text is kept. Idempotent, also after the reply's end.
#[utoipa::path(post, path = "/api/v1/replies/{id}/stop", operation_id = "stopReply", tag = "messages", responses(
    (status = 202, body = Stopping, description = "It ends now"),
    (status = 200, body = Message, description = "It had ended before")))]
async fn stop(
    Extract(state): Extract<State>,
    Account(account): Account,
    held: Held,
    Id(reply): Id<MessageId>,
) -> Result<Response, Problem> {
    match state.engine.stop(account, reply).await? {
        Stop::Accepted => Ok((StatusCode::ACCEPTED, Answer(Stopping { reply })).into_response()),
        Stop::Ended(message) => {
            held.weigh(std::slice::from_ref(&message)).await?;
            Ok(Answer(message).into_response())
        }
    }
}

/// Regenerate a reply
///
/// The previous reply is kept, on a branch of its own.
#[utoipa::path(post, path = "/api/v1/replies/{id}/retry", operation_id = "retryReply", tag = "messages",
    responses((status = 202, body = Sent), Limited))]
async fn retry(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(reply): Id<MessageId>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    Ok((StatusCode::ACCEPTED, Answer(state.engine.retry(account, reply).await?)))
}

/// Continue a reply that ended too early
///
/// The result is a reply of its own, which begins with the text that was kept.
#[utoipa::path(post, path = "/api/v1/replies/{id}/continue", operation_id = "continueReply", tag = "messages",
    responses((status = 202, body = Sent), Limited))]
async fn resume(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(reply): Id<MessageId>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    Ok((StatusCode::ACCEPTED, Answer(state.engine.resume(account, reply).await?)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct From {
    /// The cursor, as in `Last-Event-ID`, which takes precedence.
    cursor: Option<String>,
    /// The cursor, as polyfills of `EventSource` send it; `cursor` takes precedence.
    #[serde(rename = "lastEventId")]
    last_event_id: Option<String>,
}

/// Follow a conversation
///
/// Server-Sent Events without an end. Each has an `id`, the cursor that it covers, an `event`, its type, and as `data`
/// an `Event` as JSON. The first is `resumed`, and what follows continues after the cursor that was sent; or it is
/// `snapshot`, which replaces all earlier state. Comments are keep-alives.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/events", operation_id = "followConversation",
    tag = "conversations",
    params(From, ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was seen.")),
    responses((status = 200, body = StreamEvent, content_type = "text/event-stream", description = "Events, see `Event`"), Limited))]
async fn events(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Id(id): Id<ConversationId>,
    Query(from): Query<From>,
    Extension(senders): Extension<Senders>,
    outlet: Option<Extension<Outlet>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cursor = cursor(&headers, from.cursor.or(from.last_event_id).as_deref());
    // In a box of its own: what is over 7 KiB takes the memory of a connection's buffers, and leaves all of it touched.
    Box::pin(sse::follow(&state, who, &senders, id, cursor, outlet.map(|Extension(outlet)| outlet))).await
}

/// The header takes precedence over the query: a browser's EventSource keeps its URL when it reconnects. An invalid
/// cursor counts as absent, and gets a snapshot (promise S4).
pub(super) fn cursor(headers: &HeaderMap, query: Option<&str>) -> Option<Cursor> {
    match headers.get("last-event-id") {
        Some(value) => value.to_str().ok()?.parse().ok(),
        None => query?.parse().ok(),
    }
}
