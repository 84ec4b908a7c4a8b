//! Conversations: created, listed, shown, changed, deleted. Every change is sent to the viewers.

pub mod forking;
pub mod leaving;

use super::journal::{HeldTurn, Topic};
use super::principal::ViewerId;
use super::site_view::Eyes;
use super::store::conversations::{ListPosition, Stored};
use super::store::making::taken;
use super::task::owned;
use super::{State, announce, nul, prompt, public, versions};
use crate::contract::Changes;
use crate::error::Problem;
use crate::event::{Draft, Event, List, Snapshot};
use crate::model::{Access, AccountId, Conversation, ConversationId, Message, MessageId, Standing, Status};

/// Messages in a snapshot (design: the last 50).
pub const SNAPSHOT_MESSAGES: i64 = 50;
/// Text and thinking in the messages of a snapshot or a page of messages, in bytes. The rest is on earlier pages; the
/// newest message is always included, and a reply ends before it is longer than this.
const MAX_TEXT_BYTES: i64 = 2 << 20;
/// Conversations on one page of the list.
pub const PAGE: i64 = 50;
/// The largest page that a caller may ask for.
const MAX_PER_PAGE: i64 = 200;

/// The account's conversations, newest first, after `after` (a previous page's `next`): those that were put away, or the
/// others.
pub async fn list(
    state: &State,
    account: AccountId,
    after: Option<&str>,
    limit: Option<i64>,
    is_archived: bool,
) -> Result<List, Problem> {
    let limit = limited(limit, PAGE)?;
    let after = after.map(place).transpose()?;
    // The cursor first: what is added while the store is read is then sent again, and never missed.
    let (cursor, _) = state.journals.attached(Topic::Account(account)).await.end();
    let mut found = state.store.conversations(account, after.as_ref(), limit + 1, is_archived).await?;
    let more = limit < found.len() as i64;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| format!("{}_{}", last.updated_at, last.id));
    let mut items: Vec<_> = found.into_iter().map(|stored| shown(state, stored)).collect();
    fill(state, account, &mut items).await?;
    Ok(List { items, next, cursor, preferences: None })
}

/// Says of each how it stands in the account's list.
pub(super) async fn fill(state: &State, account: AccountId, items: &mut [Conversation]) -> Result<(), Problem> {
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    let mut standings = state.store.standings(account, &ids).await?;
    for item in items {
        item.standing = standings.remove(&item.id).map(Standing::told).unwrap_or_default();
    }
    Ok(())
}

/// The page size: the requested one, within bounds.
pub(super) fn limited(limit: Option<i64>, usual: i64) -> Result<i64, Problem> {
    let limit = limit.unwrap_or(usual);
    if (1..=MAX_PER_PAGE).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::invalid("limit", format!("A page holds 1 to {MAX_PER_PAGE}.")))
}

fn place(next: &str) -> Result<ListPosition, Problem> {
    let (updated_at, id) = next
        .split_once('_')
        .filter(|_| !nul::is_in(next))
        .ok_or_else(|| Problem::invalid("cursor", "This is not the `next` of a page of the list."))?;
    Ok(ListPosition { updated_at: updated_at.into(), id: id.into() })
}

pub(super) fn shown(state: &State, stored: Stored) -> Conversation {
    stored.shown(&state.providers.default_model())
}

/// Creates a conversation. Idempotent: the account may have created it already.
pub async fn ensure(
    state: &State,
    account: AccountId,
    id: ConversationId,
    settings: Changes,
) -> Result<Conversation, Problem> {
    let settings = prompt::changes(&state.providers, settings)?;
    let state = state.clone();
    owned(async move {
        let found = state.store.add_conversation(state.writer(account), id, settings).await?;
        let (stored, made) = found.ok_or_else(taken)?;
        let conversation = shown(&state, stored.clone());
        if made {
            tell_lists(&state, None, &stored, &conversation).await;
        }
        Ok(conversation)
    })
    .await
}

/// Changes title, model, system prompt or parameters.
pub async fn change(
    state: &State,
    account: AccountId,
    id: ConversationId,
    changes: Changes,
) -> Result<Conversation, Problem> {
    let changes = prompt::changes(&state.providers, changes)?;
    let state = state.clone();
    owned(async move {
        state.store.conversation(account, id).await?.allows(Access::Owner)?;
        let journal = state.journals.topic(Topic::Conversation(id));
        // Changes, messages and deletion are announced in the order in which they are written.
        let turn = journal.turn().await;
        let stored = state.store.change_conversation(state.writer(account), id, &changes).await?;
        let conversation = shown(&state, stored.clone());
        let event = Event::Conversation { conversation: Box::new(conversation.clone()) };
        state.journals.tell(Topic::Conversation(id), Some(&turn), event).await;
        tell_lists(&state, Some(&turn), &stored, &conversation).await;
        Ok(conversation)
    })
    .await
}

pub(super) async fn tell_lists(
    state: &State,
    turn: Option<&HeldTurn<'_>>,
    stored: &Stored,
    conversation: &Conversation,
) {
    let event = Event::Conversation { conversation: Box::new(conversation.clone()) };
    announce::tell(&state.store, &state.journals, stored, turn, event).await;
}

/// Deletes the conversation with everything in it; an open reply is stopped first, and its viewers are told.
pub async fn delete(state: &State, account: AccountId, id: ConversationId) -> Result<(), Problem> {
    remove(state, account, id, false).await
}

/// Deletes the conversation, or marks it so that it can be brought back for some seconds (`leaving`).
async fn remove(state: &State, account: AccountId, id: ConversationId, marks: bool) -> Result<(), Problem> {
    let state = state.clone();
    owned(async move {
        state.store.conversation(account, id).await?.allows(Access::Owner)?;
        let journal = state.journals.topic(Topic::Conversation(id));
        let turn = journal.turn().await;
        let stored = state.store.conversation(account, id).await?;
        let members = announce::members(&state.store, &stored).await?;
        state.store.ask_again().await?;
        if let Err(problem) = state.engine.settle(id).await {
            tracing::debug!(%problem, "What is deleted need not be saved");
        }
        match marks {
            true => state.store.mark_leaving(account, id).await?,
            false => state.store.delete_conversation(account, id).await?,
        }
        // Nobody may read its events any more. One that is brought back has another journal.
        state.journals.delete(Topic::Conversation(id), &turn, Event::Deleted { conversation: id }).await;
        for account in members {
            state.journals.tell(Topic::Account(account), Some(&turn), Event::Deleted { conversation: id }).await;
        }
        Ok(())
    })
    .await
}

/// Deletes all of the account's own conversations, one after the other.
pub async fn delete_all(state: &State, account: AccountId) -> Result<(), Problem> {
    loop {
        let found = state.store.own_conversations(account, MAX_PER_PAGE).await?;
        if found.is_empty() {
            return Ok(());
        }
        for conversation in found {
            match delete(state, account, conversation).await {
                // Another request was quicker.
                Ok(()) | Err(Problem::NotFound) => {}
                Err(problem) => return Err(problem),
            }
        }
    }
}

/// The conversation's current state, with the cursor that it covers.
pub async fn snapshot(state: &State, viewer: impl Into<ViewerId>, id: ConversationId) -> Result<Snapshot, Problem> {
    let viewer = viewer.into();
    state.store.conversation_for(viewer, id).await?;
    // The cursor before the state: events in between are then sent again, which changes nothing, and none is missed.
    let (cursor, draft) = state.journals.attached(Topic::Conversation(id)).await.end();
    let stored = state.store.conversation_for(viewer, id).await?;
    let (mut messages, earlier) = match state.store.shown_leaf(id).await? {
        None => (Vec::new(), false),
        Some(leaf) => path(state, id, leaf, SNAPSHOT_MESSAGES, false).await?,
    };
    let open = |message: &&mut Message| draft.as_ref().is_some_and(|draft| draft.reply == message.id);
    if let (Some(message), Some(draft)) = (messages.iter_mut().find(open), &draft) {
        // The store is up to a second behind the journal or, just after the reply's end, ahead of it.
        message.status = Status::Streaming;
        draft.write_to(message);
    }
    // Open, and not in our journal: another process is writing it.
    let of_other_process = messages.last().filter(|message| message.status.is_open()).map(Draft::stored);
    let (access, names, site) = (stored.access, stored.names, stored.site);
    let mut conversation = shown(state, stored);
    conversation.queued = Some(state.store.queued(id).await?).filter(|queued| !queued.is_empty());
    let assignment = None;
    let mut snapshot =
        Snapshot { conversation, access, assignment, messages, earlier, draft: draft.or(of_other_process), cursor };
    if let ViewerId::Public(_) = viewer {
        public::snapshot(&mut snapshot, names);
    }
    if let Some(eyes) = Eyes::of(&state.store, viewer, site).await? {
        eyes.snapshot(&mut snapshot);
        snapshot.assignment = Some(eyes.assigned(&state.store.assigned(id).await?));
    }
    Ok(snapshot)
}

/// The messages above `before` on its path to the root, and whether there are more.
pub async fn earlier(
    state: &State,
    viewer: ViewerId,
    id: ConversationId,
    before: MessageId,
) -> Result<(Vec<Message>, bool), Problem> {
    let stored = state.store.conversation_for(viewer, id).await?;
    let (names, site) = (stored.names, stored.site);
    let (mut messages, more) = path(state, id, before, SNAPSHOT_MESSAGES, true).await?;
    if let ViewerId::Public(_) = viewer {
        messages.iter_mut().for_each(|message| public::message(message, names));
    }
    if let Some(eyes) = Eyes::of(&state.store, viewer, site).await? {
        messages.iter_mut().for_each(|message| eyes.message(message));
    }
    Ok((messages, more))
}

/// The path to `leaf`, at most `limit` messages of it with their version numbers, and whether there are more above.
/// With `before`, without `leaf` itself. `RowNotFound` where the conversation has no such message.
pub(super) async fn path(
    state: &State,
    id: ConversationId,
    leaf: MessageId,
    limit: i64,
    before: bool,
) -> Result<(Vec<Message>, bool), Problem> {
    let uncounted = i64::from(before);
    let mut messages = state.store.path(id, leaf, limit + uncounted, (MAX_TEXT_BYTES, uncounted)).await?;
    let more = messages.first().ok_or(Problem::NotFound)?.parent.is_some();
    if before {
        messages.pop();
    }
    versions::number(state, id, &mut messages).await?;
    Ok((messages, more))
}
