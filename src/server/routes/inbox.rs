//! The inbox as pages and forms. For everybody but agents there is nothing here.

use super::input::{Form, Id, Query};
use super::table::Table;
use super::visitor::rendered;
use crate::contract::site::{Assign, InboxRow};
use crate::error::Problem;
use crate::model::{AccountId, AssignmentState, ConversationId, MessageId};
use crate::server::engine::desk::AgentSays;
use crate::server::html::inbox::{Listed, Opened, Page, Part, Place};
use crate::server::principal::ViewerId;
use crate::server::problem::ProblemPage;
use crate::server::prompt::Prompt;
use crate::server::session::Person;
use crate::server::store::desk::inbox::Asked;
use crate::server::{State, conversations, desk, nul};
use axum::extract::{FromRequestParts, State as Extract};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Conversations on a page.
const PAGE: i64 = 50;

pub(super) fn routes() -> Table {
    Table::default()
        .route("/inbox", get(list))
        .route("/inbox/{id}", get(show))
        .route("/inbox/{id}/answer", post(answer))
        .route("/inbox/{id}/assign", post(assign))
}

/// A person who can answer on sites.
struct AgentPerson(Person);

impl FromRequestParts<State> for AgentPerson {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let person = Person::from_request_parts(parts, state).await?;
        match person.who.role.may_answer() {
            true => Ok(Self(person)),
            false => Err(ProblemPage(Problem::NotFound).into_response()),
        }
    }
}

#[derive(Default, Deserialize)]
struct Wanted {
    queue: Option<String>,
    site: Option<String>,
    cursor: Option<String>,
    /// What the script asks for: `list` or `thread`.
    part: Option<String>,
}

async fn list(
    Extract(state): Extract<State>,
    AgentPerson(person): AgentPerson,
    wanted: Result<Query<Wanted>, Problem>,
) -> Result<Response, ProblemPage> {
    draw(&state, &person, wanted?.0, (None, None, String::new())).await
}

async fn show(
    Extract(state): Extract<State>,
    AgentPerson(person): AgentPerson,
    id: Result<Id<ConversationId>, Problem>,
    wanted: Result<Query<Wanted>, Problem>,
) -> Result<Response, ProblemPage> {
    let Id(id) = id?;
    draw(&state, &person, wanted?.0, (Some(id), None, String::new())).await
}

/// The page, perhaps with what went wrong and what was typed.
async fn draw(
    state: &State,
    person: &Person,
    wanted: Wanted,
    (id, problem, typed): (Option<ConversationId>, Option<Problem>, String),
) -> Result<Response, ProblemPage> {
    let me = person.who.account;
    let part = Part::of(wanted.part.as_deref());
    // A name that is none is that of the first queue.
    let queue = wanted.queue.as_deref().filter(|name| *name == "mine" || *name == "open" || is_state(name));
    let place = Place {
        queue: queue.unwrap_or("waiting").to_owned(),
        site: wanted.site.as_deref().and_then(|site| site.parse().ok()),
        open: id,
    };
    let opened = match id {
        Some(id) if part != Part::List => Some(opened(state, me, id).await?),
        _ => None,
    };
    let listed = listed(state, me, &place, wanted.cursor).await?;
    Ok(Page { owner: person.owner(), me, part, place, listed, opened, problem, typed }.into_response())
}

fn is_state(name: &str) -> bool {
    AssignmentState::parse(name).is_some_and(|state| state != AssignmentState::Agent)
}

async fn opened(state: &State, me: AccountId, id: ConversationId) -> Result<Opened, Problem> {
    let snapshot = conversations::snapshot(state, ViewerId::Agent(me), id).await?;
    let details = state.store.details(me, id).await?;
    let shown = rendered(&snapshot).await?;
    Ok(Opened { snapshot, shown, details })
}

/// The queue that is asked for, from `cursor` on.
async fn listed(state: &State, me: AccountId, place: &Place, cursor: Option<String>) -> Result<Listed, Problem> {
    let after = cursor.map(nul::replaced);
    let after = after.and_then(|next| next.split_once('_').map(|(at, id)| (at.to_owned(), id.to_owned())));
    let (of, wanted) = match place.queue.as_str() {
        "mine" => (Some(me), Some(AssignmentState::Agent)),
        name => (None, AssignmentState::parse(name)),
    };
    let mut rows = state.store.inbox(me, &Asked { site: place.site, state: wanted, of, after }, PAGE + 1).await?;
    let more = PAGE < rows.len() as i64;
    rows.truncate(PAGE as usize);
    let is_queue = wanted == Some(AssignmentState::Waiting);
    let end = |row: &InboxRow| match &row.waiting_since {
        Some(since) if is_queue => format!("{since}_{}", row.conversation),
        _ => format!("{}_{}", row.last.at, row.conversation),
    };
    let next = rows.last().filter(|_| more).map(end);
    let counts = state.store.inbox_counts(me).await?;
    let mut counts: BTreeMap<_, _> =
        counts.into_iter().map(|(state, count)| (state.name().to_owned(), count)).collect();
    counts.insert("open".into(), counts.values().sum());
    counts.insert("mine".into(), state.store.inbox_mine(me).await?);
    let sites = state.store.sites_of_agent(me).await?;
    Ok(Listed { rows, counts, next, sites })
}

#[derive(Deserialize)]
struct Says {
    message: Option<MessageId>,
    expect: Option<MessageId>,
    text: String,
}

async fn answer(
    Extract(state): Extract<State>,
    AgentPerson(person): AgentPerson,
    id: Result<Id<ConversationId>, Problem>,
    form: Result<Form<Says>, Problem>,
) -> Result<Response, ProblemPage> {
    let (Id(conversation), Form(Says { message, expect, text })) = (id?, form?);
    let typed = nul::replaced(text);
    let said = async {
        let text = Prompt::parse(typed.clone())?.into_text();
        let says = AgentSays { conversation, id: message.unwrap_or_default(), text, expect };
        state.engine.agent_says(person.who.account, says).await
    };
    let said = said.await.map(drop);
    after(&state, &person, conversation, (said, typed)).await
}

#[derive(Deserialize)]
struct Change {
    to: String,
    number: u64,
    expect: Option<MessageId>,
}

async fn assign(
    Extract(state): Extract<State>,
    AgentPerson(person): AgentPerson,
    id: Result<Id<ConversationId>, Problem>,
    form: Result<Form<Change>, Problem>,
) -> Result<Response, ProblemPage> {
    let (Id(conversation), Form(Change { to, number, expect })) = (id?, form?);
    let account = person.who.account;
    let done = async {
        let to = AssignmentState::parse(&to).ok_or_else(|| Problem::invalid("to", "There is no such state."))?;
        let call = desk::call_of_site(&state, account, conversation).await?;
        let number = Some(number);
        let asked = Assign { to, number, expect, agent: None, instruction: None, answer_now: true };
        state.engine.assign(account, conversation, asked, call).await
    };
    let done = done.await.map(drop);
    after(&state, &person, conversation, (done, String::new())).await
}

/// Back to the conversation: as it is now, or with the problem and what was typed.
async fn after(
    state: &State,
    person: &Person,
    conversation: ConversationId,
    (done, typed): (Result<(), Problem>, String),
) -> Result<Response, ProblemPage> {
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/inbox/{conversation}")).into_response()),
        Err(Problem::NotFound) => Err(Problem::NotFound.into()),
        Err(problem) => draw(state, person, Wanted::default(), (Some(conversation), Some(problem), typed)).await,
    }
}
