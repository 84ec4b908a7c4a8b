//! Sites for admins, and the inbox for agents. For everybody else there is nothing here.

use super::input::{Id, Ids, Json, Query};
use super::openapi::{Conflicts, Limited};
use super::table::Table;
use crate::contract::site::{Assign, Assigned, InboxRow, Site, SiteChanges, SiteName};
use crate::error::Problem;
use crate::model::{AccountId, AssignmentState, ConversationId, Named, SiteId, VisitorId};
use crate::server::principal::{Credential, Principal, Role};
use crate::server::session::{Account, Caller, Person, Reader};
use crate::server::store::desk::inbox::Asked;
use crate::server::store::revocations::Revoked;
use crate::server::task::owned;
use crate::server::{State, desk, nul};
use axum::Json as Answer;
use axum::extract::{FromRequestParts, State as Extract};
use axum::http::StatusCode;
use axum::http::request::Parts;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

/// Conversations on a page of the inbox.
const PAGE: i64 = 50;
/// The longest time that a visitor can be kept out.
const MAX_BLOCK_SECONDS: i64 = 30 * 86_400;

pub(super) fn routes() -> Table {
    Table::default()
        .described(routes!(list, make))
        .described(routes!(show, change, delete))
        .described(routes!(agents))
        .described(routes!(add_agent, remove_agent))
        .described(routes!(inbox))
        .described(routes!(assign))
        .described(routes!(block, let_in))
}

/// An admin in a browser.
struct SiteAdmin(Person);

impl FromRequestParts<State> for SiteAdmin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let who = Caller::from_request_parts(parts, state).await?.reading()?;
        match (who.role, who.by) {
            (Role::Member | Role::Agent, _) => Err(Problem::NotFound),
            (Role::Admin, Credential::Token(..)) => {
                Err(Problem::Forbidden("Sign in with a browser for this: an API token is not enough.".into()))
            }
            (Role::Admin, Credential::Session(_)) => {
                let name = state.store.account(who.account).await?.name.unwrap_or_default();
                Ok(Self(Person { who, name }))
            }
        }
    }
}

fn answers(who: Principal) -> Result<AccountId, Problem> {
    if who.role.may_answer() { Ok(who.account) } else { Err(Problem::NotFound) }
}

/// A site: with its settings for admins, by its name for agents.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Shown {
    Whole(Box<Site>),
    Name(SiteName),
}

/// All sites.
#[derive(Serialize, ToSchema)]
struct Sites {
    items: Vec<Shown>,
    /// Always null: there are no further pages.
    next: Option<String>,
}

/// List the sites
///
/// All of them with their settings for an admin in a browser; by name those on which an agent answers.
#[utoipa::path(get, path = "/api/v1/sites", operation_id = "listSites", tag = "desk",
    responses((status = 200, body = Sites)))]
async fn list(Extract(state): Extract<State>, Reader(who): Reader) -> Result<Answer<Sites>, Problem> {
    let account = answers(who)?;
    let items = match (who.role, who.by) {
        (Role::Admin, Credential::Session(_)) => {
            state.store.sites().await?.into_iter().map(|site| Shown::Whole(Box::new(site))).collect()
        }
        _ => state.store.sites_of_agent(account).await?.into_iter().map(Shown::Name).collect(),
    };
    Ok(Answer(Sites { items, next: None }))
}

#[derive(Deserialize, ToSchema)]
struct NewSite {
    /// Chosen by the caller, which makes the request idempotent.
    id: Option<SiteId>,
    #[serde(default)]
    settings: SiteChanges,
}

/// Make a site
#[utoipa::path(post, path = "/api/v1/sites", operation_id = "makeSite", tag = "desk", request_body = NewSite,
    responses((status = 201, body = Site), Conflicts))]
async fn make(
    Extract(state): Extract<State>,
    SiteAdmin(admin): SiteAdmin,
    Json(new): Json<NewSite>,
) -> Result<(StatusCode, Answer<Site>), Problem> {
    let site = desk::make(&state, &admin, new.id.unwrap_or_default(), new.settings).await?;
    Ok((StatusCode::CREATED, Answer(site)))
}

/// Get a site
#[utoipa::path(get, path = "/api/v1/sites/{id}", operation_id = "getSite", tag = "desk",
    responses((status = 200, body = Site)))]
async fn show(Extract(state): Extract<State>, _: SiteAdmin, Id(id): Id<SiteId>) -> Result<Answer<Site>, Problem> {
    Ok(Answer(state.store.site(id).await?.site))
}

/// Change a site
///
/// What is left out stays. The model's next reply is as the site says then.
#[utoipa::path(patch, path = "/api/v1/sites/{id}", operation_id = "changeSite", tag = "desk",
    request_body = SiteChanges, responses((status = 200, body = Site)))]
async fn change(
    Extract(state): Extract<State>,
    SiteAdmin(admin): SiteAdmin,
    Id(id): Id<SiteId>,
    Json(changes): Json<SiteChanges>,
) -> Result<Answer<Site>, Problem> {
    Ok(Answer(desk::change(&state, &admin, id, changes).await?))
}

/// Delete a site with everything in it
#[utoipa::path(delete, path = "/api/v1/sites/{id}", operation_id = "deleteSite", tag = "desk",
    responses((status = 204)))]
async fn delete(
    Extract(state): Extract<State>,
    SiteAdmin(admin): SiteAdmin,
    Id(id): Id<SiteId>,
) -> Result<StatusCode, Problem> {
    desk::delete(&state, &admin, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who answers on a site.
#[derive(Serialize, ToSchema)]
struct Agents {
    items: Vec<Named>,
    /// Always null: there are no further pages.
    next: Option<String>,
}

/// List the agents of a site
#[utoipa::path(get, path = "/api/v1/sites/{id}/agents", operation_id = "listAgents", tag = "desk",
    responses((status = 200, body = Agents)))]
async fn agents(Extract(state): Extract<State>, _: SiteAdmin, Id(id): Id<SiteId>) -> Result<Answer<Agents>, Problem> {
    state.store.site(id).await?;
    Ok(Answer(Agents { items: state.store.agents(id).await?, next: None }))
}

/// Have an account answer on a site
///
/// It needs the role of an agent or an admin, too.
#[utoipa::path(put, path = "/api/v1/sites/{id}/agents/{account}", operation_id = "addAgent", tag = "desk",
    params(("account" = AccountId, Path)), responses((status = 204)))]
async fn add_agent(
    Extract(state): Extract<State>,
    SiteAdmin(admin): SiteAdmin,
    Ids(site, account): Ids<SiteId, AccountId>,
) -> Result<StatusCode, Problem> {
    desk::set_agent(&state, &admin, (site, account), true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a site away from an agent
///
/// The conversations that the agent has there wait for another one.
#[utoipa::path(delete, path = "/api/v1/sites/{id}/agents/{account}", operation_id = "removeAgent", tag = "desk",
    params(("account" = AccountId, Path)), responses((status = 204)))]
async fn remove_agent(
    Extract(state): Extract<State>,
    SiteAdmin(admin): SiteAdmin,
    Ids(site, account): Ids<SiteId, AccountId>,
) -> Result<StatusCode, Problem> {
    desk::set_agent(&state, &admin, (site, account), false).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// One site; all of the agent's where absent.
    site: Option<SiteId>,
    /// `assistant`, `waiting`, `agent` or `closed`; all that are not closed where absent.
    state: Option<AssignmentState>,
    /// `me`, or an agent's id: only what this agent has.
    agent: Option<String>,
    /// The `next` of a previous page.
    cursor: Option<String>,
}

/// A page of the inbox.
#[derive(Serialize, ToSchema)]
struct Inbox {
    items: Vec<InboxRow>,
    /// How many conversations are in each state but `closed`.
    counts: BTreeMap<String, u64>,
    /// The `cursor` of the next page; null on the last.
    next: Option<String>,
}

/// List the conversations of the agent's sites
///
/// Those that wait come with the longest wait first, all others with the newest message first.
#[utoipa::path(get, path = "/api/v1/inbox", operation_id = "listInbox", tag = "desk", params(Wanted),
    responses((status = 200, body = Inbox)))]
async fn inbox(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Answer<Inbox>, Problem> {
    let account = answers(who)?;
    let of = match wanted.agent.as_deref() {
        None => None,
        Some("me") => Some(account),
        Some(id) => Some(id.parse().map_err(|_| Problem::invalid("agent", "This is `me`, or an agent's id."))?),
    };
    let wrong = || Problem::invalid("cursor", "This is not the `next` of a page of the inbox.");
    let after = wanted
        .cursor
        .as_deref()
        .filter(|text| !text.contains('\0'))
        .map(|next| next.split_once('_').map(|(at, id)| (at.to_owned(), id.to_owned())).ok_or_else(wrong));
    let asked = Asked { site: wanted.site, state: wanted.state, of, after: after.transpose()? };
    let mut items = state.store.inbox(account, &asked, PAGE + 1).await?;
    let more = PAGE < items.len() as i64;
    items.truncate(PAGE as usize);
    let is_queue = asked.state == Some(AssignmentState::Waiting);
    let place = |row: &InboxRow| match &row.waiting_since {
        Some(since) if is_queue => format!("{since}_{}", row.conversation),
        _ => format!("{}_{}", row.last.at, row.conversation),
    };
    let next = items.last().filter(|_| more).map(place);
    let counts = state.store.inbox_counts(account).await?;
    let counts = counts.into_iter().map(|(state, count)| (state.name().to_owned(), count)).collect();
    Ok(Answer(Inbox { items, counts, next }))
}

/// Take over, hand back, release or close a conversation
///
/// Pressed twice it is pressed once. Where a colleague was quicker, or the visitor has written what the caller has not seen:
/// 409.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/assignment", operation_id = "assignConversation", tag = "desk",
    request_body = Assign, responses((status = 200, body = Assigned), Conflicts, Limited))]
async fn assign(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    Json(asked): Json<Assign>,
) -> Result<Answer<Assigned>, Problem> {
    let call = match desk::call_of_site(&state, account, id).await {
        Err(Problem::NotFound) if state.store.conversation(account, id).await.is_ok() => {
            return Err(Problem::Forbidden("Only a conversation of a site has somebody who answers.".into()));
        }
        call => call?,
    };
    if asked.instruction.as_ref().is_some_and(|text| crate::contract::site::MAX_TEXT < text.chars().count()) {
        return Err(Problem::invalid("instruction", "Keep it shorter."));
    }
    let asked = Assign { instruction: asked.instruction.map(nul::replaced), ..asked };
    let (assignment, reply) = state.engine.assign(account, id, asked, call).await?;
    Ok(Answer(Assigned { assignment, reply }))
}

#[derive(Deserialize, ToSchema)]
struct Block {
    /// How long, from now on.
    #[schema(minimum = 1, maximum = 2_592_000)]
    seconds: i64,
}

/// Keep a visitor out for a while
#[utoipa::path(put, path = "/api/v1/visitors/{id}/block", operation_id = "blockVisitor", tag = "desk",
    request_body = Block, responses((status = 204)))]
async fn block(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<VisitorId>,
    Json(Block { seconds }): Json<Block>,
) -> Result<StatusCode, Problem> {
    if !(1..=MAX_BLOCK_SECONDS).contains(&seconds) {
        return Err(Problem::invalid("seconds", format!("From 1 to {MAX_BLOCK_SECONDS}.")));
    }
    let until = Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(seconds));
    let until = until.map_err(|_| Problem::Internal)?;
    set_block(state, account, id, Some(format!("{until:.3}"))).await
}

/// Let a visitor in again
#[utoipa::path(delete, path = "/api/v1/visitors/{id}/block", operation_id = "unblockVisitor", tag = "desk",
    responses((status = 204)))]
async fn let_in(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<VisitorId>,
) -> Result<StatusCode, Problem> {
    set_block(state, account, id, None).await
}

async fn set_block(
    state: State,
    agent: AccountId,
    id: VisitorId,
    until: Option<String>,
) -> Result<StatusCode, Problem> {
    owned(async move {
        let site = state.store.block_visitor(agent, id, until.as_deref()).await?;
        state.grants.revoke(Revoked::Site(site));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
