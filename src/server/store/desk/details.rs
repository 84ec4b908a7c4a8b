//! What agents are told of a conversation besides its messages: where its visitor came from, why a person was asked for, who
//! has had it, and what else this visitor has said here.

use super::rights::answers_on;
use super::{state, visitor_name};
use crate::model::{AccountId, AssignmentState, ConversationId, SiteId, VisitorId};
use crate::server::store::Store;
use crate::server::store::columns::id;
use crate::server::store::sql::{Row, query};

/// Earlier conversations of a visitor, and changes of who answers, that are told.
const LISTED: i64 = 20;

/// What agents are told of a conversation.
#[derive(Clone, Debug)]
pub struct Details {
    pub site: SiteId,
    pub site_name: String,
    pub visitor: VisitorId,
    /// How the visitor is called.
    pub name: String,
    pub locale: Option<String>,
    pub page: Option<String>,
    pub referrer: Option<String>,
    pub blocked_until: Option<String>,
    /// The words of the model.
    pub reason: String,
    pub summary: String,
    /// The other conversations of the visitor on this site, the newest first.
    pub others: Vec<Other>,
    /// The newest changes, oldest first.
    pub changes: Vec<Change>,
}

/// Another conversation of the same visitor.
#[derive(Clone, Debug)]
pub struct Other {
    pub conversation: ConversationId,
    pub title: String,
    pub state: AssignmentState,
    pub last_at: String,
}

/// A change of who answers.
#[derive(Clone, Debug)]
pub struct Change {
    pub number: u64,
    pub at: String,
    /// `visitor`, `agent` or `server`.
    pub by: String,
    /// The agent who made it. None: another one, or somebody who has left.
    pub actor: Option<String>,
    pub to: AssignmentState,
    /// The agent who has it from then on.
    pub agent: Option<String>,
    pub why: String,
}

fn other(row: &Row) -> sqlx::Result<Other> {
    Ok(Other {
        conversation: id(row.try_get("conversation")?)?,
        title: row.try_get("title")?,
        state: state(row.try_get("state")?),
        last_at: row.try_get("last_at")?,
    })
}

fn change(row: &Row) -> sqlx::Result<Change> {
    Ok(Change {
        number: row.try_get::<i64>("number")?.max(0).unsigned_abs(),
        at: row.try_get("at")?,
        by: row.try_get("by")?,
        actor: row.try_get("actor_name")?,
        to: state(row.try_get("to_state")?),
        agent: row.try_get("agent_name")?,
        why: row.try_get("why")?,
    })
}

impl Store {
    /// What an agent is told of a conversation. `RowNotFound`: it is on none of the agent's sites.
    pub async fn details(&self, agent: AccountId, conversation: ConversationId) -> sqlx::Result<Details> {
        let row = query(concat!(
            "select assignment.site, site.name as site_name, assignment.visitor, assignment.reason, assignment.summary,
                    visitor.account, visitor.locale, visitor.page, visitor.referrer, visitor.blocked_until
             from assignment join visitor on visitor.id = assignment.visitor join site on site.id = assignment.site
             where assignment.conversation = $1 and ",
            answers_on!("assignment.site", "$2")
        ))
        .bind(conversation.to_string())
        .bind(agent.to_string())
        .fetch_one(self.read())
        .await?;
        let visitor: VisitorId = id(row.try_get("visitor")?)?;
        Ok(Details {
            site: id(row.try_get("site")?)?,
            site_name: row.try_get("site_name")?,
            visitor,
            name: visitor_name(id(row.try_get("account")?)?),
            locale: row.try_get("locale")?,
            page: row.try_get("page")?,
            referrer: row.try_get("referrer")?,
            blocked_until: row.try_get("blocked_until")?,
            reason: row.try_get("reason")?,
            summary: row.try_get("summary")?,
            others: self.others_of_visitor(visitor, conversation).await?,
            changes: self.changes_of(conversation).await?,
        })
    }

    async fn others_of_visitor(&self, visitor: VisitorId, but: ConversationId) -> sqlx::Result<Vec<Other>> {
        let rows = query(
            "select assignment.conversation, conversation.title, assignment.state, assignment.last_at
             from assignment join conversation on conversation.id = assignment.conversation
             where assignment.visitor = $1 and assignment.conversation <> $2 and conversation.leaving_at is null
             order by assignment.last_at desc, assignment.conversation desc limit $3",
        )
        .bind(visitor.to_string())
        .bind(but.to_string())
        .bind(LISTED)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(other).collect()
    }

    async fn changes_of(&self, conversation: ConversationId) -> sqlx::Result<Vec<Change>> {
        let rows = query(
            "select assignment_change.number, assignment_change.at, assignment_change.by, assignment_change.to_state,
                    assignment_change.why, actor.name as actor_name, agent.name as agent_name
             from assignment_change left join account actor on actor.id = assignment_change.actor
             left join account agent on agent.id = assignment_change.agent
             where assignment_change.conversation = $1 order by assignment_change.number desc limit $2",
        )
        .bind(conversation.to_string())
        .bind(LISTED)
        .fetch_all(self.read())
        .await?;
        let newest: sqlx::Result<Vec<Change>> = rows.iter().map(change).collect();
        newest.map(|mut changes| {
            changes.reverse();
            changes
        })
    }

    /// How many conversations this agent has.
    pub async fn inbox_mine(&self, agent: AccountId) -> sqlx::Result<u64> {
        let row = query(concat!(
            "select count(*) as conversations from assignment
             join conversation on conversation.id = assignment.conversation
             where assignment.agent = $1 and assignment.state = 'agent' and conversation.leaving_at is null and ",
            answers_on!("assignment.site", "$1")
        ))
        .bind(agent.to_string())
        .fetch_one(self.read())
        .await?;
        Ok(row.try_get::<i64>("conversations")?.max(0).unsigned_abs())
    }
}
