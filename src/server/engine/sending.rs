//! A user's message, and its place in the conversation.

use super::Shared;
use super::opening::{empty_reply, person_message};
use crate::contract::Sent;
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, ImageId, Message, MessageId, Role};
use crate::server::journal::{Journal, Topic};
use crate::server::limits::Prompt;
use crate::server::store::messages::Told;
use std::sync::Arc;

/// A user's message.
pub struct NewMessage {
    pub id: MessageId,
    pub text: Prompt,
    pub images: Vec<ImageId>,
    /// None: the conversation's.
    pub model: Option<String>,
    pub parent: Parent,
}

impl NewMessage {
    pub fn new(id: MessageId, text: Prompt) -> Self {
        Self { id, text, images: Vec::new(), model: None, parent: Parent::Shown }
    }
}

/// Which message a new one answers.
#[derive(Clone, Copy, Debug)]
pub enum Parent {
    /// The last one that is shown.
    Shown,
    /// None: it begins a new branch at the root.
    None,
    /// This reply, which begins a branch where the reply has an answer already.
    Reply(MessageId),
}

impl Parent {
    /// Whether a message with this parent is a repeat of the stored one.
    fn is(self, parent: Option<MessageId>) -> bool {
        match self {
            Self::Shown => true,
            Self::None => parent.is_none(),
            Self::Reply(reply) => parent == Some(reply),
        }
    }
}

impl Shared {
    pub(super) async fn send(
        self: &Arc<Self>,
        account: AccountId,
        conversation: ConversationId,
        new: NewMessage,
    ) -> Result<Sent, Problem> {
        let NewMessage { id, text, images, model, parent } = new;
        self.store.conversation(account, conversation).await?.allows(Access::Participant)?;
        tracing::debug!(%conversation, message = %id, "A message comes in");
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let _turn = journal.turn.lock().await;
        // Read while we hold the turn: it may have been changed, or deleted, while we waited.
        let stored = self.store.conversation(account, conversation).await?;
        stored.allows(Access::Participant)?;
        if let Some(sent) = self.sent_before(account, conversation, &journal, id, (&text, &images, parent)).await? {
            return Ok(sent);
        }
        self.check_parent(conversation, parent).await?;
        let model = self.choose(model, &stored)?;
        let images = self.images(account, &images, &model).await?;
        let quota = self.allowed(account).await?;
        let _admission = self.admit(account, conversation, quota)?;
        self.settle(conversation).await?;
        let parent = match parent {
            Parent::Shown => self.store.shown_leaf(conversation).await?,
            Parent::None => None,
            Parent::Reply(reply) => Some(reply),
        };
        let mut history = self.history(&stored, parent).await?;
        let author = self.store.named(account).await?;
        let message = person_message(id, parent, author, text.into_text(), images);
        history.push(Told::of(&message));
        let mut reply = empty_reply(message.id, &model, String::new());
        let request = self.ask(&stored, &history, &model, &mut reply).await?;
        self.open(stored, account, &journal, Some(&message), &reply, request).await?;
        Ok(Sent { cursor: journal.cursor_of(reply.id), message, reply })
    }

    /// The answer to a repeated send, equal to the first one: its cursor is where the reply begins.
    async fn sent_before(
        &self,
        account: AccountId,
        conversation: ConversationId,
        journal: &Journal,
        id: MessageId,
        (text, images, parent): (&Prompt, &[ImageId], Parent),
    ) -> Result<Option<Sent>, Problem> {
        let Some((message, place, _)) = self.store.message(id).await? else { return Ok(None) };
        let same_images = message.images.iter().map(|image| &image.id).eq(images);
        let is_mine = message.author.as_ref().is_some_and(|author| author.id == account);
        let same_place = is_mine && place == conversation && parent.is(message.parent);
        let same = same_place && message.text == text.as_str() && same_images;
        let reply = self.store.reply_to(id).await?;
        match reply {
            Some(Message { id, parent, model, asked, created_at, left_out, images_left_out, .. })
                if same && message.role == Role::User =>
            {
                let opened = Message::opened(id, parent, &asked.or(model).unwrap_or_default(), created_at);
                let reply = Message { left_out, images_left_out, ..opened };
                Ok(Some(Sent { message, cursor: journal.cursor_of(id), reply }))
            }
            _ => Err(Problem::Conflict("Another message has this id already. Send it with a new id.".into())),
        }
    }

    /// Checks that the parent is a reply of this conversation.
    async fn check_parent(&self, conversation: ConversationId, parent: Parent) -> Result<(), Problem> {
        let Parent::Reply(reply) = parent else { return Ok(()) };
        match self.store.message(reply).await? {
            Some((message, place, _)) if place == conversation && message.role == Role::Assistant => Ok(()),
            _ => Err(Problem::invalid("parent", "The parent is a reply in this conversation, or null for none.")),
        }
    }
}
