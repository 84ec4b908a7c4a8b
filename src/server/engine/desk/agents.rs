//! What an agent does. An agent's answer is the take-over: message and state are one transaction.

use super::call::Call;
use super::replying::SiteReply;
use crate::contract::site::{Assign, Said};
use crate::error::Problem;
use crate::model::{AccountId, Assignment, AssignmentState, ConversationId, Message, MessageId, Role};
use crate::server::engine::{Engine, Shared};
use crate::server::journal::{HeldTurn, Topic};
use crate::server::principal::ViewerId;
use crate::server::store::conversations::Stored;
use crate::server::store::desk::Assigned;
use crate::server::store::desk::changes::{AgentStep, By, Seen, Transition, Waits};
use crate::server::store::desk::entering::{Entry, OnSite};
use crate::server::task::owned;
use crate::server::times::now;
use std::sync::Arc;

const NOT_AGENT: &[AssignmentState] = &[AssignmentState::Assistant, AssignmentState::Waiting, AssignmentState::Closed];
const AGENT: &[AssignmentState] = &[AssignmentState::Agent];
const OPEN: &[AssignmentState] = &[AssignmentState::Assistant, AssignmentState::Waiting, AssignmentState::Agent];

/// What an agent says.
#[derive(Clone)]
pub struct AgentSays {
    pub conversation: ConversationId,
    pub id: MessageId,
    pub text: String,
    /// The last message that the agent has seen: where a colleague has answered since, nothing is sent.
    pub expect: Option<MessageId>,
}

impl Engine {
    /// An agent's answer, which takes the conversation over where nobody has it. Sent again it is the same answer.
    pub async fn agent_says(&self, agent: AccountId, says: AgentSays) -> Result<Said, Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.agent_says(agent, says).await }).await
    }

    /// Takes a conversation over, gives it to a colleague, hands it back, releases or closes it. Pressed twice it is pressed
    /// once. `call` is the visitor's side, for a reply that begins with it.
    pub async fn assign(
        &self,
        agent: AccountId,
        conversation: ConversationId,
        asked: Assign,
        call: Call,
    ) -> Result<(Assignment, Option<Message>), Problem> {
        let shared = Arc::clone(&self.shared);
        owned(async move { shared.assign(agent, conversation, asked, &call).await }).await
    }
}

/// The answer where somebody was quicker.
fn overtaken(assigned: &Assigned) -> Problem {
    let what = match (&assigned.agent, assigned.state) {
        (Some(agent), _) => format!("{} has taken this conversation over in the meantime.", agent.name),
        (None, AssignmentState::Closed) => "This conversation was closed in the meantime.".into(),
        (None, AssignmentState::Waiting) => "This conversation waits for a person again.".into(),
        (None, _) => "The assistant answers here again.".into(),
    };
    Problem::Conflict(what)
}

fn needs(field: &'static str) -> Problem {
    Problem::invalid(field, format!("Say what you have seen: this needs `{field}`."))
}

impl Shared {
    async fn agent_says(self: &Arc<Self>, agent: AccountId, says: AgentSays) -> Result<Said, Problem> {
        let conversation = says.conversation;
        self.store.conversation_for(ViewerId::Agent(agent), conversation).await?;
        let author = self.store.named(agent).await?;
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let turn = journal.turn().await;
        if let Some(said) = self.said_before(conversation, agent, (says.id, &says.text)).await? {
            return Ok(said);
        }
        let assigned = self.store.assigned(conversation).await?;
        let seen = says.expect.map(|message| Seen { message, of: Role::Agent, but: Some(agent) });
        self.has_seen_all(conversation, seen).await?;
        let message = Message {
            role: Role::Agent,
            author: Some(author),
            ..Message::said(says.id, None, says.text.clone(), now())
        };
        let takes = assigned.state != AssignmentState::Agent;
        let change = takes.then(|| Transition {
            seen,
            ..transition(agent, &assigned, (NOT_AGENT, AssignmentState::Agent), "answered")
        });
        let change = change.map(|change| Transition { agent: Some(agent), ..change });
        let (at, says) = (message.created_at.clone(), Some(&message));
        let step = AgentStep { conversation, agent, change: None, says, seen, at: &at };
        let Some((done, ended)) = self.change_settled(step, change, takes).await? else {
            return Err(self.why_not(agent, conversation, seen).await);
        };
        if takes {
            self.tell_assignment(&turn, &done.assigned, ended).await;
        }
        let message = Message { parent: done.parent, ..message };
        let cursor = self.tell_message(&turn, conversation, &message).await;
        Ok(Said { message, reply: None, cursor })
    }

    /// Before anything is stopped: whether somebody has said something that the caller has not seen.
    async fn has_seen_all(&self, conversation: ConversationId, seen: Option<Seen>) -> Result<(), Problem> {
        let Some(Seen { message, of, but }) = seen else { return Ok(()) };
        if self.store.has_said_since(conversation, of.name(), but, message).await? {
            return Err(unseen(of));
        }
        Ok(())
    }

    async fn why_not(&self, agent: AccountId, conversation: ConversationId, seen: Option<Seen>) -> Problem {
        if let Err(error) = self.store.conversation_for(ViewerId::Agent(agent), conversation).await {
            return error.into();
        }
        if let Err(problem) = self.has_seen_all(conversation, seen).await {
            return problem;
        }
        match self.store.assigned(conversation).await {
            Ok(assigned) => overtaken(&assigned),
            Err(error) => error.into(),
        }
    }

    async fn assign(
        self: &Arc<Self>,
        agent: AccountId,
        conversation: ConversationId,
        asked: Assign,
        call: &Call,
    ) -> Result<(Assignment, Option<Message>), Problem> {
        let stored = self.store.conversation_for(ViewerId::Agent(agent), conversation).await?;
        let journal = self.journals.topic(Topic::Conversation(conversation));
        let turn = journal.turn().await;
        let assigned = self.store.assigned(conversation).await?;
        let whom = asked.agent.unwrap_or(agent);
        let is_so = assigned.state == asked.to
            && (asked.to != AssignmentState::Agent || assigned.agent.as_ref().is_some_and(|it| it.id == whom));
        if is_so {
            return Ok((assigned.shown(), None));
        }
        let change = self.asked_for(agent, &assigned, &asked).await?;
        self.has_seen_all(conversation, change.seen).await?;
        let answers = asked.to == AssignmentState::Assistant && asked.answer_now;
        let question = if answers { self.store.unanswered(conversation).await? } else { None };
        if let Some(question) = question {
            return self.answer_now(&turn, (stored, assigned), change, (call, question)).await;
        }
        let stops = matches!(asked.to, AssignmentState::Agent | AssignmentState::Closed);
        let (at, seen) = (now(), change.seen);
        let step = AgentStep { conversation, agent, change: None, says: None, seen, at: &at };
        let Some((done, ended)) = self.change_settled(step, Some(change), stops).await? else {
            return Err(self.why_not(agent, conversation, seen).await);
        };
        self.tell_assignment(&turn, &done.assigned, ended).await;
        Ok((done.assigned.shown(), None))
    }

    /// The change that an agent asks for, where it is possible at all.
    async fn asked_for(&self, agent: AccountId, assigned: &Assigned, asked: &Assign) -> Result<Transition, Problem> {
        let visitors = |expect: Option<MessageId>| expect.map(|message| Seen { message, of: Role::User, but: None });
        let number = asked.number.ok_or_else(|| needs("number"));
        match asked.to {
            AssignmentState::Agent => {
                let whom = asked.agent.unwrap_or(agent);
                if !self.store.is_agent_of(whom, assigned.site).await? {
                    return Err(Problem::invalid("agent", "This account does not answer on the site."));
                }
                let change = match assigned.state {
                    AssignmentState::Agent => {
                        let taken = transition(agent, assigned, (AGENT, asked.to), "taken from a colleague");
                        Transition { number: Some(number.map_err(|_| overtaken(assigned))?), ..taken }
                    }
                    _ => transition(agent, assigned, (NOT_AGENT, asked.to), "taken over"),
                };
                Ok(Transition { agent: Some(whom), ..change })
            }
            AssignmentState::Assistant => {
                let seen = Some(visitors(asked.expect).ok_or_else(|| needs("expect"))?);
                let back = transition(agent, assigned, (AGENT, asked.to), "handed back");
                let instruction = asked.instruction.clone().unwrap_or_default();
                Ok(Transition { number: Some(number?), seen, instruction, waits: Waits::No, ..back })
            }
            AssignmentState::Waiting => {
                let released = transition(agent, assigned, (AGENT, asked.to), "released");
                Ok(Transition { number: Some(number?), asked_by: Some("absence"), waits: Waits::Now, ..released })
            }
            AssignmentState::Closed => {
                let seen = Some(visitors(asked.expect).ok_or_else(|| needs("expect"))?);
                let closed = transition(agent, assigned, (OPEN, asked.to), "closed");
                Ok(Transition { number: Some(number?), seen, waits: Waits::No, ..closed })
            }
        }
    }

    /// Hands back, and has the model answer what nobody has answered.
    async fn answer_now(
        self: &Arc<Self>,
        turn: &HeldTurn<'_>,
        (stored, assigned): (Stored, Assigned),
        change: Transition,
        (call, question): (&Call, MessageId),
    ) -> Result<(Assignment, Option<Message>), Problem> {
        let conversation = stored.id;
        let on = OnSite {
            site: assigned.site,
            visitor: assigned.visitor,
            account: stored.owner.id,
            token: None,
            entry: Entry::Changes(change),
            budget: None,
            // It is not the visitor who asks.
            most_a_day: 0,
            most_conversations: 0,
        };
        let opening = SiteReply { call, stored, assigned: Some(assigned), on, question: Some(question) };
        let (_, reply, _) = self.open_on_site(turn, opening, None).await.map_err(|problem| match problem {
            Problem::TooMany { message, retry_after_seconds } => {
                let message = format!("{message} Nothing has changed; it can be handed back without an answer.");
                Problem::TooMany { message, retry_after_seconds }
            }
            other => other,
        })?;
        Ok((self.store.assigned(conversation).await?.shown(), Some(reply)))
    }
}

fn unseen(of: Role) -> Problem {
    Problem::Conflict(match of {
        Role::Agent => "A colleague has answered in the meantime. Read it first, then send again.".into(),
        Role::User | Role::Assistant => "The visitor has written in the meantime. Read it first.".to_owned(),
    })
}

/// A change by an agent, before what is special about it.
fn transition(
    agent: AccountId,
    assigned: &Assigned,
    (from, to): (&'static [AssignmentState], AssignmentState),
    why: &'static str,
) -> Transition {
    Transition {
        from,
        number: None,
        to,
        agent: None,
        by: By::Agent(agent),
        why,
        asked_by: None,
        instruction: assigned.instruction.clone(),
        waits: Waits::Still,
        seen: None,
        ended: None,
    }
}
