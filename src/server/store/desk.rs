//! The desk: sites, their visitors, and who answers each of their conversations.
//!
//! The row of `assignment` decides who answers: every change of it is one statement with the state that it needs, in the
//! transaction that also writes the message or the reply which goes with it.

pub mod changes;
pub mod details;
pub mod entering;
pub mod inbox;
pub mod opening;
pub(super) mod rights;
pub mod sites;
pub mod spending;
pub mod sweeping;
pub mod visitors;

use super::Store;
use super::columns::{called, id};
use super::columns_of::columns;
use super::conversations::{Stored, select_conversations, stored};
use super::sql::{Row, query};
use crate::model::{
    AccountId, Assignment, AssignmentState, ConversationId, Inside, MessageId, Named, SiteId, VisitorId,
};
use crate::server::secret::Hash;
use crate::server::times::now;

/// Who answers a conversation, as it is stored.
#[derive(Clone, Debug)]
pub struct Assigned {
    pub conversation: ConversationId,
    pub site: SiteId,
    pub visitor: VisitorId,
    pub state: AssignmentState,
    pub agent: Option<Named>,
    pub asked_by: Option<String>,
    pub instruction: String,
    pub waiting_since: Option<String>,
    pub closed_at: Option<String>,
    pub last_at: String,
    pub number: u64,
    pub version: u64,
    /// When the state or the agent last changed.
    pub since: String,
}

impl Assigned {
    /// As agents see it.
    pub fn shown(&self) -> Assignment {
        Assignment {
            state: self.state,
            agent: self.agent.clone(),
            since: self.since.clone(),
            number: self.number,
            text: None,
            inside: Some(Inside {
                conversation: self.conversation,
                site: self.site,
                waiting_since: self.waiting_since.clone(),
                asked_by: self.asked_by.clone(),
                version: self.version,
            }),
        }
    }
}

/// Who answers the conversation $1.
pub(super) const ASSIGNED: &str = "select assignment.conversation, assignment.site, assignment.visitor, assignment.state,
        assignment.agent, agent.name as agent_name, assignment.asked_by, assignment.instruction, assignment.waiting_since,
        assignment.closed_at, assignment.last_at, assignment.number, assignment.version,
        (select assignment_change.at from assignment_change
         where assignment_change.conversation = assignment.conversation
             and assignment_change.number = assignment.number) as since
     from assignment left join account agent on agent.id = assignment.agent where assignment.conversation = $1";

/// Reads a state that Rivulet wrote. In one that this version does not know, no model answers.
pub(super) fn state(text: &str) -> AssignmentState {
    AssignmentState::parse(text).unwrap_or(AssignmentState::Waiting)
}

pub(super) fn assigned(row: &Row) -> sqlx::Result<Assigned> {
    let count = |name: &str| row.try_get::<i64>(name).map(|count| count.max(0).unsigned_abs());
    let agent = row.try_get::<Option<&str>>("agent")?.map(id::<AccountId>).transpose()?;
    let name = row.try_get::<Option<String>>("agent_name")?;
    let last_at: String = row.try_get("last_at")?;
    Ok(Assigned {
        conversation: id(row.try_get("conversation")?)?,
        site: id(row.try_get("site")?)?,
        visitor: id(row.try_get("visitor")?)?,
        state: state(row.try_get("state")?),
        agent: agent.map(|agent| called(agent, name)),
        asked_by: row.try_get("asked_by")?,
        instruction: row.try_get("instruction")?,
        waiting_since: row.try_get("waiting_since")?,
        closed_at: row.try_get("closed_at")?,
        number: count("number")?,
        version: count("version")?,
        since: row.try_get::<Option<String>>("since")?.unwrap_or_else(|| last_at.clone()),
        last_at,
    })
}

/// A visitor's name before agents: nothing is known of them but an id.
pub fn visitor_name(account: AccountId) -> String {
    format!("Visitor {}", &account.to_string()[32..])
}

impl Store {
    /// A visitor's own conversation, by what the visitor is recognised by.
    pub(super) async fn conversation_of_visitor(
        &self,
        token: Hash,
        conversation: ConversationId,
    ) -> sqlx::Result<Stored> {
        let row = query(select_conversations!(
            "'visitor'",
            "0",
            "null",
            "join assignment on assignment.conversation = conversation.id
             join site on site.id = conversation.site
             join visitor on visitor.id = assignment.visitor and visitor.account = conversation.account
             join visitor_token on visitor_token.visitor = visitor.id
             where conversation.id = $1 and conversation.leaving_at is null
                 and visitor_token.token_hash = $2 and visitor.site = site.id and site.disabled_at is null
                 and site.leaving_at is null and (visitor.blocked_until is null or visitor.blocked_until < $3)"
        ))
        .bind(conversation.to_string())
        .bind(token.to_string())
        .bind(now())
        .fetch_one(self.read())
        .await?;
        stored(&row)
    }

    /// A conversation of a site on which the account answers. Its own ones are not among them.
    pub(super) async fn conversation_of_agent(
        &self,
        account: AccountId,
        conversation: ConversationId,
    ) -> sqlx::Result<Stored> {
        let row = query(select_conversations!(
            "'agent'",
            "1",
            "null",
            "join site_agent on site_agent.site = conversation.site and site_agent.account = $2
             join account answering on answering.id = site_agent.account
             join site on site.id = conversation.site
             where conversation.id = $1 and conversation.leaving_at is null and conversation.account <> $2
                 and answering.role in ('agent', 'admin') and answering.disabled_at is null
                 and answering.leaving_at is null and site.leaving_at is null"
        ))
        .bind(conversation.to_string())
        .bind(account.to_string())
        .fetch_one(self.read())
        .await?;
        stored(&row)
    }

    /// Who answers it. `RowNotFound`: it is no conversation of a site, or deleted.
    pub async fn assigned(&self, conversation: ConversationId) -> sqlx::Result<Assigned> {
        assigned(&query(ASSIGNED).bind(conversation.to_string()).fetch_one(self.read()).await?)
    }

    /// Whether somebody with this role has said something after this message. A message that is not there was before all.
    pub async fn has_said_since(
        &self,
        conversation: ConversationId,
        role: &str,
        but: Option<AccountId>,
        seen: MessageId,
    ) -> sqlx::Result<bool> {
        let row = query(
            "select 1 from message where conversation = $1 and role = $2 and coalesce(account, '') <> $3
                 and position > coalesce((select other.position from message other
                                          where other.id = $4 and other.conversation = $1), 0) limit 1",
        )
        .bind(conversation.to_string())
        .bind(role)
        .bind(but.map(|account| account.to_string()).unwrap_or_else(|| "nobody".into()))
        .bind(seen.to_string())
        .fetch_optional(self.read())
        .await?;
        Ok(row.is_some())
    }

    /// How often the visitor has asked for a person in this conversation since then, and how many conversations of the site
    /// wait.
    pub async fn asked_for_people(
        &self,
        conversation: ConversationId,
        site: SiteId,
        since: &str,
    ) -> sqlx::Result<(u64, u64)> {
        let row = query(
            "select (select count(*) from assignment_change where conversation = $1 and by = 'visitor'
                         and to_state = 'waiting' and at >= $2) as asked,
                    (select count(*) from assignment where site = $3 and state = 'waiting') as waiting",
        )
        .bind(conversation.to_string())
        .bind(since)
        .bind(site.to_string())
        .fetch_one(self.read())
        .await?;
        let count = |name: &str| row.try_get::<i64>(name).map(|count| count.max(0).unsigned_abs());
        Ok((count("asked")?, count("waiting")?))
    }

    /// The newest message where it is a visitor's, which nobody has answered.
    pub async fn unanswered(&self, conversation: ConversationId) -> sqlx::Result<Option<MessageId>> {
        let row = query("select id, role from message where conversation = $1 order by position desc limit 1")
            .bind(conversation.to_string())
            .fetch_optional(self.read())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let is_visitors = row.try_get::<&str>("role")? == "user";
        is_visitors.then(|| id(row.try_get("id")?)).transpose()
    }
}
