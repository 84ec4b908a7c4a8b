//! Single messages, and pages of messages up the branch that is shown.

use super::State;
use super::conversations::{PAGE, limited, path};
use super::journal::Topic;
use super::principal::ViewerId;
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, Message, MessageId, Role};

/// A message that the viewer may see. An open reply has the text so far.
pub async fn message(state: &State, viewer: impl Into<ViewerId>, id: MessageId) -> Result<Message, Problem> {
    let (mut message, conversation) = state.store.message_for(viewer, id).await?;
    bring_up_to_date(state, conversation.id, [&mut message]).await;
    Ok(message)
}

/// A model's reply that the account may see.
pub async fn reply(state: &State, account: AccountId, id: MessageId) -> Result<Message, Problem> {
    let message = message(state, account, id).await?;
    if message.role == Role::Assistant { Ok(message) } else { Err(Problem::NotFound) }
}

/// Where a page of messages ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// With the newest message that is shown.
    Shown,
    /// With this message, on whichever branch it is.
    With(MessageId),
    /// Before this message.
    Before(MessageId),
}

/// Up to `limit` messages before `end` on the path from the first one, oldest first, and where the page before ends.
pub async fn page(
    state: &State,
    account: AccountId,
    id: ConversationId,
    end: End,
    limit: Option<i64>,
) -> Result<(Vec<Message>, Option<MessageId>), Problem> {
    let limit = limited(limit, PAGE)?;
    state.store.conversation(account, id).await?;
    let (leaf, field) = match end {
        End::Shown => (state.store.shown_leaf(id).await?, ""),
        End::With(message) => (Some(message), "leaf"),
        End::Before(message) => (Some(message), "cursor"),
    };
    let Some(leaf) = leaf else { return Ok((Vec::new(), None)) };
    let is_before = matches!(end, End::Before(_));
    let (mut messages, more) = match path(state, id, leaf, limit, is_before).await {
        Err(Problem::NotFound) if !field.is_empty() => {
            return Err(Problem::invalid(field, "The conversation has no such message."));
        }
        found => found?,
    };
    bring_up_to_date(state, id, &mut messages).await;
    let next = messages.first().filter(|_| more).map(|first| first.id);
    Ok((messages, next))
}

/// The store is up to a second behind the journal of an open reply.
async fn bring_up_to_date<'a>(
    state: &State,
    conversation: ConversationId,
    messages: impl IntoIterator<Item = &'a mut Message>,
) {
    let Some(open) = messages.into_iter().find(|message| message.status.is_open()) else { return };
    let (_, draft) = state.journals.attached(Topic::Conversation(conversation)).await.end();
    if let Some(draft) = draft.filter(|draft| draft.reply == open.id) {
        draft.write_to(open);
    }
}
