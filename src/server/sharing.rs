//! Sharing a conversation: with users by name, by invitation links, and with anyone by a public link.
//!
//! [`Stored::allows`](super::store::conversations::Stored::allows) decides what a principal may do. Changes here are
//! sent to every list that has the conversation, and its viewers' access is checked again.

use super::State;
use super::conversations::{shown, tell_lists};
use super::journal::{HeldTurn, Topic};
use super::limits::Sender;
use super::principal::Name;
use super::principal::Principal;
use super::secret::{self, Hash};
use super::store::conversations::Stored;
use super::store::public_links::PublicLink;
use super::store::revocations::Revoked;
use super::store::sharing::InviteLink;
use super::store::sharing::{Given, Invitation, Share};
use super::task::owned;
use super::times::ahead;
use crate::error::Problem;
use crate::event::Event;
use crate::model::{Access, AccountId, Conversation, ConversationId};
use std::net::IpAddr;
use std::time::Duration;

/// Users in one conversation besides its owner. Every message is sent to the list of each of them.
pub const MAX_PEOPLE: i64 = 50;
/// Open invitation links of one conversation.
const MAX_LINKS: i64 = 20;
/// A link is forgotten in a mailbox. It may admit a team, and expires after a month at the latest.
pub const MAX_USES: i64 = MAX_PEOPLE;
pub const MAX_DAYS: u64 = 30;

/// Who may use a conversation.
#[derive(Clone, Debug)]
pub struct Sharing {
    pub stored: Stored,
    pub people: Vec<Share>,
    /// For the owner only.
    pub links: Vec<InviteLink>,
    /// For the owner only.
    pub public: Option<PublicLink>,
}

/// Who may use the conversation, for a caller who may.
pub async fn sharing(state: &State, account: AccountId, id: ConversationId) -> Result<Sharing, Problem> {
    let stored = state.store.conversation(account, id).await?;
    let people = state.store.shares(id).await?;
    let (links, public) = match stored.access {
        Access::Owner => (state.store.share_links(id).await?, state.store.public_link(id).await?),
        Access::Participant | Access::Reader | Access::Visitor | Access::Agent => (Vec::new(), None),
    };
    Ok(Sharing { stored, people, links, public })
}

/// The roles that a user can be given.
///
/// # Errors
/// 422 for the field `role`.
pub fn role(text: &str) -> Result<Access, Problem> {
    let roles = [Access::Reader, Access::Participant];
    let role = roles.into_iter().find(|role| role.name() == text);
    role.ok_or_else(|| Problem::invalid("role", "The role is either reader or participant."))
}

fn full() -> Problem {
    Problem::Conflict(format!("{MAX_PEOPLE} people are here already. Remove one of them first."))
}

/// Shares the conversation with a user by name.
///
/// # Errors
/// 403 for a guest: only users with names may share; 422 for the field `name` where no account has it, 409 where the
/// conversation has `MAX_PEOPLE` people, 429 after too many attempts.
pub async fn add(
    state: &State,
    who: Principal,
    address: IpAddr,
    id: ConversationId,
    name: &str,
    role: Access,
) -> Result<Share, Problem> {
    state.store.conversation(who.account, id).await?.allows(Access::Owner)?;
    if who.is_guest {
        return Err(Problem::Forbidden("Sign up to share by name. As a guest you can send an invitation link.".into()));
    }
    let found = find_by_name(state, address, name).await?;
    if found == who.account {
        return Err(Problem::invalid("name", "This is your own name: the conversation is yours already."));
    }
    let quota = state.store.quota(who.account).await?;
    let per_minute = quota.sends_per_minute.unwrap_or(state.settings.sends_per_minute);
    // Counted like a message: it reaches another user too.
    state.limits.send(Sender::Account(who.account), per_minute).await?;
    give(state, who.account, id, found, role).await
}

async fn find_by_name(state: &State, address: IpAddr, name: &str) -> Result<AccountId, Problem> {
    let nobody = || Problem::invalid("name", "No account has this name. Check the name, or send an invitation link.");
    let attempt = state.throttle.name(address).await?;
    let key = Name::parse(name).map_err(|_| nobody())?;
    let found = state.store.credentials(key.key()).await?.filter(|found| !found.disabled).ok_or_else(nobody)?;
    attempt.succeeded().await;
    Ok(found.account)
}

/// Changes the role of a user in the conversation.
pub async fn set_role(
    state: &State,
    account: AccountId,
    id: ConversationId,
    whose: AccountId,
    role: Access,
) -> Result<Share, Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    find(state, id, whose).await?;
    give(state, account, id, whose, role).await
}

async fn find(state: &State, id: ConversationId, whose: AccountId) -> Result<Share, Problem> {
    let people = state.store.shares(id).await?;
    people.into_iter().find(|share| share.person.id == whose).ok_or(Problem::NotFound)
}

async fn give(
    state: &State,
    account: AccountId,
    id: ConversationId,
    whom: AccountId,
    role: Access,
) -> Result<Share, Problem> {
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        // Announced in the order in which it is written.
        let turn = journal.turn().await;
        state.store.conversation(account, id).await?.allows(Access::Owner)?;
        match state.store.share(state.writer(account), id, whom, role, MAX_PEOPLE).await? {
            Given::Full => return Err(full()),
            Given::New => has_come(&state, &turn, id, whom).await?,
            Given::Before => {}
        }
        if role == Access::Reader {
            // A user who may no longer stop a reply no longer pays for it.
            state.engine.stop_in(id, whom).await?;
        }
        find(&state, id, whom).await
    })
    .await
}

/// Revokes a user's access, and ends the invitation links by which they could join again; with the caller's own id,
/// leaves. The reply that the user pays for ends.
pub async fn remove(state: &State, account: AccountId, id: ConversationId, whose: AccountId) -> Result<(), Problem> {
    let stored = state.store.conversation(account, id).await?;
    if account != whose {
        stored.allows(Access::Owner)?;
    } else if stored.access == Access::Owner {
        return Err(Problem::Conflict("The conversation is yours. Delete it if nobody is to have it any more.".into()));
    }
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        let turn = journal.turn().await;
        if !state.store.unshare(id, whose, account != whose).await? {
            return Err(Problem::NotFound);
        }
        state.journals.tell(Topic::Account(whose), Some(&turn), Event::Deleted { conversation: id }).await;
        state.grants.revoke(Revoked::Share(whose, id));
        let stored = state.store.conversation(stored.owner.id, id).await?;
        tell(&state, &turn, &stored).await;
        state.engine.stop_in(id, whose).await
    })
    .await
}

/// Tells all lists that the conversation is shared, including the new user's; current viewers may have new rights.
async fn has_come(state: &State, turn: &HeldTurn<'_>, id: ConversationId, whom: AccountId) -> Result<(), Problem> {
    state.grants.revoke(Revoked::Share(whom, id));
    let stored = state.store.conversation(whom, id).await?;
    tell(state, turn, &stored).await;
    Ok(())
}

/// Sends everyone the current sharing. Hold the journal's turn.
async fn tell(state: &State, turn: &HeldTurn<'_>, stored: &Stored) {
    let conversation = shown(state, stored.clone());
    let event = Event::Conversation { conversation: Box::new(conversation.clone()) };
    state.journals.tell(Topic::Conversation(stored.id), Some(turn), event).await;
    tell_lists(state, Some(turn), stored, &conversation).await;
}

/// A link to create.
#[derive(Clone, Copy, Debug)]
pub struct NewLink {
    pub role: Access,
    pub uses: i64,
    pub days: u64,
}

/// Creates an invitation link. Its secret is returned once and stored only as a hash.
pub async fn make_link(
    state: &State,
    account: AccountId,
    id: ConversationId,
    new: NewLink,
) -> Result<(String, InviteLink), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    if !(1..=MAX_USES).contains(&new.uses) {
        return Err(Problem::invalid("uses", format!("A link is for 1 to {MAX_USES} people.")));
    }
    if !(1..=MAX_DAYS).contains(&new.days) {
        return Err(Problem::invalid("days", format!("A link is open for 1 to {MAX_DAYS} days.")));
    }
    let secret = secret::short()?;
    let link = InviteLink {
        hash: Hash::of(&secret),
        role: new.role,
        uses: new.uses,
        used: 0,
        ends_at: ahead(Duration::from_secs(new.days * 86_400)),
        created_at: super::times::now(),
    };
    let (store, added, writer) = (state.store.clone(), link.clone(), state.writer(account));
    owned(async move {
        if store.add_share_link(writer, id, &added, MAX_LINKS).await? {
            return Ok(());
        }
        Err(Problem::Conflict(format!("{MAX_LINKS} links are open already. Withdraw one first.")))
    })
    .await?;
    Ok((secret, link))
}

/// Revokes a link. Users who have joined by it stay.
pub async fn end_link(state: &State, account: AccountId, id: ConversationId, link: Hash) -> Result<(), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    let store = state.store.clone();
    owned(async move { Ok(store.end_share_link(id, link).await?) }).await
}

/// Marks the account as typing, so that others see it for some seconds.
pub async fn set_typing(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Participant)?;
    // Nothing is written that would ask, and the caller may have been recognised a second ago.
    state.store.ask_again().await?;
    state.audience.typing(id, account);
    Ok(())
}

/// The conversation that a link leads to.
///
/// # Errors
/// 404 for a link that is expired, used up or unknown; 429 after too many attempts.
pub async fn invitation(state: &State, address: IpAddr, secret: &str) -> Result<Invitation, Problem> {
    let knock = state.throttle.link(address).await?;
    let found = state.store.open_share_link(Hash::of(secret)).await?;
    if found.is_none() {
        knock.missed().await;
    }
    found.ok_or(Problem::NotFound)
}

/// Joins by an invitation link.
///
/// # Errors
/// As [`invitation`]; 409 where the conversation has `MAX_PEOPLE` people.
pub async fn join(state: &State, address: IpAddr, account: AccountId, secret: &str) -> Result<Conversation, Problem> {
    let link = Hash::of(secret);
    let invitation = match invitation(state, address, secret).await {
        // Idempotent for a user who has joined: the first answer may have been lost.
        Err(Problem::NotFound) => return came_in(state, account, link).await,
        known => known?,
    };
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(invitation.conversation));
        let turn = journal.turn().await;
        let taken = state.store.take_share_link(state.writer(account), link, MAX_PEOPLE).await?;
        let (id, given) = taken.ok_or(Problem::NotFound)?;
        match given {
            Given::Full => return Err(full()),
            Given::New => has_come(&state, &turn, id, account).await?,
            Given::Before => {}
        }
        Ok(shown(&state, state.store.conversation(account, id).await?))
    })
    .await
}

/// The conversation of a link that has expired or is used up, for users who have joined.
async fn came_in(state: &State, account: AccountId, link: Hash) -> Result<Conversation, Problem> {
    let id = state.store.share_link_place(link).await?.ok_or(Problem::NotFound)?;
    Ok(shown(state, state.store.conversation(account, id).await?))
}

/// Creates the public link, and returns it once. The previous link ends.
pub async fn publish(state: &State, account: AccountId, id: ConversationId, names: bool) -> Result<String, Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    let secret = secret::short()?;
    let (state, link) = (state.clone(), Hash::of(&secret));
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        let turn = journal.turn().await;
        state.store.set_public_link(state.writer(account), id, link, names).await?;
        is_published(&state, &turn, account, id).await
    })
    .await?;
    Ok(secret)
}

/// Revokes the public link: its readers lose access.
///
/// # Errors
/// 404 where there is no such link.
pub async fn unpublish(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        let turn = journal.turn().await;
        if !state.store.end_public_link(id).await? {
            return Err(Problem::NotFound);
        }
        is_published(&state, &turn, account, id).await
    })
    .await
}

async fn is_published(
    state: &State,
    turn: &HeldTurn<'_>,
    account: AccountId,
    id: ConversationId,
) -> Result<(), Problem> {
    state.grants.revoke(Revoked::PublicLink(id));
    let stored = state.store.conversation(account, id).await?;
    tell(state, turn, &stored).await;
    Ok(())
}

/// The conversation that a public link opens.
///
/// # Errors
/// 404 for a link that is revoked or unknown; 429 after too many attempts.
pub async fn published(state: &State, address: IpAddr, secret: &str) -> Result<ConversationId, Problem> {
    let knock = state.throttle.link(address).await?;
    let found = state.store.public_conversation(Hash::of(secret)).await?;
    if found.is_none() {
        knock.missed().await;
    }
    found.ok_or(Problem::NotFound)
}
