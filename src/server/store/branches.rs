//! The tree of a conversation's messages, and which of its branches is shown.

use super::columns::id;
use super::news::News;
use super::sharing::may_write;
use super::sql::{Builder, Row, query, query_scalar};
use super::{Store, writing};
use crate::error::Problem;
use crate::model::{ConversationId, MessageId, Role, Status};
use crate::server::quota::Writer;
use std::collections::HashMap;

/// A message's place in the tree, without its text.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: MessageId,
    pub parent: Option<MessageId>,
    pub role: Role,
    pub status: Status,
    /// How the text begins.
    pub beginning: String,
    pub created_at: String,
    /// Whether it is on the path that is shown.
    pub shown: bool,
    /// The order in which messages were made.
    pub position: i64,
}

fn node(row: &Row) -> sqlx::Result<Node> {
    Ok(Node {
        id: id(row.try_get("id")?)?,
        parent: row.try_get::<Option<&str>>("parent")?.map(id).transpose()?,
        role: super::messages::role(row.try_get("role")?),
        status: super::messages::status(row.try_get("status")?),
        beginning: row.try_get("beginning")?,
        created_at: row.try_get("created_at")?,
        shown: row.try_get::<i64>("shown")? != 0,
        position: row.try_get("position")?,
    })
}

/// Messages with a common parent, in the order in which they were made, by that parent.
pub type Siblings = HashMap<Option<MessageId>, Vec<MessageId>>;

impl Store {
    /// The messages that answer one of `parents`, `None` for those that begin the conversation.
    pub async fn siblings(
        &self,
        conversation: ConversationId,
        parents: impl IntoIterator<Item = Option<MessageId>>,
    ) -> sqlx::Result<Siblings> {
        let parents: Vec<_> = parents.into_iter().map(|parent| parent.map(|id| id.to_string())).collect();
        let with_roots = parents.contains(&None);
        let mut query = Builder::new("select parent, id, position from message where parent in ");
        query.push_list(parents.iter().flatten());
        if with_roots {
            query.push(" union all select parent, id, position from message where parent is null and conversation = ");
            query.push_bind(conversation.to_string());
        }
        let rows = query.push(" order by position").build().fetch_all(self.read()).await?;
        let mut siblings = Siblings::new();
        for row in rows {
            let parent = row.try_get::<Option<&str>>("parent")?.map(id).transpose()?;
            siblings.entry(parent).or_default().push(id(row.try_get("id")?)?);
        }
        Ok(siblings)
    }

    /// The end of the branch that is shown: the chosen one, or the newest message if that is newer than the choice.
    pub async fn shown_leaf(&self, conversation: ConversationId) -> sqlx::Result<Option<MessageId>> {
        let leaf: Option<String> = query_scalar(
            "select case when conversation.leaf_since = message.position then conversation.leaf else message.id end
             from conversation join message on message.conversation = conversation.id
             where conversation.id = $1 order by message.position desc limit 1",
        )
        .bind(conversation.to_string())
        .fetch_optional(self.read())
        .await?;
        leaf.as_deref().map(id).transpose()
    }

    /// Up to `limit` messages of the tree in the order in which they were made, after `after`. `characters` of each
    /// text are read.
    pub async fn nodes(
        &self,
        conversation: ConversationId,
        leaf: Option<MessageId>,
        (after, limit): (i64, i64),
        characters: i64,
    ) -> sqlx::Result<Vec<Node>> {
        let rows = query(
            "with recursive way (id, parent) as (
                select id, parent from message where id = $2 and conversation = $1
                union all
                select message.id, message.parent from message join way on message.id = way.parent)
             select id, parent, role, status, substr(text, 1, cast($5 as integer)) as beginning, created_at, position,
                    id in (select id from way) as shown
             from message where conversation = $1 and position > $3 order by position limit $4",
        )
        .bind(conversation.to_string())
        .bind(leaf.map(|leaf| leaf.to_string()))
        .bind(after)
        .bind(limit)
        .bind(characters)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(node).collect()
    }

    /// The newest message of the conversation at or below this one.
    pub async fn newest_below(
        &self,
        conversation: ConversationId,
        message: MessageId,
    ) -> sqlx::Result<Option<MessageId>> {
        let newest: Option<String> = query_scalar(
            "with recursive below (id, position) as (
                select id, position from message where id = $2 and conversation = $1
                union all
                select message.id, message.position from message join below on message.parent = below.id)
             select id from below order by position desc limit 1",
        )
        .bind(conversation.to_string())
        .bind(message.to_string())
        .fetch_optional(self.read())
        .await?;
        newest.as_deref().map(id).transpose()
    }

    /// Shows the branch that ends with `leaf`, until a newer message comes.
    ///
    /// # Errors
    /// 429 where the account has reached its write limit; 403 and 404 where it may no longer write in the conversation.
    pub async fn show_branch(
        &self,
        writer: Writer,
        conversation: ConversationId,
        leaf: MessageId,
    ) -> Result<(), Problem> {
        let mut write = self.write_telling(&[News::Conversation(conversation)]).await?;
        writing::count(&mut write, writer).await?;
        let shown = query(concat!(
            "update conversation set leaf = $2, leaf_since = (select max(position) from message where conversation = $1)
             where id = $1 and ",
            may_write!("$3")
        ))
        .bind(conversation.to_string())
        .bind(leaf.to_string())
        .bind(writer.account.to_string())
        .execute(&mut *write)
        .await?;
        if shown.rows_affected() == 0 {
            drop(write);
            return Err(self.why_not_written(writer.account, conversation).await);
        }
        Ok(write.commit().await?)
    }
}
