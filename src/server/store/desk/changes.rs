//! Changes of who answers, and what agents say. The row decides: a change needs the states that it comes from, and writes
//! itself down in the same transaction.

use super::rights::answers_on;
use super::{ASSIGNED, Assigned, assigned};
use crate::error::Problem;
use crate::event::TAKEN_OVER;
use crate::model::{AccountId, AssignmentState, ConversationId, Message, MessageId, Role, SiteId};
use crate::server::secret::Hash;
use crate::server::store::Store;
use crate::server::store::columns::id;
use crate::server::store::news::News;
use crate::server::store::revocations::{Revoked, note};
use crate::server::store::sql::batch::{Batch, Failed};
use crate::server::store::sql::{Key, Lock, Query, query};
use crate::server::store::write::Alone;
use crate::server::times::{ago, now};
use std::time::Duration;
use uuid::Uuid;

/// How long ago a release can be that a process is told of: longer than any process looks away.
const RELEASED: Duration = Duration::from_secs(60);
/// Why a conversation waits whose agent is gone.
const AGENT_GONE: &str = "its agent is gone";

/// Who makes a change, and by what right it is asked for again in the transaction.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// The conversation's visitor, by what they are recognised by.
    Visitor(Hash),
    Agent(AccountId),
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Visitor(_) => "visitor",
            Self::Agent(_) => "agent",
        }
    }

    fn actor(self) -> Option<String> {
        match self {
            Self::Visitor(_) => None,
            Self::Agent(account) => Some(account.to_string()),
        }
    }

    fn right(self) -> String {
        match self {
            Self::Visitor(token) => token.to_string(),
            Self::Agent(account) => account.to_string(),
        }
    }
}

/// What becomes of the time since which a visitor waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// It stays.
    Still,
    /// From now on, if not before.
    Now,
    No,
}

/// What the caller has seen: where somebody else has said something since, nothing is changed.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub message: MessageId,
    /// Whose messages count.
    pub of: Role,
    /// And not those of this account.
    pub but: Option<AccountId>,
}

/// A change of state or agent.
#[derive(Clone, Debug)]
pub struct Transition {
    pub from: &'static [AssignmentState],
    /// The number that the caller has seen; none: whatever it is.
    pub number: Option<u64>,
    pub to: AssignmentState,
    pub agent: Option<AccountId>,
    pub by: By,
    pub why: &'static str,
    pub asked_by: Option<&'static str>,
    pub instruction: String,
    pub waits: Waits,
    pub seen: Option<Seen>,
    /// The open reply that was ended for it.
    pub ended: Option<MessageId>,
}

macro_rules! note_change {
    ($right:expr) => {
        concat!(
            "insert into assignment_change
                (id, conversation, number, at, by, actor, from_state, to_state, agent, why, reply)
             select $2, conversation, number + 1, $3, $4, $5, state, $6, $7, $8, $9 from assignment
             where conversation = $1 and state in ($10, $11, $12, $13) and ($14 < 0 or number = $14)
                 and not exists (select 1 from message where message.conversation = $1 and message.role = $15
                     and coalesce(message.account, '') <> $16
                     and message.position > coalesce((select other.position from message other
                                                      where other.id = $17 and other.conversation = $1), 0))
                 and ($6 not in ('agent', 'closed') or not exists (
                     select 1 from message open where open.conversation = $1 and open.status = 'streaming'))
                 and ",
            $right
        )
    };
}

/// $18 is the visitor's token.
const NOTE_BY_VISITOR: &str = note_change!(
    "exists (select 1 from visitor_token where visitor_token.visitor = assignment.visitor and visitor_token.token_hash = $18)"
);
/// $18 is the agent, and $7 perhaps another one who is to have it.
const NOTE_BY_AGENT: &str = note_change!(concat!(
    answers_on!("assignment.site", "$18"),
    " and ($7 is null or ",
    answers_on!("assignment.site", "$7"),
    ")"
));

impl Transition {
    /// The steps of the change, of which each has to change one row.
    pub(super) fn steps(&self, batch: Batch, conversation: ConversationId, at: &str) -> Batch {
        batch.must(self.noted(conversation, at), 1).must(self.changed(conversation, at), 1)
    }

    fn noted(&self, conversation: ConversationId, at: &str) -> Query {
        let note = match self.by {
            By::Visitor(_) => query(NOTE_BY_VISITOR),
            By::Agent(_) => query(NOTE_BY_AGENT),
        };
        let note = note
            .bind(conversation.to_string())
            .bind(Uuid::now_v7().to_string())
            .bind(at)
            .bind(self.by.name())
            .bind(self.by.actor())
            .bind(self.to.name())
            .bind(self.agent.map(|agent| agent.to_string()))
            .bind(self.why)
            .bind(self.ended.map(|reply| reply.to_string()));
        // There are four states, and one may be named twice.
        let from = |index: usize| self.from[index.min(self.from.len() - 1)].name();
        let note = (0..AssignmentState::ALL.len()).fold(note, |note, index| note.bind(from(index)));
        let number = self.number.and_then(|number| i64::try_from(number).ok()).unwrap_or(-1);
        let seen = self.seen;
        note.bind(number)
            .bind(seen.map_or("", |seen| seen.of.name()))
            .bind(seen.and_then(|seen| seen.but).map(|account| account.to_string()).unwrap_or_else(|| "nobody".into()))
            .bind(seen.map(|seen| seen.message.to_string()).unwrap_or_default())
            .bind(self.by.right())
    }

    fn changed(&self, conversation: ConversationId, at: &str) -> Query {
        query(
            "update assignment set state = $2, agent = $3, number = number + 1, version = version + 1, changed_at = $4,
                    asked_at = case when $2 = 'waiting' then $4 else asked_at end,
                    asked_by = case when $2 = 'waiting' then $5 else asked_by end,
                    instruction = case when $2 = 'assistant' then $6 else instruction end,
                    waiting_since = case when $7 = 'no' then null when $7 = 'now' then coalesce(waiting_since, $4)
                                         else waiting_since end,
                    closed_at = case when $2 = 'closed' then $4 else null end,
                    closed_by = case when $2 = 'closed' then $8 else null end
             where conversation = $1",
        )
        .bind(conversation.to_string())
        .bind(self.to.name())
        .bind(self.agent.map(|agent| agent.to_string()))
        .bind(at)
        .bind(self.asked_by)
        .bind(&self.instruction)
        .bind(match self.waits {
            Waits::Still => "still",
            Waits::Now => "now",
            Waits::No => "no",
        })
        .bind(self.by.name())
    }
}

/// A person's message as a row: $5 is who wrote it, where it is not the conversation's owner. It follows the newest one.
pub(super) fn said(conversation: ConversationId, message: &Message) -> Query {
    query(
        "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at, finished_at,
                              left_out, images, images_left_out, account)
         select $2, $1, 1 + (select coalesce(max(position), 0) from message where conversation = $1),
                (select id from message where conversation = $1 order by position desc limit 1),
                $3, $4, '', 'done', $6, $6, 0, '[]', 0, $5",
    )
    .bind(conversation.to_string())
    .bind(message.id.to_string())
    .bind(message.role.name())
    .bind(&message.text)
    .bind(message.author.as_ref().filter(|_| message.role == Role::Agent).map(|author| author.id.to_string()))
    .bind(&message.created_at)
}

/// What lists sort by, and what other processes see, after a message.
pub(super) fn moved(conversation: ConversationId, at: &str) -> [Query; 2] {
    let assignment = query(
        "update assignment set last_at = $2, changed_at = $2,
                last_position = (select coalesce(max(position), 0) from message where message.conversation = $1)
         where conversation = $1",
    );
    let conversation_row = query("update conversation set updated_at = $2 where id = $1");
    [assignment, conversation_row].map(|query| query.bind(conversation.to_string()).bind(at))
}

/// What an agent does: a change, a message, or both.
#[derive(Clone, Copy)]
pub struct AgentStep<'a> {
    pub conversation: ConversationId,
    pub agent: AccountId,
    pub change: Option<&'a Transition>,
    pub says: Option<&'a Message>,
    /// For a message without a change.
    pub seen: Option<Seen>,
    pub at: &'a str,
}

impl AgentStep<'_> {
    fn batch(&self, lock: Lock<'_>) -> Batch {
        let (conversation, at) = (self.conversation, self.at);
        let batch = Batch::write(lock);
        let batch = match self.change {
            Some(change) => change.steps(batch, conversation, at),
            None => batch.must(self.goes_on(), 1),
        };
        let Some(message) = self.says else { return self.marked(batch) };
        let answered = query(
            "update assignment set waiting_since = null, first_answer_at = coalesce(first_answer_at, $2)
             where conversation = $1",
        );
        let batch = batch.must(said(conversation, message), 1);
        let batch = moved(conversation, at).into_iter().fold(batch, Batch::then);
        self.marked(batch.then(answered.bind(conversation.to_string()).bind(at)))
    }

    /// The reply that was stopped for it says so.
    fn marked(&self, batch: Batch) -> Batch {
        let Some(reply) = self.change.and_then(|change| change.ended) else { return batch };
        let mark = query("update message set stop_reason = $2 where id = $1 and status in ('stopped', 'interrupted')");
        batch.then(mark.bind(reply.to_string()).bind(TAKEN_OVER))
    }

    /// A message of an agent where an agent answers already.
    fn goes_on(&self) -> Query {
        query(concat!(
            "update assignment set version = version + 1, changed_at = $3
             where conversation = $1 and state = 'agent'
                 and not exists (select 1 from message where message.conversation = $1 and message.role = 'agent'
                     and coalesce(message.account, '') <> $2
                     and message.position > coalesce((select other.position from message other
                                                      where other.id = $4 and other.conversation = $1), $5))
                 and ",
            answers_on!("assignment.site", "$2")
        ))
        .bind(self.conversation.to_string())
        .bind(self.agent.to_string())
        .bind(self.at)
        .bind(self.seen.map(|seen| seen.message.to_string()).unwrap_or_default())
        .bind(if self.seen.is_some() { 0 } else { i64::MAX })
    }
}

/// What was done: who answers now, and the message that the new one follows.
pub struct Done {
    pub assigned: Assigned,
    pub parent: Option<MessageId>,
}

impl Store {
    /// Does what an agent does, in one transaction. None: the row was not as it needs to be, and nothing was done.
    pub async fn change_assignment(&self, step: AgentStep<'_>) -> Result<Option<Done>, Problem> {
        let conversation = step.conversation;
        let batch = step.batch(Lock::Beside(&[Key::Conversation(conversation)]));
        let batch = batch.telling(self.telling(&[News::Conversation(conversation)]));
        let parent = query("select parent from message where id = $1");
        let parent = parent.bind(step.says.map(|message| message.id.to_string()).unwrap_or_default());
        let batch = batch.then(query(ASSIGNED).bind(conversation.to_string())).then(parent);
        self.done(batch).await
    }

    /// A visitor's change, without a message.
    pub async fn change_by_visitor(
        &self,
        conversation: ConversationId,
        change: &Transition,
        at: &str,
    ) -> Result<Option<Done>, Problem> {
        let batch = Batch::write(Lock::Beside(&[Key::Conversation(conversation)]));
        let batch = change.steps(batch, conversation, at);
        let batch = batch.telling(self.telling(&[News::Conversation(conversation)]));
        let nothing = query("select parent from message where id = $1").bind("");
        self.done(batch.then(query(ASSIGNED).bind(conversation.to_string())).then(nothing)).await
    }

    async fn done(&self, batch: Batch) -> Result<Option<Done>, Problem> {
        let found = match self.write_batch(batch).await {
            Err(Failed::Unmet(_)) => return Ok(None),
            found => found.map_err(sqlx::Error::from)?,
        };
        let [.., row, parent] = found.as_slice() else { return Err(Problem::Internal) };
        let assigned = row.rows.first().map(assigned).transpose()?.ok_or(Problem::Internal)?;
        let parent = match parent.rows.first() {
            Some(row) => row.try_get::<Option<&str>>("parent")?.map(id).transpose()?,
            None => None,
        };
        Ok(Some(Done { assigned, parent }))
    }

    /// The conversations that were released in the last minute because this agent was taken away.
    pub async fn released_from(&self, agent: AccountId) -> sqlx::Result<Vec<ConversationId>> {
        let rows = query("select conversation from assignment_change where actor = $1 and why = $2 and at >= $3")
            .bind(agent.to_string())
            .bind(AGENT_GONE)
            .bind(ago(RELEASED))
            .fetch_all(self.read())
            .await?;
        rows.iter().map(|row| id(row.try_get("conversation")?)).collect()
    }
}

/// Has the conversations of an agent who is taken away wait for another one: those of one site, or all.
pub(in crate::server::store) async fn release_all(
    write: &mut Alone,
    agent: AccountId,
    site: Option<SiteId>,
) -> sqlx::Result<Vec<ConversationId>> {
    let rows =
        query("select conversation from assignment where agent = $1 and state = 'agent' and ($2 = '' or site = $2)")
            .bind(agent.to_string())
            .bind(site.map(|site| site.to_string()).unwrap_or_default())
            .fetch_all(&mut *write)
            .await?;
    let at = now();
    let mut released = Vec::new();
    for row in &rows {
        let conversation: ConversationId = id(row.try_get("conversation")?)?;
        query(
            "insert into assignment_change (id, conversation, number, at, by, actor, from_state, to_state, why)
             select $2, conversation, number + 1, $3, 'server', $4, state, 'waiting', $5 from assignment
             where conversation = $1",
        )
        .bind(conversation.to_string())
        .bind(Uuid::now_v7().to_string())
        .bind(&at)
        .bind(agent.to_string())
        .bind(AGENT_GONE)
        .execute(&mut *write)
        .await?;
        query(
            "update assignment set state = 'waiting', agent = null, number = number + 1, version = version + 1,
                    changed_at = $2, asked_at = $2, asked_by = 'absence', waiting_since = coalesce(waiting_since, $2)
             where conversation = $1",
        )
        .bind(conversation.to_string())
        .bind(&at)
        .execute(&mut *write)
        .await?;
        released.push(conversation);
    }
    if !released.is_empty() && site.is_none() {
        note(write, Revoked::Agent(agent)).await?;
    }
    Ok(released)
}
