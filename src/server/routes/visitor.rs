//! What visitors of a site may request: this table and nothing else. No credential counts here but a visitor's, and a visitor's
//! counts nowhere else.

mod page;
mod who;

use super::input::{Ids, Json, Query};
use super::table::Table;
use super::{bulky, csrf, streams, whole};
use crate::contract::site::Said;
use crate::error::Problem;
use crate::event::{Cursor, List, Snapshot};
use crate::model::{AssignmentState, ConversationId, Message, MessageId, SiteId};
use crate::server::drawing::Senders;
use crate::server::engine::desk::VisitorSays;
use crate::server::principal::ViewerId;
use crate::server::prompt::Prompt;
use crate::server::store::desk::entering::NewVisitor;
use crate::server::store::revocations::Revoked;
use crate::server::task::owned;
use crate::server::transport::{Permit, sse};
use crate::server::{State, conversations, desk};
use axum::extract::{Extension, State as Extract};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json as Answer, Router};
pub(super) use page::rendered;
use serde::{Deserialize, Serialize};
use who::Asker;

/// Streams that a visitor may have open.
const STREAMS: u32 = 5;
/// A page's path, and a locale, are short. What is longer is cut.
const MAX_PAGE: usize = 300;
const MAX_LOCALE: usize = 35;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/w/{site}", get(page::front))
        .route("/w/{site}/c/{id}", get(page::conversation))
        .route("/w/{site}/say", post(page::say))
        .route("/w/{site}/change", post(page::change))
        .route("/w/{site}/conversations", get(list).post(begin))
        .route("/w/{site}/conversations/{id}", get(snapshot).delete(delete))
        .route("/w/{site}/conversations/{id}/messages", get(earlier).post(send))
        .route("/w/{site}/conversations/{id}/events", get(events))
        .route("/w/{site}/conversations/{id}/handoff", post(ask_for_a_person))
        .route("/w/{site}/conversations/{id}/assistant", post(go_on))
        .route("/w/{site}/conversations/{id}/close", post(close))
        .route("/w/{site}/replies/{id}/stop", post(stop))
        .route("/w/{site}/replies/{id}/retry", post(retry))
        .route("/w/{site}/forget", post(forget))
}

/// The routes, without the app's sessions and tokens.
pub(super) fn router(state: &State) -> Router<State> {
    let (router, _, _) = routes().into_parts();
    router
        // What is not listed is not there, whatever credential comes with it.
        .route("/w/{site}/{*rest}", any(|| async { Problem::NotFound }))
        .method_not_allowed_fallback(|| async { Problem::Method })
        .layer(from_fn(streams::take_out))
        .layer(from_fn_with_state(state.clone(), bulky::hold))
        .layer(from_fn(whole::first))
        .layer(csrf(state))
        .layer(from_fn(unlisted))
}

/// Nothing here is indexed, and no link tells where it was.
async fn unlisted(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let robots = HeaderValue::from_static("noindex, nofollow");
    response.headers_mut().insert(HeaderName::from_static("x-robots-tag"), robots);
    response
}

async fn list(Extract(state): Extract<State>, asker: Asker) -> Result<Answer<List>, Problem> {
    let call = asker.known(&state).await?;
    let visitor = call.visitor.as_ref().ok_or(Problem::NotFound)?;
    let own = state.store.conversations_of_visitor(visitor.id, conversations::PAGE).await?;
    let items = own.into_iter().map(|own| own.shown()).collect();
    Ok(Answer(List { items, next: None, cursor: Cursor { epoch: 0, seq: 0 }, preferences: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    id: Option<MessageId>,
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewConversation {
    id: Option<ConversationId>,
    message: NewMessage,
    page: Option<String>,
    referrer: Option<String>,
    locale: Option<String>,
}

/// What a new conversation answers.
#[derive(Serialize)]
struct Begun {
    conversation: ConversationId,
    #[serde(flatten)]
    said: Said,
}

/// The address without query and fragment, which may hold what is nobody's business.
fn bare(address: Option<String>, most: usize) -> Option<String> {
    let address = address?;
    let bare = address.split(['?', '#']).next().unwrap_or_default();
    let shown = bare.chars().filter(|letter| !letter.is_control() && !crate::markdown::is_hidden(*letter));
    Some(shown.take(most).collect())
}

async fn begin(
    Extract(state): Extract<State>,
    asker: Asker,
    Json(new): Json<NewConversation>,
) -> Result<(StatusCode, Answer<Begun>), Problem> {
    let begins = NewVisitor {
        locale: bare(new.locale, MAX_LOCALE),
        page: bare(new.page, MAX_PAGE),
        referrer: bare(new.referrer, MAX_PAGE),
    };
    let conversation = new.id.unwrap_or_default();
    let said = say(&state, &asker, conversation, new.message, Some(begins)).await?;
    Ok((StatusCode::CREATED, Answer(Begun { conversation, said })))
}

async fn send(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, id): Ids<SiteId, ConversationId>,
    Json(new): Json<NewMessage>,
) -> Result<(StatusCode, Answer<Said>), Problem> {
    Ok((StatusCode::ACCEPTED, Answer(say(&state, &asker, id, new, None).await?)))
}

/// Says it, and answers as the visitor sees it.
async fn say(
    state: &State,
    asker: &Asker,
    conversation: ConversationId,
    new: NewMessage,
    begins: Option<NewVisitor>,
) -> Result<Said, Problem> {
    let call = match begins {
        Some(_) => asker.call(state).await?,
        None => asker.known(state).await?,
    };
    let text = Prompt::parse(new.content)?.into_text();
    let says = VisitorSays { conversation, id: new.id.unwrap_or_default(), text, begins };
    let said = state.engine.visitor_says(call, says).await?;
    Ok(desk::eyes(state, asker.site).await?.said(said))
}

async fn snapshot(
    Extract(state): Extract<State>,
    asker: Asker,
    held: bulky::Held,
    Ids(_, id): Ids<SiteId, ConversationId>,
) -> Result<Answer<Snapshot>, Problem> {
    let call = asker.known(&state).await?;
    let snapshot = conversations::snapshot(&state, ViewerId::Visitor(call.token), id).await?;
    held.weigh(&snapshot.messages).await?;
    Ok(Answer(snapshot))
}

async fn delete(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, id): Ids<SiteId, ConversationId>,
) -> Result<StatusCode, Problem> {
    let call = asker.known(&state).await?;
    let stored = state.store.conversation_for(ViewerId::Visitor(call.token), id).await?;
    desk::delete_conversation(&state, stored.owner.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Before {
    before: MessageId,
}

/// Messages before those of the snapshot.
#[derive(Serialize)]
struct Earlier {
    items: Vec<Message>,
    earlier: bool,
}

async fn earlier(
    Extract(state): Extract<State>,
    asker: Asker,
    held: bulky::Held,
    Ids(_, id): Ids<SiteId, ConversationId>,
    Query(Before { before }): Query<Before>,
) -> Result<Answer<Earlier>, Problem> {
    let call = asker.known(&state).await?;
    let viewer = ViewerId::Visitor(call.token);
    let (items, earlier) = conversations::earlier(&state, viewer, id, before).await?;
    held.weigh(&items).await?;
    Ok(Answer(Earlier { items, earlier }))
}

#[derive(Deserialize)]
struct From {
    cursor: Option<String>,
}

async fn events(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, id): Ids<SiteId, ConversationId>,
    Query(from): Query<From>,
    senders: Option<Extension<Senders>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let call = asker.known(&state).await?;
    let account = call.visitor.as_ref().ok_or(Problem::NotFound)?.account;
    let permit = Permit::for_visitor(&state, account, STREAMS).await?;
    let cursor = super::rest::cursor(&headers, from.cursor.as_deref());
    let senders = senders.map(|Extension(senders)| senders);
    Box::pin(sse::follow_as_visitor(&state, (call.token, permit), senders.as_ref(), id, cursor)).await
}

async fn changed(
    state: State,
    asker: Asker,
    id: ConversationId,
    to: AssignmentState,
) -> Result<Answer<crate::model::Assignment>, Problem> {
    let call = asker.known(&state).await?;
    let assigned = state.engine.visitor_changes(call, id, to).await?;
    Ok(Answer(desk::eyes(&state, asker.site).await?.assigned(&assigned)))
}

async fn ask_for_a_person(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, id): Ids<SiteId, ConversationId>,
) -> Result<Answer<crate::model::Assignment>, Problem> {
    changed(state, asker, id, AssignmentState::Waiting).await
}

async fn go_on(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, id): Ids<SiteId, ConversationId>,
) -> Result<Answer<crate::model::Assignment>, Problem> {
    changed(state, asker, id, AssignmentState::Assistant).await
}

async fn close(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, id): Ids<SiteId, ConversationId>,
) -> Result<Answer<crate::model::Assignment>, Problem> {
    changed(state, asker, id, AssignmentState::Closed).await
}

async fn stop(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, reply): Ids<SiteId, MessageId>,
) -> Result<StatusCode, Problem> {
    let call = asker.known(&state).await?;
    state.engine.visitor_stops(call, reply).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn retry(
    Extract(state): Extract<State>,
    asker: Asker,
    Ids(_, reply): Ids<SiteId, MessageId>,
) -> Result<(StatusCode, Answer<Said>), Problem> {
    let call = asker.known(&state).await?;
    let said = state.engine.visitor_retries(call, reply).await?;
    Ok((StatusCode::ACCEPTED, Answer(desk::eyes(&state, asker.site).await?.said(said))))
}

/// This browser is recognised no more.
async fn forget(Extract(state): Extract<State>, asker: Asker) -> Result<Response, Problem> {
    let call = asker.known(&state).await?;
    let (store, token) = (state.store.clone(), call.token);
    owned(async move { Ok(store.forget_visitor(token).await?) }).await?;
    state.grants.revoke(Revoked::Visitor(token));
    let gone = who::no_cookie(&state, asker.site)?;
    let to = HeaderValue::from_str(&format!("/w/{}", asker.site)).map_err(|_| Problem::Internal)?;
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, gone), (header::LOCATION, to)]).into_response())
}
