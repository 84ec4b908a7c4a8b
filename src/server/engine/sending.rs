//! What a person says, and where in the conversation.

use super::admission::Admission;
use super::opening::{asked_with, empty_reply, person_message};
use super::telling::MAX_TURNS;
use super::{Shared, Target};
use crate::contract::{Changes, Sent};
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, ImageId, Message, MessageId, Parameters, Role};
use crate::server::journal::{HeldTurn, Journal, Moment, Topic};
use crate::server::prompt::{self, Prompt};
use crate::server::store::before_send::BeforeSend;
use crate::server::store::conversations::Stored;
use crate::server::store::history::History;
use crate::server::store::making::taken;
use crate::server::store::messages::is_overtaken;
use crate::server::sync::lock;
use std::sync::Arc;

/// What a person says.
#[derive(Clone)]
pub struct NewMessage {
    pub id: MessageId,
    pub text: Prompt,
    pub images: Vec<ImageId>,
    /// None: the conversation's.
    pub model: Option<String>,
    pub parent: Parent,
    /// Creates the conversation with these settings, where it does not exist yet.
    pub start: Option<Changes>,
    /// Refused with 409 while a reply is open, instead of stopping it.
    pub waits: bool,
}

impl NewMessage {
    pub fn new(id: MessageId, text: Prompt) -> Self {
        Self { id, text, images: Vec::new(), model: None, parent: Parent::Shown, start: None, waits: false }
    }
}

/// Which message a new one answers.
#[derive(Clone, Copy, Debug)]
pub enum Parent {
    /// The last one that is shown.
    Shown,
    /// None: it begins the conversation anew.
    None,
    /// This reply, which begins a branch where the reply has an answer already.
    Reply(MessageId),
}

impl Parent {
    /// Whether a message with this parent is one that was sent so.
    fn is(self, parent: Option<MessageId>) -> bool {
        match self {
            Self::Shown => true,
            Self::None => parent.is_none(),
            Self::Reply(reply) => parent == Some(reply),
        }
    }
}

/// Waits for the turn, and keeps what was read early where it still holds then. Who has to wait keeps nothing: a whole
/// conversation for each of many who wait would take much memory, and somebody else is before them anyway.
async fn in_turn<'a>(
    journal: &'a Arc<Journal>,
    early: Option<(Moment<'_>, BeforeSend)>,
) -> (HeldTurn<'a>, Option<BeforeSend>) {
    match journal.turn_now() {
        Some(turn) => {
            let early = early.filter(|(moment, _)| turn.is_next_after(moment));
            (turn, early.map(|(_, before)| before))
        }
        None => {
            drop(early);
            (journal.turn().await, None)
        }
    }
}

impl Shared {
    /// Once more where another node was sooner in the conversation: what it has written then comes before this.
    pub(super) async fn send(
        self: &Arc<Self>,
        account: AccountId,
        conversation: ConversationId,
        new: NewMessage,
    ) -> Result<Sent, Problem> {
        if !self.store.has_nodes() {
            return self.send_now(account, conversation, new).await;
        }
        match self.send_now(account, conversation, new.clone()).await {
            Err(problem) if is_overtaken(&problem) => self.send_now(account, conversation, new).await,
            sent => sent,
        }
    }

    async fn send_now(
        self: &Arc<Self>,
        account: AccountId,
        conversation: ConversationId,
        new: NewMessage,
    ) -> Result<Sent, Problem> {
        let NewMessage { id, text, images, model, parent, start, waits } = new;
        let start = start.map(|settings| prompt::changes(&self.providers, settings)).transpose()?;
        let is_usual = start.is_none() && matches!(parent, Parent::Shown);
        let early = match is_usual {
            true => self.read_early(account, conversation, id, model.as_deref()).await?,
            false => None,
        };
        if early.is_none() {
            self.target(account, conversation, start.as_ref()).await?;
        }
        tracing::debug!(%conversation, sent = %id, "A message comes in");
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let (turn, early) = in_turn(&journal, early).await;
        if waits && !self.is_quiet(conversation) {
            return Err(Problem::Conflict("A reply is being written here.".into()));
        }
        let is_usual = is_usual && self.is_quiet(conversation);
        let before = match early.filter(|_| is_usual) {
            // Read in our turn: it may have been changed, or deleted, while we waited.
            None if is_usual => self.read_before(account, conversation, id, model.as_deref()).await?,
            early => early,
        };
        if let Some(BeforeSend { stored, quota, used, author, own, history }) = before {
            stored.allows(Access::Participant)?;
            let model = self.choose(model, &stored)?;
            let images = self.images(account, &images, &model).await?;
            let quota = self.has_tokens(quota, used)?;
            let admission = self.admit(account, conversation, quota).await?;
            let parent = history.told.last().map(|told| told.id);
            let message = person_message(id, parent, author, text.into_text(), images);
            return self.answer(stored.into(), &admission, &turn, message, (&own, history), &model).await;
        }
        let target = self.target(account, conversation, start.as_ref()).await?;
        if let Some(sent) = self.sent_before(account, conversation, id, (&text, &images, parent)).await? {
            return Ok(sent);
        }
        self.check_parent(conversation, parent).await?;
        let model = self.choose(model, &target.stored)?;
        let images = self.images(account, &images, &model).await?;
        let quota = self.allowed(account).await?;
        let admission = self.admit(account, conversation, quota).await?;
        let (parent, history) = self.before(&target, parent, &model).await?;
        let author = self.store.named(account).await?;
        let message = person_message(id, parent, author, text.into_text(), images);
        let own = self.store.own_instructions(account).await?;
        self.answer(target, &admission, &turn, message, (&own, history), &model).await
    }

    /// What a message needs, and the moment at which it was read, where nobody has the conversation's turn or reads this
    /// early. It is read before our turn, so that a stranger never takes it, and one read answers who may write and what
    /// was said.
    async fn read_early(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: MessageId,
        model: Option<&str>,
    ) -> Result<Option<(Moment<'_>, BeforeSend)>, Problem> {
        let moment = self.journals.moment(Topic::Conversation(conversation));
        let Some(moment) = moment.filter(|_| self.is_quiet(conversation)) else { return Ok(None) };
        let before = self.read_before(account, conversation, message, model).await?;
        let before = before.filter(|before| before.stored.allows(Access::Participant).is_ok());
        Ok(before.map(|before| (moment, before)))
    }

    /// What a message needs, in the usual case. Which model answers may only be known from what is read: where that one can
    /// be told more than was read for the default, more is read ([`Shared::ask`]).
    async fn read_before(
        &self,
        account: AccountId,
        conversation: ConversationId,
        message: MessageId,
        model: Option<&str>,
    ) -> Result<Option<BeforeSend>, Problem> {
        let default = self.providers.default_model();
        let reach = self.reach(conversation, model.unwrap_or(&default), &Parameters::default());
        Ok(self.store.before_send(account, conversation, message, MAX_TURNS, reach).await?)
    }

    /// Opens the reply to a message, told what came before, and the account's own instructions.
    async fn answer(
        self: &Arc<Self>,
        target: Target,
        admission: &Admission,
        turn: &HeldTurn<'_>,
        message: Message,
        (own, history): (&str, History),
        model: &str,
    ) -> Result<Sent, Problem> {
        let mut reply = empty_reply(message.id, model, String::new());
        let asked = self.ask(&asked_with(&target.stored, own), history, Some(&message), model, &mut reply).await?;
        let cursor = self.open(target, admission, turn, Some(&message), &reply, asked).await?;
        Ok(Sent { cursor, message, reply })
    }

    /// Whether nothing has to end before a new reply begins, as far as this process knows. Asked in the journal's turn.
    fn is_quiet(&self, conversation: ConversationId) -> bool {
        lock(&self.open).in_conversation(conversation).is_none()
            && !lock(&self.other_replies).is_in(conversation)
            && self.store.held_in(conversation).is_none()
    }

    /// The conversation that the account writes to: the stored one, or the one that `start` creates. Called before its
    /// journal is touched, so that a stranger never waits for, or takes, a turn in another account's conversation.
    async fn target(
        &self,
        account: AccountId,
        conversation: ConversationId,
        start: Option<&Changes>,
    ) -> Result<Target, Problem> {
        let found = self.store.conversation(account, conversation).await;
        let Some(settings) = start else {
            let stored = found?;
            stored.allows(Access::Participant)?;
            return Ok(stored.into());
        };
        match found {
            Ok(stored) if stored.access == Access::Owner => Ok(stored.into()),
            Ok(_) => Err(taken()),
            Err(sqlx::Error::RowNotFound) => self.plan(account, conversation, settings.clone()).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The conversation that `start` creates.
    async fn plan(&self, account: AccountId, id: ConversationId, start: Changes) -> Result<Target, Problem> {
        if self.store.is_taken(account, id).await? {
            return Err(taken());
        }
        let owner = self.store.named(account).await?;
        Ok(Target { stored: Stored::planned(id, owner, start.clone()), start: Some(start), site: None })
    }

    /// The message's parent and the history up to it, after the open reply has ended. A new conversation has neither.
    async fn before(
        &self,
        Target { stored, start, .. }: &Target,
        parent: Parent,
        model: &str,
    ) -> Result<(Option<MessageId>, History), Problem> {
        if start.is_some() {
            return Ok((None, History::none()));
        }
        self.settle(stored.id).await?;
        let parent = match parent {
            Parent::Shown => self.store.shown_leaf(stored.id).await?,
            Parent::None => None,
            Parent::Reply(reply) => Some(reply),
        };
        Ok((parent, self.history(stored, parent, model).await?))
    }

    /// The answer to a send that has been done before, as it was then: its cursor is where the reply begins.
    async fn sent_before(
        &self,
        account: AccountId,
        conversation: ConversationId,
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
                let journal = self.journals.attached(Topic::Conversation(conversation)).await;
                Ok(Some(Sent { message, cursor: journal.cursor_of(id), reply }))
            }
            _ => Err(Problem::Conflict("Another message has this id already. Send it with a new id.".into())),
        }
    }

    /// What is said answers a reply of the same conversation.
    async fn check_parent(&self, conversation: ConversationId, parent: Parent) -> Result<(), Problem> {
        let Parent::Reply(reply) = parent else { return Ok(()) };
        match self.store.message(reply).await? {
            Some((message, place, _)) if place == conversation && message.role == Role::Assistant => Ok(()),
            _ => Err(Problem::invalid("parent", "The parent is a reply in this conversation, or null for none.")),
        }
    }
}
