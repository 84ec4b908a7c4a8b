//! Conversations of sites: who answers, and what visitors and agents do.
//!
//! A reply is opened only in a transaction that finds the state `assistant`, or makes it so itself. Whatever else changes who
//! answers ends the open reply first, in the conversation's turn; the row of the assignment decides between two at once.

mod agents;
mod call;
mod entering;
mod replying;
mod telling;
mod visitors;

pub use agents::AgentSays;
pub use call::{Call, VisitorSays};

use super::Shared;
use crate::contract::site::Said;
use crate::error::Problem;
use crate::event::{Cursor, Event};
use crate::model::{AccountId, ConversationId, Message, MessageId, Role, SiteId, Status};
use crate::server::journal::{HeldTurn, Topic};
use crate::server::limits::{Counted, Sender};
use crate::server::store::desk::Assigned;
use crate::server::store::desk::changes::{AgentStep, Done, Transition};
use crate::server::store::desk::entering::OnSite;
use crate::server::sync::lock;

/// All sites together have this part of the process's open replies at most, so that members are never starved.
const SHARE_OF_SITES: usize = 2;
/// How often an open reply is ended that another node has opened meanwhile.
const SETTLES: usize = 3;
/// Of many replies, one will have ended by then.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Who pays for an open reply of a site: its place counts until the reply has ended.
pub(super) struct Paying {
    pub(super) site: SiteId,
    _place: Counted,
}

/// What comes with a reply of a site.
pub(super) struct Coming {
    pub(super) on: OnSite,
    place: Counted,
    /// What is told before the reply.
    event: Option<Event>,
}

/// What is written with the reply, and told before it.
pub(super) struct Written {
    pub(super) on: OnSite,
    pub(super) event: Option<Event>,
}

pub(super) fn apart(coming: Option<Box<Coming>>) -> (Option<Paying>, Option<Written>) {
    let Some(coming) = coming else { return (None, None) };
    let Coming { on, place, event } = *coming;
    (Some(Paying { site: on.site, _place: place }), Some(Written { on, event }))
}

impl Shared {
    /// A place for a reply of the site.
    fn place_on_site(&self, site: SiteId, most: u32) -> Result<Counted, Problem> {
        let all = self.bounds.open_replies / SHARE_OF_SITES;
        let place = self.on_sites.one_more(Sender::Site(site), most).filter(|_| self.on_sites.total() <= all);
        place.ok_or_else(|| {
            self.metrics.refused("site replies");
            let message = "Many are being answered here at the moment. Nothing was sent; try again in a moment.".into();
            Problem::Unavailable { message, retry_after_seconds: RETRY_AFTER_SECONDS }
        })
    }

    /// Ends the conversation's open reply, and waits until its end is written. Returns the reply where it did not end by
    /// itself.
    async fn end_for_people(&self, conversation: ConversationId) -> Result<Option<MessageId>, Problem> {
        let open = lock(&self.open).in_conversation(conversation).map(|open| open.reply);
        let open = match open {
            Some(reply) => Some(reply),
            None => self.store.leaf(conversation).await?.filter(|leaf| leaf.process.is_some()).map(|leaf| leaf.id),
        };
        self.settle(conversation).await?;
        let Some(reply) = open else { return Ok(None) };
        let ended = self.store.message(reply).await?;
        let is_cut = |message: &Message| matches!(message.status, Status::Stopped | Status::Interrupted);
        Ok(ended.filter(|(message, ..)| is_cut(message)).map(|_| reply))
    }

    /// Whether a reply is open although the one here was ended: another node was quicker.
    async fn is_answered_elsewhere(&self, conversation: ConversationId) -> Result<bool, Problem> {
        Ok(self.store.leaf(conversation).await?.is_some_and(|leaf| leaf.process.is_some()))
    }

    /// What an agent does where nobody answers any more. None: the row is not as it needs to be.
    async fn change_settled(
        &self,
        step: AgentStep<'_>,
        change: Option<Transition>,
        stops: bool,
    ) -> Result<Option<(Done, Option<MessageId>)>, Problem> {
        let mut ended = None;
        for _ in 0..=SETTLES {
            if stops {
                ended = self.end_for_people(step.conversation).await?.or(ended);
            }
            let change = change.clone().map(|change| Transition { ended, ..change });
            let done = self.store.change_assignment(AgentStep { change: change.as_ref(), ..step }).await?;
            if done.is_some() || !stops || !self.is_answered_elsewhere(step.conversation).await? {
                return Ok(done.map(|done| (done, ended)));
            }
        }
        Ok(None)
    }

    /// Tells the conversation's viewers who answers now.
    async fn tell_assignment(&self, turn: &HeldTurn<'_>, assigned: &Assigned, ended: Option<MessageId>) {
        let event = assignment(assigned, ended);
        self.journals.tell(Topic::Conversation(assigned.conversation), Some(turn), event).await;
    }

    /// Tells the conversation's viewers what a person has said. Returns the cursor behind it.
    async fn tell_message(&self, turn: &HeldTurn<'_>, conversation: ConversationId, message: &Message) -> Cursor {
        let event = Event::Message { message: Box::new(message.clone()) };
        let topic = Topic::Conversation(conversation);
        self.journals.tell(topic, Some(turn), event).await;
        self.journals.attached(topic).await.end().0
    }

    /// The answer to a message that was sent before: as it was then.
    async fn said_before(
        &self,
        conversation: ConversationId,
        author: AccountId,
        (id, text): (MessageId, &str),
    ) -> Result<Option<Said>, Problem> {
        let Some((message, place, _)) = self.store.message(id).await? else { return Ok(None) };
        let is_same = place == conversation
            && message.text == text
            && message.author.as_ref().is_some_and(|known| known.id == author);
        if !is_same {
            return Err(Problem::Conflict("Another message has this id already. Send it with a new id.".into()));
        }
        let reply = self.store.reply_to(id).await?.filter(|reply| reply.role == Role::Assistant);
        let journal = self.journals.attached(Topic::Conversation(conversation)).await;
        let cursor = reply.as_ref().map_or_else(|| journal.end().0, |reply| journal.cursor_of(reply.id));
        let reply = reply.map(|reply| {
            let model = reply.asked.or(reply.model).unwrap_or_default();
            Message::opened(reply.id, reply.parent, &model, reply.created_at)
        });
        Ok(Some(Said { message, reply, cursor }))
    }
}

pub(super) fn assignment(assigned: &Assigned, ended: Option<MessageId>) -> Event {
    Event::Assignment { assignment: Box::new(assigned.shown()), ended }
}
