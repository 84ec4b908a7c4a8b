//! The site's page, and its forms, which work without code in the browser.

use super::who::{self, Asker};
use crate::error::Problem;
use crate::event::Snapshot;
use crate::markdown;
use crate::model::{AssignmentState, ConversationId, MessageId, Role, SiteId};
use crate::server::engine::desk::VisitorSays;
use crate::server::html::conversation::Shown;
use crate::server::html::visitor::Page;
use crate::server::principal::ViewerId;
use crate::server::problem::ProblemPage;
use crate::server::prompt::Prompt;
use crate::server::routes::input::{Form, Ids};
use crate::server::store::desk::entering::NewVisitor;
use crate::server::{State, conversations, nul};
use axum::extract::State as Extract;
use axum::http::{HeaderMap, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

/// Conversations that the page lists.
const LISTED: i64 = 20;

pub(super) async fn front(
    Extract(state): Extract<State>,
    asker: Asker,
    headers: HeaderMap,
) -> Result<Response, ProblemPage> {
    draw(&state, &asker, &headers, (None, None, String::new())).await
}

pub(super) async fn conversation(
    Extract(state): Extract<State>,
    asker: Asker,
    headers: HeaderMap,
    ids: Result<Ids<SiteId, ConversationId>, Problem>,
) -> Result<Response, ProblemPage> {
    let Ids(_, id) = ids?;
    draw(&state, &asker, &headers, (Some(id), None, String::new())).await
}

/// The page, perhaps with what went wrong and what was typed.
async fn draw(
    state: &State,
    asker: &Asker,
    headers: &HeaderMap,
    (id, problem, typed): (Option<ConversationId>, Option<Problem>, String),
) -> Result<Response, ProblemPage> {
    let site = state.store.site(asker.site).await?.site;
    if site.is_disabled {
        return Err(Problem::NotFound.into());
    }
    let call = match asker.known(state).await {
        Ok(call) => Some(call),
        // Nobody is known yet.
        Err(Problem::NotFound) => None,
        Err(problem) => return Err(problem.into()),
    };
    let (snapshot, own) = match (&call, id) {
        (Some(call), id) => {
            let visitor = call.visitor.as_ref().ok_or(Problem::NotFound)?;
            let own = state.store.conversations_of_visitor(visitor.id, LISTED).await?;
            let viewer = ViewerId::Visitor(call.token);
            let snapshot = match id {
                Some(id) => Some(conversations::snapshot(state, viewer, id).await?),
                None => None,
            };
            (snapshot, own)
        }
        (None, Some(_)) => return Err(Problem::NotFound.into()),
        (None, None) => (None, Vec::new()),
    };
    let shown = match &snapshot {
        Some(snapshot) => rendered(snapshot).await?,
        None => Vec::new(),
    };
    let page = Page { site, snapshot, shown, own, problem, typed };
    let cookie = who::cookie_of(state, headers, asker.site)?;
    Ok((AppendHeaders([(header::SET_COOKIE, cookie)]), page).into_response())
}

/// What is drawn of each message. The texts of models and agents are rendered as everywhere; a visitor's is shown as it is.
pub(in crate::server::routes) async fn rendered(snapshot: &Snapshot) -> Result<Vec<Shown>, Problem> {
    let messages = snapshot.messages.clone();
    let draw = move || {
        let one = |message: crate::model::Message| {
            let html = (message.role != Role::User).then(|| markdown::render(markdown::shown(&message.text)));
            Shown { message, html }
        };
        messages.into_iter().map(one).collect()
    };
    tokio::task::spawn_blocking(draw).await.map_err(|error| {
        tracing::error!(%error, "A visitor's page could not be rendered");
        Problem::Internal
    })
}

#[derive(Deserialize)]
pub(super) struct Says {
    conversation: Option<ConversationId>,
    /// The id of the conversation that it begins, drawn with the page: sent twice it is one.
    begins: Option<ConversationId>,
    message: Option<MessageId>,
    text: String,
}

/// The form of a message.
pub(super) async fn say(
    Extract(state): Extract<State>,
    asker: Asker,
    headers: HeaderMap,
    form: Result<Form<Says>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(Says { conversation, begins, message, text }) = form?;
    let typed = nul::replaced(text);
    match said(&state, &asker, (conversation, begins, message), typed.clone()).await {
        Ok(id) => Ok(Redirect::to(&format!("/w/{}/c/{id}", asker.site)).into_response()),
        Err(Problem::NotFound) => Err(Problem::NotFound.into()),
        Err(problem) => {
            let status = axum::http::StatusCode::from_u16(problem.status());
            let page = draw(&state, &asker, &headers, (conversation, Some(problem), typed)).await?;
            Ok((status.unwrap_or_default(), page).into_response())
        }
    }
}

async fn said(
    state: &State,
    asker: &Asker,
    (conversation, new, message): (Option<ConversationId>, Option<ConversationId>, Option<MessageId>),
    text: String,
) -> Result<ConversationId, Problem> {
    let call = match conversation {
        Some(_) => asker.known(state).await?,
        None => asker.call(state).await?,
    };
    let id = conversation.or(new).unwrap_or_default();
    let text = Prompt::parse(text)?.into_text();
    let begins = conversation.is_none().then_some(NewVisitor { locale: None, page: None, referrer: None });
    let says = VisitorSays { conversation: id, id: message.unwrap_or_default(), text, begins };
    state.engine.visitor_says(call, says).await?;
    Ok(id)
}

#[derive(Deserialize)]
pub(super) struct Change {
    conversation: ConversationId,
    to: String,
}

/// The forms that ask for a person, go on with the assistant, or close.
pub(super) async fn change(
    Extract(state): Extract<State>,
    asker: Asker,
    headers: HeaderMap,
    form: Result<Form<Change>, Problem>,
) -> Result<Response, ProblemPage> {
    let Form(Change { conversation, to }) = form?;
    let to = match AssignmentState::parse(&to) {
        Some(to) if to != AssignmentState::Agent => to,
        _ => return Err(Problem::invalid("to", "There is no such state.").into()),
    };
    let call = asker.known(&state).await?;
    match state.engine.visitor_changes(call, conversation, to).await {
        Ok(_) => Ok(Redirect::to(&format!("/w/{}/c/{conversation}", asker.site)).into_response()),
        Err(Problem::NotFound) => Err(Problem::NotFound.into()),
        Err(problem) => draw(&state, &asker, &headers, (Some(conversation), Some(problem), String::new())).await,
    }
}
