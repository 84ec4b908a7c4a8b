//! Sharing a conversation: with people by name, by links that people come in by, and with everybody by a public link.
//!
//! Who may do what is [`Stored::allows`](super::store::conversations::Stored::allows)'s to say. What changes here is told to
//! every list that the conversation is in, and whoever looks at it looks again whether they may.

use super::State;
use super::conversations::{shown, tell_lists};
use super::journal::Topic;
use super::limits::Sender;
use super::principal::{Name, Who};
use super::secret::{self, Hash};
use super::store::conversations::Stored;
use super::store::public_links::PublicLink;
use super::store::revocations::Revoked;
use super::store::sharing::{Given, Invitation, Link, Share};
use super::task::owned;
use super::times::ahead;
use crate::error::Problem;
use crate::event::Event;
use crate::model::{Access, AccountId, Conversation, ConversationId};
use std::net::IpAddr;
use std::time::Duration;

/// People in one conversation besides its owner. Every message is told to the list of each of them.
pub const MOST_PEOPLE: i64 = 50;
/// Open links of one conversation.
const MOST_LINKS: i64 = 20;
/// A link is forgotten in somebody's mail. It may bring in a team, and is over after a month at the latest.
pub const MOST_USES: i64 = MOST_PEOPLE;
pub const MOST_DAYS: u64 = 30;

/// Who may use a conversation.
#[derive(Clone, Debug)]
pub struct Sharing {
    pub stored: Stored,
    pub people: Vec<Share>,
    /// For the owner alone.
    pub links: Vec<Link>,
    /// For the owner alone.
    pub public: Option<PublicLink>,
}

/// Who may use it, for whoever may.
pub async fn sharing(state: &State, account: AccountId, id: ConversationId) -> Result<Sharing, Problem> {
    let stored = state.store.conversation(account, id).await?;
    let people = state.store.shares(id).await?;
    let (links, public) = match stored.access {
        Access::Owner => (state.store.share_links(id).await?, state.store.public_link(id).await?),
        Access::Participant | Access::Reader => (Vec::new(), None),
    };
    Ok(Sharing { stored, people, links, public })
}

/// What somebody may be made.
///
/// # Errors
/// 422 for the field `role`.
pub fn role(text: &str) -> Result<Access, Problem> {
    let roles = [Access::Reader, Access::Participant];
    let role = roles.into_iter().find(|role| role.name() == text);
    role.ok_or_else(|| Problem::invalid("role", "Somebody can be a reader or a participant."))
}

fn full() -> Problem {
    Problem::Conflict(format!("{MOST_PEOPLE} people are here already. Take somebody's access back first."))
}

/// Shares it with somebody by name.
///
/// # Errors
/// 403 for a guest: names are for those who have one; 422 for the field `name` where nobody is called so, 409 where so many
/// people are here that there is no room, 429 for whoever tries many.
pub async fn add(
    state: &State,
    who: Who,
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
    // Counted with what is sent: it reaches somebody too.
    state.limits.send(Sender::Account(who.account), per_minute)?;
    give(state, who.account, id, found, role).await
}

async fn find_by_name(state: &State, address: IpAddr, name: &str) -> Result<AccountId, Problem> {
    let nobody = || Problem::invalid("name", "Nobody here is called so. Check the name, or send an invitation link.");
    let attempt = state.throttle.name(address)?;
    let key = Name::parse(name).map_err(|_| nobody())?;
    let found = state.store.credentials(key.key()).await?.filter(|found| !found.disabled).ok_or_else(nobody)?;
    attempt.succeeded();
    Ok(found.account)
}

/// Gives somebody who is here another role.
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
        // Told in the order in which it is written.
        let _turn = journal.turn.lock().await;
        state.store.conversation(account, id).await?.allows(Access::Owner)?;
        match state.store.share(state.writer(account), id, whom, role, MOST_PEOPLE).await? {
            Given::Full => return Err(full()),
            Given::New => has_come(&state, id, whom).await?,
            Given::Before => {}
        }
        if role == Access::Reader {
            // Who may not stop it any more does not go on paying for it.
            state.engine.stop_in(id, whom).await?;
        }
        find(&state, id, whom).await
    })
    .await
}

/// Takes somebody's access back, and ends the invitation links by which they could come in again; of oneself, leaves. The
/// reply that they pay for ends.
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
        let _turn = journal.turn.lock().await;
        if !state.store.unshare(id, whose, account != whose).await? {
            return Err(Problem::NotFound);
        }
        state.journals.append(Topic::Account(whose), Event::Deleted { conversation: id });
        state.grants.revoke(Revoked::Share(whose, id));
        let stored = state.store.conversation(stored.owner.id, id).await?;
        tell(&state, &stored).await;
        state.engine.stop_in(id, whose).await
    })
    .await
}

/// Everybody is told that it is shared, whoever is new with that; and whoever looks already may do something else now.
async fn has_come(state: &State, id: ConversationId, whom: AccountId) -> Result<(), Problem> {
    state.grants.revoke(Revoked::Share(whom, id));
    let stored = state.store.conversation(whom, id).await?;
    tell(state, &stored).await;
    Ok(())
}

/// Tells everybody how it stands now. Hold the journal's turn.
async fn tell(state: &State, stored: &Stored) {
    let conversation = shown(state, stored.clone());
    let event = Event::Conversation { conversation: Box::new(conversation.clone()) };
    state.journals.append(Topic::Conversation(stored.id), event);
    tell_lists(state, stored, &conversation).await;
}

/// A link that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewLink {
    pub role: Access,
    pub uses: i64,
    pub days: u64,
}

/// Makes a link by which people come in. Its secret is returned once and nowhere kept.
pub async fn make_link(
    state: &State,
    account: AccountId,
    id: ConversationId,
    new: NewLink,
) -> Result<(String, Link), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    if !(1..=MOST_USES).contains(&new.uses) {
        return Err(Problem::invalid("uses", format!("A link is for 1 to {MOST_USES} people.")));
    }
    if !(1..=MOST_DAYS).contains(&new.days) {
        return Err(Problem::invalid("days", format!("A link is open for 1 to {MOST_DAYS} days.")));
    }
    let secret = secret::short()?;
    let link = Link {
        hash: Hash::of(&secret),
        role: new.role,
        uses: new.uses,
        used: 0,
        ends_at: ahead(Duration::from_secs(new.days * 86_400)),
        created_at: super::times::now(),
    };
    let (store, added, writer) = (state.store.clone(), link.clone(), state.writer(account));
    owned(async move {
        if store.add_share_link(writer, id, &added, MOST_LINKS).await? {
            return Ok(());
        }
        Err(Problem::Conflict(format!("{MOST_LINKS} links are open already. Withdraw one first.")))
    })
    .await?;
    Ok((secret, link))
}

/// Withdraws a link. Whoever has come in by it stays.
pub async fn end_link(state: &State, account: AccountId, id: ConversationId, link: Hash) -> Result<(), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    let store = state.store.clone();
    owned(async move { Ok(store.end_share_link(id, link).await?) }).await
}

/// Takes note that the account types, so that others see it for some seconds.
pub async fn types(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Participant)?;
    state.audience.typing(id, account);
    Ok(())
}

/// Where a link leads.
///
/// # Errors
/// 404 for one that is over, used up, or was never made; 429 for whoever tries many.
pub async fn invitation(state: &State, address: IpAddr, secret: &str) -> Result<Invitation, Problem> {
    let knock = state.throttle.link(address)?;
    let found = state.store.open_share_link(Hash::of(secret)).await?;
    found.ok_or_else(|| {
        knock.missed();
        Problem::NotFound
    })
}

/// Comes in by a link.
///
/// # Errors
/// As [`invitation`]; 409 where so many people are here that there is no room.
pub async fn come_in(
    state: &State,
    address: IpAddr,
    account: AccountId,
    secret: &str,
) -> Result<Conversation, Problem> {
    let link = Hash::of(secret);
    let invitation = match invitation(state, address, secret).await {
        // Whoever is in has come in: the answer of the first time may have been lost.
        Err(Problem::NotFound) => return came_in(state, account, link).await,
        known => known?,
    };
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(invitation.conversation));
        let _turn = journal.turn.lock().await;
        let taken = state.store.take_share_link(state.writer(account), link, MOST_PEOPLE).await?;
        let (id, given) = taken.ok_or(Problem::NotFound)?;
        match given {
            Given::Full => return Err(full()),
            Given::New => has_come(&state, id, account).await?,
            Given::Before => {}
        }
        Ok(shown(&state, state.store.conversation(account, id).await?))
    })
    .await
}

/// The conversation of a link that cannot be taken any more, for those who are there.
async fn came_in(state: &State, account: AccountId, link: Hash) -> Result<Conversation, Problem> {
    let id = state.store.share_link_place(link).await?.ok_or(Problem::NotFound)?;
    Ok(shown(state, state.store.conversation(account, id).await?))
}

/// Opens the conversation to everybody who has the link that is returned, once. A former link ends.
pub async fn publish(state: &State, account: AccountId, id: ConversationId, names: bool) -> Result<String, Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    let secret = secret::short()?;
    let (state, link) = (state.clone(), Hash::of(&secret));
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        let _turn = journal.turn.lock().await;
        state.store.set_public_link(state.writer(account), id, link, names).await?;
        is_published(&state, account, id).await
    })
    .await?;
    Ok(secret)
}

/// Closes it again: whoever reads it by the link reads no more.
///
/// # Errors
/// 404 where there is no such link.
pub async fn unpublish(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    state.store.conversation(account, id).await?.allows(Access::Owner)?;
    let state = state.clone();
    owned(async move {
        let journal = state.journals.topic(Topic::Conversation(id));
        let _turn = journal.turn.lock().await;
        if !state.store.end_public_link(id).await? {
            return Err(Problem::NotFound);
        }
        is_published(&state, account, id).await
    })
    .await
}

async fn is_published(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    state.grants.revoke(Revoked::PublicLink(id));
    let stored = state.store.conversation(account, id).await?;
    tell(state, &stored).await;
    Ok(())
}

/// The conversation that a public link opens.
///
/// # Errors
/// 404 for one that was withdrawn or never made; 429 for whoever tries many.
pub async fn published(state: &State, address: IpAddr, secret: &str) -> Result<ConversationId, Problem> {
    let knock = state.throttle.link(address)?;
    let found = state.store.public_conversation(Hash::of(secret)).await?;
    found.ok_or_else(|| {
        knock.missed();
        Problem::NotFound
    })
}
