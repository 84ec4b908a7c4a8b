//! The REST API under `/api/v1`, and the events of a conversation as SSE.

use super::input::{Id, Json, Query};
use super::table::Table;
use crate::api::{Changes, Sent};
use crate::error::Problem;
use crate::event::{Cursor, Snapshot};
use crate::model::{Conversation, ConversationId, ImageId, MessageId, Usage};
use crate::server::engine::Stop;
use crate::server::limits::Prompt;
use crate::server::session::{Account, Reader};
use crate::server::transport::sse;
use crate::server::{State, conversations, usage};
use axum::Json as Answer;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

pub(super) fn routes() -> Table {
    Table::default()
        .route("/api/v1/models", get(models))
        .route("/api/v1/usage", get(used))
        .route("/api/v1/conversations", get(list).post(create))
        .route("/api/v1/conversations/{id}", get(snapshot).patch(change).delete(delete))
        .route("/api/v1/conversations/{id}/messages", post(send))
        .route("/api/v1/conversations/{id}/events", get(events))
        .route("/api/v1/replies/{id}/stop", post(stop))
        .route("/api/v1/replies/{id}/retry", post(retry))
        .route("/api/v1/replies/{id}/continue", post(resume))
}

/// A page of a list; `next` is the `cursor` of the next page.
#[derive(Serialize)]
struct Listed<T> {
    items: Vec<T>,
    next: Option<String>,
}

async fn models(Extract(state): Extract<State>, _: Reader) -> Result<Response, Problem> {
    Ok(Answer(Listed { items: state.providers.models(), next: None }).into_response())
}

#[derive(Deserialize)]
struct Days {
    days: Option<i64>,
}

#[derive(Serialize)]
struct Used {
    day: String,
    model: String,
    #[serde(flatten)]
    usage: Usage,
    replies: u64,
}

async fn used(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Query(Days { days }): Query<Days>,
) -> Result<Answer<Listed<Used>>, Problem> {
    let daily = usage::daily(&state, who.account, days.unwrap_or(usage::USUAL_DAYS)).await?;
    let used = daily.into_iter().map(|it| Used { day: it.day, model: it.model, usage: it.usage, replies: it.replies });
    Ok(Answer(Listed { items: used.collect(), next: None }))
}

#[derive(Deserialize)]
struct Page {
    cursor: Option<String>,
    limit: Option<i64>,
}

async fn list(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Query(page): Query<Page>,
) -> Result<Answer<Listed<Conversation>>, Problem> {
    let list = conversations::list(&state, who.account, page.cursor.as_deref(), page.limit).await?;
    Ok(Answer(Listed { items: list.items, next: list.next }))
}

#[derive(Deserialize)]
struct NewConversation {
    id: Option<ConversationId>,
    #[serde(flatten)]
    settings: Changes,
}

async fn create(
    Extract(state): Extract<State>,
    Account(account): Account,
    Json(new): Json<NewConversation>,
) -> Result<(StatusCode, Answer<Conversation>), Problem> {
    let id = new.id.unwrap_or_default();
    let conversation = conversations::ensure(&state, account, id, new.settings).await?;
    Ok((StatusCode::CREATED, Answer(conversation)))
}

async fn snapshot(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Id(id): Id<ConversationId>,
) -> Result<Answer<Snapshot>, Problem> {
    Ok(Answer(conversations::snapshot(&state, who.account, id).await?))
}

async fn change(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(changes): Json<Changes>,
) -> Result<Answer<Conversation>, Problem> {
    Ok(Answer(conversations::change(&state, account, id, changes).await?))
}

async fn delete(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, Problem> {
    conversations::delete(&state, account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct NewMessage {
    id: Option<MessageId>,
    content: String,
    #[serde(default)]
    images: Vec<ImageId>,
    model: Option<String>,
}

async fn send(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(new): Json<NewMessage>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let text = Prompt::parse(new.content)?;
    let message = new.id.unwrap_or_default();
    let sent = state.engine.send(account, id, message, text, new.images, new.model).await?;
    Ok((StatusCode::ACCEPTED, Answer(sent)))
}

/// 202 while the reply is open, 200 with the reply when it had ended already.
async fn stop(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(reply): Id<MessageId>,
) -> Result<Response, Problem> {
    match state.engine.stop(account, reply).await? {
        Stop::Accepted => Ok((StatusCode::ACCEPTED, Answer(serde_json::json!({ "reply": reply }))).into_response()),
        Stop::Ended(message) => Ok(Answer(message).into_response()),
    }
}

async fn retry(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(reply): Id<MessageId>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    Ok((StatusCode::ACCEPTED, Answer(state.engine.retry(account, reply).await?)))
}

async fn resume(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(reply): Id<MessageId>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    Ok((StatusCode::ACCEPTED, Answer(state.engine.resume(account, reply).await?)))
}

#[derive(Deserialize)]
struct From {
    cursor: Option<String>,
}

async fn events(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Id(id): Id<ConversationId>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sse::follow(&state, who, id, cursor(&headers, from.cursor.as_deref())).await
}

/// The header wins over the query: a browser's EventSource keeps the address it was opened with when it reconnects.
/// What is no cursor of ours is none, and gets a snapshot (promise S4).
fn cursor(headers: &HeaderMap, query: Option<&str>) -> Option<Cursor> {
    match headers.get("last-event-id") {
        Some(value) => value.to_str().ok()?.parse().ok(),
        None => query?.parse().ok(),
    }
}
