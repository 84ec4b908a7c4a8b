//! The data of pages: conversations with their code highlighted.

use super::drawing::Place;
use super::highlight::Colours;
use super::principal::ViewerId;
use super::provider::{Choice, Price};
use super::{State, conversations, drawing, highlight, lists};
use crate::contract::{Earlier, Home, Me, Offer, Page};
use crate::error::Problem;
use crate::markdown;
use crate::model::{AccountId, AssignmentState, ConversationId, Message, MessageId, Role};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The conversation's snapshot, ready to be drawn.
pub async fn open(state: &State, viewer: ViewerId, conversation: ConversationId) -> Result<Page, Problem> {
    let snapshot = conversations::snapshot(state, viewer, conversation).await.inspect_err(answer_with)?;
    weigh(&snapshot.messages).await.inspect_err(answer_with)?;
    let highlighted = highlight_all(&snapshot.messages).await?;
    Ok(Page { snapshot, highlighted })
}

/// What a page shows around the conversation.
pub async fn home(state: &State, account: AccountId) -> Home {
    let me = match state.store.account(account).await {
        Ok(found) => {
            let waiting = if found.role.may_answer() { waiting(state, account).await } else { None };
            Some(Me { id: found.id, name: found.name, waiting })
        }
        Err(_) => None,
    };
    Home { list: lists::page(state, account, None).await, models: state.providers.models(), me }
}

/// How many conversations wait on the sites of an agent. None: no site is the account's. A failure costs the link only.
async fn waiting(state: &State, account: AccountId) -> Option<u64> {
    let sites = state.store.sites_of_agent(account).await.ok().filter(|sites| !sites.is_empty());
    let counts = state.store.inbox_counts(account).await.ok().filter(|_| sites.is_some())?;
    let waiting = counts.into_iter().find(|(state, _)| *state == AssignmentState::Waiting);
    Some(waiting.map_or(0, |(_, count)| count))
}

/// What is known of the models that can be chosen: `200k · $3 / $15`, where the settings say it. The prices are for a
/// million tokens read and written.
pub fn offers(state: &State) -> Vec<Offer> {
    state.providers.choices().into_iter().map(offer).collect()
}

fn offer(choice: Choice) -> Offer {
    let context = choice.context.map(|tokens| match tokens {
        1_000_000.. => format!("{}M", tokens / 1_000_000),
        1_000.. => format!("{}k", tokens / 1_000),
        _ => tokens.to_string(),
    });
    let price = choice.price.map(|Price { input, output }| format!("${input} / ${output}"));
    Offer { id: choice.model.id, about: context.into_iter().chain(price).collect::<Vec<_>>().join(" · ") }
}

/// A page that is drawn around a problem has the problem's status, too.
fn answer_with(problem: &Problem) {
    let status = StatusCode::from_u16(problem.status());
    if let (Ok(status), Some(options)) = (status, use_context::<ResponseOptions>()) {
        options.set_status(status);
        if let Some(seconds) = problem.retry_after_seconds() {
            options.insert_header(header::RETRY_AFTER, seconds.into());
        }
    }
}

/// Waits until there is room to draw this length of text, where the answer has a slot (`routes/bulky`).
async fn weigh(messages: &[Message]) -> Result<(), Problem> {
    let place = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Arc<Place>>().cloned());
    let Some(place) = place else { return Ok(()) };
    place.weigh(drawing::text_bytes(messages)).await
}

/// The messages before those that a page shows.
pub async fn earlier(
    state: &State,
    viewer: ViewerId,
    conversation: ConversationId,
    before: MessageId,
) -> Result<Earlier, Problem> {
    let (messages, earlier) = conversations::earlier(state, viewer, conversation, before).await?;
    weigh(&messages).await?;
    let highlighted = highlight_all(&messages).await?;
    Ok(Earlier { messages, earlier, highlighted })
}

/// One message as HTML with highlighted code.
pub async fn highlighted(state: &State, viewer: ViewerId, id: MessageId) -> Result<String, Problem> {
    let (message, _) = state.store.message_for(viewer, id).await?;
    weigh(std::slice::from_ref(&message)).await?;
    blocking(move || highlight::render(markdown::shown(&message.text))).await
}

async fn highlight_all(messages: &[Message]) -> Result<BTreeMap<MessageId, String>, Problem> {
    let is_unfinished = |message: &&Message| {
        message.role == Role::Assistant && !message.status.is_open() && markdown::is_unfinished(&message.text)
    };
    let shown = |message: &Message| (message.id, markdown::shown(&message.text).to_owned());
    let texts: Vec<_> = messages.iter().filter(is_unfinished).map(shown).collect();
    if texts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let colours = Colours::default();
    // From the newest on: it is read first where there is too much to colour.
    blocking(move || {
        texts.into_iter().rev().map(|(id, text)| (id, highlight::render_within(&text, &colours))).collect()
    })
    .await
}

/// Highlighting takes milliseconds; it must not block the threads that relay tokens.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "Rendering panicked");
        Problem::Internal
    })
}
