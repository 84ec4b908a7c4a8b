//! What a visitor does.

use super::SETTLES;
use super::call::{Call, VisitorSays, Who};
use super::entering::{begins_to_wait, change, entry, planned};
use super::replying::SiteReply;
use crate::contract::site::Said;
use crate::error::Problem;
use crate::markdown::plain_title;
use crate::model::{AssignmentState, ConversationId, Message, MessageId, Named, Role};
use crate::server::engine::opening::person_message;
use crate::server::engine::{Engine, Shared};
use crate::server::journal::{HeldTurn, Topic};
use crate::server::limits::Sender;
use crate::server::principal::ViewerId;
use crate::server::store::conversations::Stored;
use crate::server::store::desk::entering::{Entry, OnSite};
use crate::server::store::desk::opening::{changed, enough_for_today, has_changed, is_over_budget};
use crate::server::store::desk::{Assigned, visitor_name};
use crate::server::store::making::taken;
use crate::server::task::owned;
use crate::server::times::{ago, now};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// The time in which a visitor can ask for a person as often as the site says.
const HOUR: Duration = Duration::from_secs(3_600);

impl Engine {
    /// A visitor's message. Sent again with the same id it is the same answer.
    pub async fn visitor_says(&self, call: Call, says: VisitorSays) -> Result<Said, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.visitor_says(call, says).await }).await
    }

    /// A new reply in the place of the newest one.
    pub async fn visitor_retries(&self, call: Call, reply: MessageId) -> Result<Said, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.visitor_retries(&call, reply).await }).await
    }

    /// Stops a reply of a visitor's conversation. Idempotent.
    pub async fn visitor_stops(&self, call: Call, reply: MessageId) -> Result<(), Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move {
            let (_, stored) = shared.store.message_for(ViewerId::Visitor(call.token), reply).await?;
            match shared.find(reply).filter(|open| open.conversation == stored.id) {
                Some(open) => open.stop.cancel(),
                None => drop(shared.pass_on_stop(reply, None).await?),
            }
            Ok(())
        })
        .await
    }

    /// A visitor asks for a person (`waiting`), goes on with the assistant (`assistant`), or closes (`closed`).
    pub async fn visitor_changes(
        &self,
        call: Call,
        conversation: ConversationId,
        to: AssignmentState,
    ) -> Result<Assigned, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.visitor_changes(&call, conversation, to).await }).await
    }
}

impl Shared {
    /// Once more where who answers has changed meanwhile: what was written then is stored without a reply. Where the site's
    /// budget is used up, a person is asked for.
    async fn visitor_says(self: &Arc<Self>, call: Call, says: VisitorSays) -> Result<Said, Problem> {
        let who = call.who();
        self.may_say(&call, who, &says).await?;
        let said = self.says_now(&call, who, &says, true).await;
        match said {
            Err(problem) if has_changed(&problem) => {
                let visitor = self.store.visitor(call.token, call.site.id).await?;
                let call = Call { visitor, ..call };
                self.says_now(&call, call.who(), &says, true).await
            }
            Err(problem) if is_over_budget(&problem) => {
                self.metrics.refused("site budget");
                self.says_now(&call, who, &says, false).await
            }
            said => said,
        }
    }

    /// The limits of a message, before anybody waits for a turn.
    async fn may_say(&self, call: &Call, who: Who, says: &VisitorSays) -> Result<(), Problem> {
        let limits = call.site.limits;
        if limits.visitor.characters < u32::try_from(says.text.chars().count()).unwrap_or(u32::MAX) {
            let message = format!("Keep it under {} characters.", limits.visitor.characters);
            return Err(Problem::invalid("content", message));
        }
        self.may_use(call).await?;
        if who.is_new {
            let new = NonZeroU32::new(limits.network.new).unwrap_or(NonZeroU32::MIN);
            self.limits.send(Sender::NewOnSite(call.site.id, call.network), new).await?;
        }
        Ok(())
    }

    /// The limits of a request that has somebody answer: of the network, and of the visitor's day, which the transaction counts.
    async fn may_use(&self, call: &Call) -> Result<(), Problem> {
        let limits = call.site.limits;
        let network = NonZeroU32::new(limits.network.minute).unwrap_or(NonZeroU32::MIN);
        self.limits.send(Sender::Network(call.network), network).await?;
        if call.visitor.as_ref().is_some_and(|visitor| u64::from(limits.visitor.day) <= visitor.said_today) {
            self.metrics.refused("visitor messages");
            return Err(enough_for_today());
        }
        Ok(())
    }

    async fn says_now(
        self: &Arc<Self>,
        call: &Call,
        who: Who,
        says: &VisitorSays,
        is_answered: bool,
    ) -> Result<Said, Problem> {
        let conversation = says.conversation;
        let (stored, is_new) = match self.store.conversation_for(ViewerId::Visitor(call.token), conversation).await {
            Ok(stored) => (stored, false),
            // Before the turn, so that a stranger neither takes it nor stops anything.
            Err(sqlx::Error::RowNotFound) if says.begins.is_some() => {
                if self.store.is_taken(who.account, conversation).await? {
                    // By the same first message, perhaps, which was quicker.
                    let is_known = who.is_new && self.store.visitor(call.token, call.site.id).await?.is_some();
                    return Err(if is_known { changed() } else { taken() });
                }
                (planned(call, who, conversation), true)
            }
            Err(error) => return Err(error.into()),
        };
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let turn = journal.turn().await;
        if who.is_new && self.store.visitor(call.token, call.site.id).await?.is_some() {
            // The same first message was quicker.
            return Err(changed());
        }
        if let Some(said) = self.said_before(conversation, who.account, (says.id, &says.text)).await? {
            return Ok(said);
        }
        let assigned = if is_new { None } else { Some(self.store.assigned(conversation).await?) };
        let (entry, answers) = entry(call, says, assigned.as_ref(), is_answered)?;
        if begins_to_wait(&entry) {
            self.may_wait(call, conversation).await?;
        }
        if !answers && is_answered {
            self.limits.send(Sender::Account(who.account), call.minute()).await?;
        }
        let author = Named { id: who.account, name: visitor_name(who.account) };
        let message = person_message(says.id, None, author, says.text.clone(), Vec::new());
        let on = OnSite {
            site: call.site.id,
            visitor: who.visitor,
            account: who.account,
            token: Some(call.token),
            entry,
            budget: None,
            most_a_day: call.site.limits.visitor.day,
            most_conversations: call.site.limits.visitor.conversations,
        };
        match answers {
            true => self.answered(call, &turn, (stored, assigned), on, message).await,
            false => self.unanswered(&turn, (stored, assigned), on, message).await,
        }
    }

    /// Writes the message alone.
    async fn unanswered(
        &self,
        turn: &HeldTurn<'_>,
        (stored, assigned): (Stored, Option<Assigned>),
        on: OnSite,
        message: Message,
    ) -> Result<Said, Problem> {
        if assigned.is_some() {
            self.end_open(stored.id).await?;
        }
        let parent = match assigned {
            Some(_) => self.store.leaf(stored.id).await?.map(|leaf| leaf.id),
            None => None,
        };
        let message = Message { parent, ..message };
        self.store.say_on_site(&on, stored.id, &message, &plain_title(&message.text)).await?;
        let cursor = self.tell_message(turn, stored.id, &message).await;
        if assigned.is_some() && matches!(on.entry, Entry::Changes(_)) {
            self.tell_assignment(turn, &self.store.assigned(stored.id).await?, None).await;
        }
        Ok(Said { message, reply: None, cursor })
    }

    /// Writes the message and opens the reply to it.
    async fn answered(
        self: &Arc<Self>,
        call: &Call,
        turn: &HeldTurn<'_>,
        (stored, assigned): (Stored, Option<Assigned>),
        on: OnSite,
        message: Message,
    ) -> Result<Said, Problem> {
        let opening = SiteReply { call, stored, assigned, on, question: None };
        let (message, reply, cursor) = self.open_on_site(turn, opening, Some(message)).await?;
        let message = message.ok_or(Problem::Internal)?;
        Ok(Said { message, reply: Some(reply), cursor })
    }

    async fn visitor_retries(self: &Arc<Self>, call: &Call, reply: MessageId) -> Result<Said, Problem> {
        let viewer = ViewerId::Visitor(call.token);
        let (_, stored) = self.store.message_for(viewer, reply).await?;
        self.may_use(call).await?;
        let journal = self.journals.topic(Topic::Conversation(stored.id));
        let turn = journal.turn().await;
        let assigned = self.store.assigned(stored.id).await?;
        let newest = self.store.leaf(stored.id).await?;
        let (old, _) = self.store.message_for(viewer, reply).await?;
        let (Role::Assistant, Some(parent)) = (old.role, old.parent) else { return Err(Problem::NotFound) };
        if newest.is_none_or(|newest| newest.id != reply) || assigned.state != AssignmentState::Assistant {
            return Err(Problem::Conflict(
                "Only the newest answer can be tried again, while the assistant answers.".into(),
            ));
        }
        let (question, _) = self.store.message_for(viewer, parent).await?;
        let who = call.who();
        let on = OnSite {
            site: call.site.id,
            visitor: who.visitor,
            account: who.account,
            token: Some(call.token),
            entry: Entry::Assistant,
            budget: None,
            most_a_day: call.site.limits.visitor.day,
            most_conversations: call.site.limits.visitor.conversations,
        };
        let opening = SiteReply { call, stored, assigned: Some(assigned), on, question: Some(parent) };
        let (_, reply, cursor) = self.open_on_site(&turn, opening, None).await?;
        Ok(Said { message: question, reply: Some(reply), cursor })
    }

    async fn visitor_changes(
        self: &Arc<Self>,
        call: &Call,
        conversation: ConversationId,
        to: AssignmentState,
    ) -> Result<Assigned, Problem> {
        let stored = self.store.conversation_for(ViewerId::Visitor(call.token), conversation).await?;
        self.limits.send(Sender::Account(stored.owner.id), call.minute()).await?;
        self.may_use(call).await?;
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let turn = journal.turn().await;
        let assigned = self.store.assigned(conversation).await?;
        if assigned.state == to {
            return Ok(assigned);
        }
        let change = change(call, &assigned, to)?;
        if to == AssignmentState::Waiting {
            self.may_ask(call, conversation).await?;
        }
        let unanswered = match to {
            AssignmentState::Assistant => self.store.unanswered(conversation).await?,
            _ => None,
        };
        if let Some(question) = unanswered {
            let on = OnSite {
                site: call.site.id,
                visitor: assigned.visitor,
                account: stored.owner.id,
                token: Some(call.token),
                entry: Entry::Changes(change),
                budget: None,
                most_a_day: call.site.limits.visitor.day,
                most_conversations: call.site.limits.visitor.conversations,
            };
            let opening = SiteReply { call, stored, assigned: Some(assigned), on, question: Some(question) };
            self.open_on_site(&turn, opening, None).await?;
            return Ok(self.store.assigned(conversation).await?);
        }
        let closes = to == AssignmentState::Closed;
        if closes {
            self.end_open(conversation).await?;
        }
        let mut done = self.store.change_by_visitor(conversation, &change, &now()).await?;
        for _ in 0..SETTLES {
            if done.is_some() || !closes || !self.is_answered_elsewhere(conversation).await? {
                break;
            }
            self.end_open(conversation).await?;
            done = self.store.change_by_visitor(conversation, &change, &now()).await?;
        }
        let done = done.ok_or_else(|| Problem::Conflict("Who answers here has changed at the same moment.".into()))?;
        self.tell_assignment(&turn, &done.assigned, None).await;
        Ok(done.assigned)
    }

    /// Whether a person can be asked for once more.
    async fn may_ask(&self, call: &Call, conversation: ConversationId) -> Result<(), Problem> {
        let handoff = &call.site.handoff;
        let (asked, waiting) = self.store.asked_for_people(conversation, call.site.id, &ago(HOUR)).await?;
        if u64::from(handoff.per_hour) <= asked {
            let message = "A person was asked for several times. Try again in a while.".into();
            return Err(Problem::TooMany { message, retry_after_seconds: HOUR.as_secs() });
        }
        is_full(call, waiting)
    }

    /// Whether one more conversation can wait.
    async fn may_wait(&self, call: &Call, conversation: ConversationId) -> Result<(), Problem> {
        let (_, waiting) = self.store.asked_for_people(conversation, call.site.id, &now()).await?;
        is_full(call, waiting)
    }
}

/// Whether as many conversations of the site wait as can.
fn is_full(call: &Call, waiting: u64) -> Result<(), Problem> {
    if u64::from(call.site.handoff.waiting) <= waiting {
        return Err(Problem::Unavailable { message: call.site.texts.away.clone(), retry_after_seconds: 60 });
    }
    Ok(())
}
