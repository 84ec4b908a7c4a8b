//! The page's forms, for browsers that do not run the app: each does its work and goes back to the page.

use super::input::Form;
use crate::api::Changes;
use crate::error::Problem;
use crate::model::{ConversationId, MessageId};
use crate::server::limits::Prompt;
use crate::server::session::Caller;
use crate::server::{State, conversations};
use axum::Router;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/forms/send", post(send))
        .route("/forms/stop", post(stop))
        .route("/forms/retry", post(retry))
        .route("/forms/continue", post(resume))
        .route("/forms/change", post(change))
        .route("/forms/delete", post(delete))
}

/// A problem as a page, with a way back. The text that was sent is one step back in the browser's history.
struct Trouble(Problem);

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let sentence = self.0.to_string().replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Rivulet</title>\
             <main><h1>That was not done</h1><p>{sentence}</p>\
             <p>Go back in your browser to find what you wrote, or <a href=\"/\">start anew</a>.</p></main></html>"
        );
        (status, Html(page)).into_response()
    }
}

/// Fields that a form leaves empty count as absent.
fn filled(field: Option<String>) -> Option<String> {
    field.filter(|text| !text.trim().is_empty())
}

fn id<T: std::str::FromStr>(field: Option<String>) -> Result<Option<T>, Problem> {
    filled(field).map(|text| text.trim().parse().map_err(|_| Problem::NotFound)).transpose()
}

fn back_to(conversation: ConversationId) -> Redirect {
    Redirect::to(&format!("/c/{conversation}"))
}

#[derive(Deserialize)]
struct Send {
    conversation: Option<String>,
    message: Option<String>,
    text: String,
    model: Option<String>,
    system: Option<String>,
}

async fn send(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Send>, Problem>,
) -> Result<Redirect, Trouble> {
    let account = caller.required()?;
    let Form(form) = form?;
    // Forms send line breaks as CRLF.
    let text = Prompt::parse(form.text.replace("\r\n", "\n"))?;
    let message = id::<MessageId>(form.message)?.unwrap_or_default();
    let conversation = match id::<ConversationId>(form.conversation)? {
        Some(conversation) => conversation,
        None => {
            let settings = Changes { title: None, model: filled(form.model), system: filled(form.system) };
            // The message's id names the conversation too, so that sending the form twice makes one.
            conversations::ensure(&state, account, ConversationId(message.0), settings).await?.id
        }
    };
    state.engine.send(account, conversation, message, text, None).await?;
    Ok(back_to(conversation))
}

#[derive(Deserialize)]
struct Reply {
    reply: MessageId,
}

/// The conversation of a reply that the caller owns.
async fn conversation_of(state: &State, caller: Caller, reply: MessageId) -> Result<ConversationId, Problem> {
    let account = caller.required()?;
    let found = state.store.message(reply).await?;
    let (_, conversation, _) = found.filter(|(.., owner)| *owner == account).ok_or(Problem::NotFound)?;
    Ok(conversation)
}

async fn stop(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<Redirect, Trouble> {
    let reply = form?.0.reply;
    let conversation = conversation_of(&state, caller, reply).await?;
    state.engine.stop(caller.required()?, reply).await?;
    Ok(back_to(conversation))
}

async fn retry(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<Redirect, Trouble> {
    let reply = form?.0.reply;
    let conversation = conversation_of(&state, caller, reply).await?;
    state.engine.retry(caller.required()?, reply).await?;
    Ok(back_to(conversation))
}

async fn resume(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<Redirect, Trouble> {
    let reply = form?.0.reply;
    let conversation = conversation_of(&state, caller, reply).await?;
    state.engine.resume(caller.required()?, reply).await?;
    Ok(back_to(conversation))
}

#[derive(Deserialize)]
struct Change {
    conversation: ConversationId,
    title: Option<String>,
    model: Option<String>,
    system: Option<String>,
}

async fn change(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Change>, Problem>,
) -> Result<Redirect, Trouble> {
    let account = caller.required()?;
    let Form(form) = form?;
    let changes = Changes { title: filled(form.title), model: filled(form.model), system: form.system };
    conversations::change(&state, account, form.conversation, changes).await?;
    Ok(back_to(form.conversation))
}

#[derive(Deserialize)]
struct Delete {
    conversation: ConversationId,
}

async fn delete(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Delete>, Problem>,
) -> Result<Redirect, Trouble> {
    let account = caller.required()?;
    conversations::delete(&state, account, form?.0.conversation).await?;
    Ok(Redirect::to("/"))
}
