//! Sharing: the REST API, and beside it (`forms`) the pages.

mod forms;

use super::input::{Id, Ids, Json};
use super::openapi::{Conflicts, Limited, Missing};
use super::origin::site;
use super::table::Table;
use crate::error::Problem;
use crate::model::{Access, AccountId, Conversation, ConversationId, Named};
use crate::server::accounts::Arrival;
use crate::server::secret::Hash;
use crate::server::session::{Account, Caller, Reader};
use crate::server::sharing::{self, NewLink};
use crate::server::store::sharing as stored;
use crate::server::{State, store};
use axum::Json as Answer;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(super) fn routes() -> Table {
    let table = Table::default()
        .described(routes!(show))
        .described(routes!(add))
        .described(routes!(set_role, remove))
        .described(routes!(make_link))
        .described(routes!(end_link))
        .described(routes!(publish, unpublish))
        .described(routes!(set_typing))
        .described(routes!(join));
    forms::add_to(table)
}

/// Who may use a conversation.
#[derive(Serialize, ToSchema)]
pub(super) struct Sharing {
    owner: Named,
    /// The caller's access.
    access: Access,
    people: Vec<Person>,
    /// Invitation links; shown to the owner only.
    links: Vec<Link>,
    /// The public link, by which anyone may read; shown to the owner only.
    public: Option<Public>,
}

/// A user with whom a conversation is shared.
#[derive(Serialize, ToSchema)]
#[schema(as = SharedWith)]
pub(super) struct Person {
    id: AccountId,
    name: String,
    role: Access,
    since: String,
}

/// An invitation link, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = SharingLink)]
pub(super) struct Link {
    id: String,
    role: Access,
    /// How many users may join by it, and how many have.
    uses: i64,
    used: i64,
    ends_at: String,
    created_at: String,
}

/// The public link, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicLink)]
pub(super) struct Public {
    /// Whether it shows the authors' and the owner's names.
    names: bool,
    created_at: String,
}

/// A newly created link. `url` and `secret` are returned only now.
#[derive(Serialize, ToSchema)]
#[schema(as = MadeLink)]
pub(super) struct Made {
    url: String,
    secret: String,
    #[serde(flatten)]
    link: Link,
}

/// The newly created public link. `url` and `secret` are returned only now.
#[derive(Serialize, ToSchema)]
pub(super) struct Published {
    url: String,
    secret: String,
}

impl From<stored::Share> for Person {
    fn from(share: stored::Share) -> Self {
        Self { id: share.person.id, name: share.person.name, role: share.role, since: share.since }
    }
}

impl From<stored::InviteLink> for Link {
    fn from(link: stored::InviteLink) -> Self {
        let stored::InviteLink { hash, role, uses, used, ends_at, created_at } = link;
        Self { id: hash.to_string(), role, uses, used, ends_at, created_at }
    }
}

impl From<store::public_links::PublicLink> for Public {
    fn from(link: store::public_links::PublicLink) -> Self {
        Self { names: link.names, created_at: link.created_at }
    }
}

/// A link's address, for sharing.
pub(super) fn url(state: &State, headers: &HeaderMap, page: &str, secret: &str) -> String {
    format!("{}/{page}/{secret}", site(&state.settings, headers))
}

/// List who may use a conversation
#[utoipa::path(get, path = "/api/v1/conversations/{id}/sharing", operation_id = "getSharing", tag = "sharing",
    responses((status = 200, body = Sharing)))]
async fn show(
    Extract(state): Extract<State>,
    Reader(who): Reader,
    Id(id): Id<ConversationId>,
) -> Result<Answer<Sharing>, Problem> {
    let found = sharing::sharing(&state, who.account, id).await?;
    Ok(Answer(Sharing {
        owner: found.stored.owner,
        access: found.stored.access,
        people: found.people.into_iter().map(Person::from).collect(),
        links: found.links.into_iter().map(Link::from).collect(),
        public: found.public.map(Public::from),
    }))
}

/// The user to share with.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewPerson {
    name: String,
    #[schema(pattern = "^(reader|participant)$")]
    role: String,
}

/// Share with a user by name
#[utoipa::path(post, path = "/api/v1/conversations/{id}/sharing/people", operation_id = "shareWith", tag = "sharing",
    request_body = NewPerson,
    responses((status = 201, body = Person), Conflicts, Limited))]
async fn add(
    Extract(state): Extract<State>,
    caller: Caller,
    arrival: Arrival,
    Id(id): Id<ConversationId>,
    Json(new): Json<NewPerson>,
) -> Result<(StatusCode, Answer<Person>), Problem> {
    let (who, role) = (caller.writing()?, sharing::role(&new.role)?);
    let share = sharing::add(&state, who, arrival.address, id, &new.name, role).await?;
    Ok((StatusCode::CREATED, Answer(share.into())))
}

/// The user's new role.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewRole {
    #[schema(pattern = "^(reader|participant)$")]
    role: String,
}

/// Change a user's role
#[utoipa::path(patch, path = "/api/v1/conversations/{id}/sharing/people/{account}", operation_id = "changeRole", tag = "sharing",
    params(("account" = AccountId, Path)), request_body = NewRole,
    responses((status = 200, body = Person), Conflicts, Limited))]
async fn set_role(
    Extract(state): Extract<State>,
    Account(account): Account,
    Ids(id, whose): Ids<ConversationId, AccountId>,
    Json(new): Json<NewRole>,
) -> Result<Answer<Person>, Problem> {
    let share = sharing::set_role(&state, account, id, whose, sharing::role(&new.role)?).await?;
    Ok(Answer(share.into()))
}

/// Revoke a user's access
///
/// Revokes a user's access; the conversation's invitation links end with it. With the caller's own id: leaves.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/sharing/people/{account}", operation_id = "unshare", tag = "sharing",
    params(("account" = AccountId, Path)), responses((status = 204), Conflicts))]
async fn remove(
    Extract(state): Extract<State>,
    Account(account): Account,
    Ids(id, whose): Ids<ConversationId, AccountId>,
) -> Result<StatusCode, Problem> {
    sharing::remove(&state, account, id, whose).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A link to create. By default it is for one user and a week.
#[derive(Deserialize, ToSchema)]
pub(super) struct LinkToMake {
    #[schema(pattern = "^(reader|participant)$")]
    role: String,
    #[serde(default = "once")]
    #[schema(minimum = 1, maximum = 50)]
    uses: i64,
    #[serde(default = "a_week")]
    #[schema(minimum = 1, maximum = 30)]
    days: u64,
}

fn once() -> i64 {
    1
}

fn a_week() -> u64 {
    7
}

/// Create an invitation link
#[utoipa::path(post, path = "/api/v1/conversations/{id}/sharing/links", operation_id = "makeLink", tag = "sharing",
    request_body = LinkToMake,
    responses((status = 201, body = Made), Conflicts, Limited))]
async fn make_link(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    headers: HeaderMap,
    Json(new): Json<LinkToMake>,
) -> Result<(StatusCode, Answer<Made>), Problem> {
    let new = NewLink { role: sharing::role(&new.role)?, uses: new.uses, days: new.days };
    let (secret, link) = sharing::make_link(&state, account, id, new).await?;
    let url = url(&state, &headers, "join", &secret);
    Ok((StatusCode::CREATED, Answer(Made { url, secret, link: link.into() })))
}

/// Revoke an invitation link
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/sharing/links/{link}", operation_id = "revokeLink", tag = "sharing",
    params(("link" = String, Path, pattern = "^[0-9a-f]{64}$")), responses((status = 204)))]
async fn end_link(
    Extract(state): Extract<State>,
    Account(account): Account,
    Ids(id, link): Ids<ConversationId, Hash>,
) -> Result<StatusCode, Problem> {
    sharing::end_link(&state, account, id, link).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the public link shows besides the texts.
#[derive(Deserialize, ToSchema)]
pub(super) struct Publish {
    #[serde(default)]
    names: bool,
}

/// Create the public link
#[utoipa::path(put, path = "/api/v1/conversations/{id}/sharing/public", operation_id = "publish", tag = "sharing",
    request_body = Publish,
    responses((status = 201, body = Published), Limited))]
async fn publish(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
    headers: HeaderMap,
    Json(new): Json<Publish>,
) -> Result<(StatusCode, Answer<Published>), Problem> {
    let secret = sharing::publish(&state, account, id, new.names).await?;
    let url = url(&state, &headers, "p", &secret);
    Ok((StatusCode::CREATED, Answer(Published { url, secret })))
}

/// Revoke the public link
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/sharing/public", operation_id = "unpublish", tag = "sharing",
    responses((status = 204)))]
async fn unpublish(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, Problem> {
    sharing::unpublish(&state, account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Report typing
///
/// The caller is typing here. Repeat it every three seconds or so while it goes on; it expires after six.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/typing", operation_id = "sayTyping", tag = "sharing",
    responses((status = 204)))]
async fn set_typing(
    Extract(state): Extract<State>,
    Account(account): Account,
    Id(id): Id<ConversationId>,
) -> Result<StatusCode, Problem> {
    sharing::set_typing(&state, account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The secret of a link: the end of its address.
#[derive(Deserialize, ToSchema)]
pub(super) struct Join {
    secret: String,
}

/// Join by invitation link
#[utoipa::path(post, path = "/api/v1/join", operation_id = "join", tag = "sharing",
    request_body = Join,
    responses((status = 200, body = Conversation), Conflicts, Limited, Missing))]
async fn join(
    Extract(state): Extract<State>,
    Account(account): Account,
    arrival: Arrival,
    Json(join): Json<Join>,
) -> Result<Answer<Conversation>, Problem> {
    Ok(Answer(sharing::join(&state, arrival.address, account, &join.secret).await?))
}
