//! The conversations of an agent's sites, as agents see them.

use super::rights::answers_on;
use super::{state, visitor_name};
use crate::contract::site::{InboxRow, LastMessage};
use crate::model::{AccountId, AssignmentState, SiteId};
use crate::server::store::Store;
use crate::server::store::columns::{called, id};
use crate::server::store::messages::role;
use crate::server::store::sql::{Row, query};

macro_rules! inbox_query {
    ($by:literal, $behind:literal, $order:literal) => {
        concat!(
            "select assignment.conversation, assignment.site, assignment.visitor, assignment.state, assignment.agent,
                    agent.name as agent_name, assignment.number, assignment.version, assignment.waiting_since,
                    assignment.last_at, assignment.last_position, conversation.title, conversation.account,
                    coalesce(newest.role, 'user') as role, substr(coalesce(newest.text, ''), 1, 200) as text
             from assignment join conversation on conversation.id = assignment.conversation
             left join account agent on agent.id = assignment.agent
             left join message newest on newest.conversation = assignment.conversation
                 and newest.position = assignment.last_position
             where conversation.leaving_at is null and conversation.account <> $1
                 and ($2 = '' or assignment.site = $2)
                 and (assignment.state = $3 or ($3 = '' and assignment.state <> 'closed'))
                 and ($4 = '' or assignment.agent = $4)
                 and (",
            $by,
            " ",
            $behind,
            " $5 or (",
            $by,
            " = $5 and assignment.conversation ",
            $behind,
            " $6)) and ",
            answers_on!("assignment.site", "$1"),
            " order by ",
            $by,
            " ",
            $order,
            ", assignment.conversation ",
            $order,
            " limit $7"
        )
    };
}

/// What an agent asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// None: all sites of the agent.
    pub site: Option<SiteId>,
    /// None: all that are not closed.
    pub state: Option<AssignmentState>,
    /// Only those that this agent has.
    pub of: Option<AccountId>,
    /// Where the page before ended: the time that the list is sorted by, and the conversation.
    pub after: Option<(String, String)>,
}

fn row(row: &Row) -> sqlx::Result<InboxRow> {
    let count = |name: &str| row.try_get::<i64>(name).map(|count| count.max(0).unsigned_abs());
    let agent = row.try_get::<Option<&str>>("agent")?.map(id::<AccountId>).transpose()?;
    let agent_name = row.try_get::<Option<String>>("agent_name")?;
    Ok(InboxRow {
        conversation: id(row.try_get("conversation")?)?,
        site: id(row.try_get("site")?)?,
        title: row.try_get("title")?,
        state: state(row.try_get("state")?),
        agent: agent.map(|agent| called(agent, agent_name)),
        number: count("number")?,
        version: count("version")?,
        waiting_since: row.try_get("waiting_since")?,
        visitor: id(row.try_get("visitor")?)?,
        name: visitor_name(id(row.try_get("account")?)?),
        last: LastMessage {
            role: role(row.try_get("role")?),
            text: row.try_get("text")?,
            at: row.try_get("last_at")?,
            position: count("last_position")?,
        },
    })
}

impl Store {
    /// A page of the inbox: those that wait, the longest wait first; all others, the newest message first.
    pub async fn inbox(&self, agent: AccountId, asked: &Asked, limit: i64) -> sqlx::Result<Vec<InboxRow>> {
        let is_queue = asked.state == Some(AssignmentState::Waiting);
        let sql = match is_queue {
            true => inbox_query!("coalesce(assignment.waiting_since, assignment.last_at)", ">", "asc"),
            false => inbox_query!("assignment.last_at", "<", "desc"),
        };
        let (at, last) = asked.after.clone().unwrap_or_else(|| match is_queue {
            true => (String::new(), String::new()),
            false => ("9999".into(), String::new()),
        });
        let rows = query(sql)
            .bind(agent.to_string())
            .bind(asked.site.map(|site| site.to_string()).unwrap_or_default())
            .bind(asked.state.map_or("", AssignmentState::name))
            .bind(asked.of.map(|agent| agent.to_string()).unwrap_or_default())
            .bind(at)
            .bind(last)
            .bind(limit)
            .fetch_all(self.read())
            .await?;
        rows.iter().map(row).collect()
    }

    /// How many conversations of the agent's sites are in each state but `closed`.
    pub async fn inbox_counts(&self, agent: AccountId) -> sqlx::Result<Vec<(AssignmentState, u64)>> {
        let rows = query(concat!(
            "select assignment.state, count(*) as conversations from assignment
             join conversation on conversation.id = assignment.conversation
             where assignment.state <> 'closed' and conversation.leaving_at is null and ",
            answers_on!("assignment.site", "$1"),
            " group by assignment.state"
        ))
        .bind(agent.to_string())
        .fetch_all(self.read())
        .await?;
        let read = rows
            .iter()
            .map(|row| Ok((state(row.try_get("state")?), row.try_get::<i64>("conversations")?.max(0).unsigned_abs())));
        read.collect()
    }
}
