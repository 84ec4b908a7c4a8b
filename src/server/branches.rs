//! The branches of a conversation: its tree, and which way through it is shown.

use super::conversations::{limited, snapshot};
use super::journal::Topic;
use super::store::branches::Node;
use super::{State, owned};
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{Access, AccountId, ConversationId, MessageId};

/// Messages of the tree on one page.
const PAGE: i64 = 200;
/// As much of a text as tells one message from another.
const BEGINNING_CHARACTERS: i64 = 120;

/// The conversation's messages in the order in which they were made, behind `after` (a former page's `next`), and what
/// the next page begins behind.
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
        let _turn = journal.turn.lock().await;
        let leaf = state.store.newest_below(id, message).await?;
        let leaf = leaf.ok_or_else(|| Problem::invalid("message", "The conversation has no such message."))?;
        let newest = state.store.leaf(id).await?;
        if journal.end().1.is_some() || newest.is_some_and(|newest| newest.process.is_some()) {
            let message = "A reply is being written. Stop it, or wait for its end, then choose a branch.";
            return Err(Problem::Conflict(message.into()));
        }
        state.store.show_branch(id, leaf).await?;
        journal.start_over();
        snapshot(&state, account, id).await
    })
    .await
}
