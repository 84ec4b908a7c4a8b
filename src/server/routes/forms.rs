//! The page's forms, for browsers that do not run the app: each performs its action and redirects to the page.

use super::input::Form;
use super::table::Table;
use crate::contract::{Changes, Fork, Later, Placement};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, MessageId, Parameters};
use crate::server::conversations::forking;
use crate::server::engine::NewMessage;
use crate::server::problem::ProblemPage;
use crate::server::prompt::Prompt;
use crate::server::session::Caller;
use crate::server::{State, branches, conversations, queue, standing};
use axum::extract::State as Extract;
use axum::response::Redirect;
use axum::routing::post;
use serde::Deserialize;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/forms/send", post(send))
        .route("/forms/queue", post(later))
        .route("/forms/queued", post(queued))
        .route("/forms/stop", post(stop))
        .route("/forms/retry", post(retry))
        .route("/forms/continue", post(resume))
        .route("/forms/version", post(show_version))
        .route("/forms/change", post(change))
        .route("/forms/fork", post(fork))
        .route("/forms/place", post(place))
        .route("/forms/delete", post(delete))
}

/// Empty fields of a form count as absent.
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
    #[serde(flatten)]
    parameters: Fields,
}

/// The composer's fields, for a message that is to wait.
async fn later(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Send>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(form) = form?;
    let conversation = id(form.conversation)?.ok_or(Problem::NotFound)?;
    let later = Later { id: id(form.message)?, content: form.text, model: filled(form.model) };
    queue::queue(&state, account, conversation, later).await?;
    Ok(back_to(conversation))
}

/// What is done with a waiting message: `send`, or else it is taken back.
#[derive(Deserialize)]
struct Waiting {
    conversation: ConversationId,
    message: MessageId,
    what: Option<String>,
}

async fn queued(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Waiting>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(Waiting { conversation, message, what }) = form?;
    match what.as_deref() {
        Some("send") => queue::send_now(&state, account, conversation, message).await.map(|_| ())?,
        _ => queue::take_back(&state, account, conversation, message).await?,
    }
    Ok(back_to(conversation))
}

/// The fields for a conversation's parameters, as a form sends them: empty for what is not set.
#[derive(Deserialize)]
struct Fields {
    temperature: Option<String>,
    max_output_tokens: Option<String>,
    effort: Option<String>,
}

impl Fields {
    /// None where the form has no such fields.
    fn parameters(self) -> Result<Option<Parameters>, Problem> {
        if self.temperature.is_none() && self.max_output_tokens.is_none() && self.effort.is_none() {
            return Ok(None);
        }
        Ok(Some(Parameters {
            temperature: number(self.temperature, "temperature")?,
            max_output_tokens: number(self.max_output_tokens, "max_output_tokens")?,
            effort: filled(self.effort),
        }))
    }
}

fn number<T: std::str::FromStr>(field: Option<String>, name: &str) -> Result<Option<T>, Problem> {
    let wrong = || Problem::invalid(format!("parameters.{name}"), "Write a number, or leave the field empty.");
    filled(field).map(|text| text.trim().parse().map_err(|_| wrong())).transpose()
}

async fn send(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Send>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(form) = form?;
    // Forms send line breaks as CRLF.
    let text = Prompt::parse(form.text.replace("\r\n", "\n"))?;
    let message = id::<MessageId>(form.message)?.unwrap_or_default();
    let (conversation, start) = match id::<ConversationId>(form.conversation)? {
        Some(conversation) => (conversation, None),
        None => {
            let parameters = form.parameters.parameters()?;
            let settings = Changes { title: None, model: filled(form.model), system: filled(form.system), parameters };
            // The message's id is also the conversation's, so that submitting the form twice creates one.
            (ConversationId(message.0), Some(settings))
        }
    };
    state.engine.send(account, conversation, NewMessage { start, ..NewMessage::new(message, text) }).await?;
    Ok(back_to(conversation))
}

#[derive(Deserialize)]
struct Reply {
    reply: MessageId,
}

/// The caller's account, the reply that the form names, and its conversation, if the caller may see it.
async fn named(
    state: &State,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<(AccountId, MessageId, ConversationId), Problem> {
    let reply = form?.0.reply;
    let account = caller.writing()?.account;
    let (_, stored) = state.store.message_for(account, reply).await?;
    Ok((account, reply, stored.id))
}

async fn stop(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let (account, reply, conversation) = named(&state, caller, form).await?;
    state.engine.stop(account, reply).await?;
    Ok(back_to(conversation))
}

async fn retry(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let (account, reply, conversation) = named(&state, caller, form).await?;
    state.engine.retry(account, reply).await?;
    Ok(back_to(conversation))
}

async fn resume(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Reply>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let (account, reply, conversation) = named(&state, caller, form).await?;
    state.engine.resume(account, reply).await?;
    Ok(back_to(conversation))
}

#[derive(Deserialize)]
struct Version {
    message: MessageId,
    number: u32,
}

async fn show_version(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Version>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(Version { message, number }) = form?;
    Ok(back_to(branches::show_version(&state, account, message, number).await?))
}

#[derive(Deserialize)]
struct Change {
    conversation: ConversationId,
    title: Option<String>,
    model: Option<String>,
    system: Option<String>,
    #[serde(flatten)]
    parameters: Fields,
}

async fn change(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Change>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(form) = form?;
    let parameters = form.parameters.parameters()?;
    let changes = Changes { title: filled(form.title), model: filled(form.model), system: form.system, parameters };
    conversations::change(&state, account, form.conversation, changes).await?;
    Ok(back_to(form.conversation))
}

/// A conversation to be copied, or the reply that its copy ends with.
#[derive(Deserialize)]
struct Copied {
    conversation: Option<String>,
    reply: Option<String>,
}

async fn fork(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Copied>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(Copied { conversation, reply }) = form?;
    let message = id::<MessageId>(reply)?;
    let conversation = match (id(conversation)?, message) {
        (Some(conversation), _) => conversation,
        (None, Some(reply)) => state.store.message_for(account, reply).await?.1.id,
        (None, None) => return Err(Problem::NotFound.into()),
    };
    let (copy, _) = forking::fork(&state, account, conversation, Fork { id: None, message }).await?;
    Ok(back_to(copy.id))
}

/// `yes` or `no`; left out, it stays as it is.
#[derive(Deserialize)]
struct Place {
    conversation: ConversationId,
    pinned: Option<String>,
    archived: Option<String>,
}

async fn place(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Place>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    let Form(Place { conversation, pinned, archived }) = form?;
    let is_so = |field: Option<String>| filled(field).map(|word| word == "yes");
    let placement = Placement { pinned: is_so(pinned), archived: is_so(archived) };
    standing::place(&state, account, conversation, placement).await?;
    Ok(Redirect::to(&format!("/c/{conversation}/manage")))
}

#[derive(Deserialize)]
struct Delete {
    conversation: ConversationId,
}

async fn delete(
    Extract(state): Extract<State>,
    caller: Caller,
    form: Result<Form<Delete>, Problem>,
) -> Result<Redirect, ProblemPage> {
    let account = caller.writing()?.account;
    conversations::delete(&state, account, form?.0.conversation).await?;
    Ok(Redirect::to("/"))
}
