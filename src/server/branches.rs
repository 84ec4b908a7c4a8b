//! The branches of a conversation: its tree, and which path through it is shown.

use super::State;
use super::conversations::{limited, snapshot};
use super::engine::{NewMessage, Parent};
use super::journal::Topic;
use super::prompt::Prompt;
use super::store::branches::Node;
use super::task::owned;
use crate::contract::Sent;
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{Access, AccountId, ConversationId, MessageId, Role};

/// Messages of the tree on one page.
const PAGE: i64 = 200;
/// Length of an excerpt that tells one message from another.
const BEGINNING_CHARACTERS: i64 = 120;

/// The conversation's messages in order of creation, after `after` (a previous page's `next`), and the next page's
/// `after`.
pub async fn tree(
    state: &State,
    account: AccountId,
    id: ConversationId,
    after: Option<&str>,
    limit: Option<i64>,
) -> Result<(Vec<Node>, Option<String>), Problem> {
    let limit = limited(limit, PAGE)?;
    let place = |text: &str| text.parse().map_err(|_| Problem::invalid("cursor", "This is not the `next` of a page."));
    let after = after.map(place).transpose()?.unwrap_or(0);
    state.store.conversation(account, id).await?;
    let leaf = state.store.shown_leaf(id).await?;
    let mut nodes = state.store.nodes(id, leaf, (after, limit + 1), BEGINNING_CHARACTERS).await?;
    let more = limit < nodes.len() as i64;
    nodes.truncate(limit as usize);
    let next = nodes.last().filter(|_| more).map(|node| node.position.to_string());
    Ok((nodes, next))
}

/// Shows the branch through `message`, down to its newest message. Every viewer gets a snapshot.
pub async fn show(
    state: &State,
    account: AccountId,
    id: ConversationId,
    message: MessageId,
) -> Result<Snapshot, Problem> {
    let state = state.clone();
    owned(async move {
        state.store.conversation(account, id).await?.allows(Access::Participant)?;
        let journal = state.journals.topic(Topic::Conversation(id));
        let _turn = journal.turn().await;
        let leaf = state.store.newest_below(id, message).await?;
        let leaf = leaf.ok_or_else(|| Problem::invalid("message", "The conversation has no such message."))?;
        let newest = state.store.leaf(id).await?;
        if journal.end().1.is_some() || newest.is_some_and(|newest| newest.process.is_some()) {
            let message = "A reply is being written. Stop it, or wait for its end, then choose a branch.";
            return Err(Problem::Conflict(message.into()));
        }
        state.store.show_branch(state.writer(account), id, leaf).await?;
        state.journals.start_over(Topic::Conversation(id)).await;
        snapshot(&state, account, id).await
    })
    .await
}

/// Shows version `number` among the siblings of `message`, and the newest messages below it.
pub async fn show_version(
    state: &State,
    account: AccountId,
    message: MessageId,
    number: u32,
) -> Result<ConversationId, Problem> {
    let (message, conversation) = state.store.message_for(account, message).await?;
    conversation.allows(Access::Participant)?;
    let siblings = state.store.siblings(conversation.id, [message.parent]).await?;
    let index = (number as usize).checked_sub(1);
    let version = index.and_then(|index| siblings.get(&message.parent)?.get(index).copied());
    let version = version.ok_or_else(|| Problem::invalid("number", "This message has fewer versions."))?;
    show(state, account, conversation.id, version).await?;
    Ok(conversation.id)
}

/// Replaces `message`, with its images, by `text`: a sibling message, which is answered. Both branches are kept.
pub async fn edit(
    state: &State,
    account: AccountId,
    message: MessageId,
    new: MessageId,
    text: Prompt,
    model: Option<String>,
) -> Result<Sent, Problem> {
    let (message, conversation) = state.store.message_for(account, message).await?;
    conversation.allows(Access::Participant)?;
    if message.role != Role::User || message.author.is_none_or(|author| author.id != account) {
        return Err(Problem::invalid("message", "Only what you said yourself can be changed."));
    }
    let parent = message.parent.map_or(Parent::None, Parent::Reply);
    let images = message.images.iter().map(|image| image.id).collect();
    state
        .engine
        .send(account, conversation.id, NewMessage { images, model, parent, ..NewMessage::new(new, text) })
        .await
}
