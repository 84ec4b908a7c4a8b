//! Messages and replies. A reply is written when it is opened, at checkpoints, and once when it ends (`endings`).

use super::columns::{self, called, id};
use super::columns_of::columns;
use super::conversations::Stored;
use super::desk::entering::OnSite;
use super::news::News;
use super::sql::batch::{Batch, Failed};
use super::sql::fault::may_have_committed;
use super::sql::{Builder, Lock, Query, Row, query, query_scalar};
use super::{OPEN_ALREADY, RETRY_AFTER_SECONDS, Store, making};
use crate::contract::Changes;
use crate::error::Problem;
use crate::model::{Access, AccountId, ConversationId, Image, Message, MessageId, Named, Role, Status, Usage};
use crate::server::principal::ViewerId;
use crate::server::quota::{Writer, too_many_open};

/// A reply that is to be opened, and perhaps the person's message that it answers.
pub struct Opening<'a> {
    /// Who makes the conversation, and with what; none where it is there.
    pub start: Option<(Writer, Changes)>,
    pub conversation: ConversationId,
    /// Who asks, where it is not the conversation's owner.
    pub account: Option<AccountId>,
    /// Who asks and pays, whether the owner or not.
    pub payer: AccountId,
    /// The person's new message; none when an old one is answered anew.
    pub message: Option<&'a Message>,
    pub reply: &'a Message,
    /// A title for a conversation that has none yet.
    pub title: &'a str,
    /// Who generates it.
    pub process: &'a str,
    /// When the conversation was last written in, as it was read: otherwise another node was sooner. None: it need not be
    /// looked at, because all who write are in this process, which has turns.
    pub seen: Option<&'a str>,
    /// How many replies the payer may have open at all nodes, with this one. None: this process has counted.
    pub most_open: Option<usize>,
    /// In a conversation of a site, what comes with it.
    pub site: Option<&'a OnSite>,
}

/// The newest message of a conversation.
pub struct Leaf {
    pub id: MessageId,
    /// Who generates it, where it is an open reply.
    pub process: Option<String>,
}

/// What a model is told of a message.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: MessageId,
    pub role: Role,
    pub text: String,
    pub images: Vec<Image>,
}

impl Told {
    pub fn of(message: &Message) -> Self {
        let Message { id, role, text, images, .. } = message.clone();
        Self { id, role, text, images }
    }
}

/// A draft as far as it is to be kept by a checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub reply: MessageId,
    pub text: String,
    pub thinking: String,
    pub thinking_ms: Option<u64>,
    pub thinking_since: Option<String>,
}

/// Messages with who wrote them: everything before the `where`, or, with `more` columns, before the joins that they need.
macro_rules! select_messages {
    ($rest:literal) => {
        select_messages!("", $rest)
    };
    ($more:literal, $rest:literal) => {
        concat!(
            "select ",
            columns!(message),
            ", ",
            $more,
            "conversation.account as owner,
                    coalesce(message.account, conversation.account) as author, author.id as author_known,
                    author.name as author_name
             from message join conversation on conversation.id = message.conversation
             left join account author on author.id = coalesce(message.account, conversation.account) ",
            $rest
        )
    };
}

pub(super) use select_messages;

/// The newest message of the conversation $1.
pub(super) const LEAF: &str = "select id, status, coalesce(process, '') as process from message
    where conversation = $1 order by position desc limit 1";

fn author(row: &Row) -> sqlx::Result<Named> {
    let author = id(row.try_get("author")?)?;
    let name = row.try_get::<Option<String>>("author_name")?;
    let is_known = row.try_get::<Option<&str>>("author_known")?.is_some();
    Ok(if is_known { called(author, name) } else { Named { id: author, name: "somebody who has left".into() } })
}

pub(super) fn message(row: &Row) -> sqlx::Result<Message> {
    let count = |name: &str| row.try_get::<Option<i64>>(name).map(|count| count.map(|count| count.max(0) as u64));
    let small = |name: &str| count(name).map(|count| count.and_then(|it| u32::try_from(it).ok()).unwrap_or(0));
    let usage = match (count("input_tokens")?, count("output_tokens")?) {
        (None, None) => None,
        (input, output) => Some(Usage {
            input_tokens: input.unwrap_or(0),
            output_tokens: output.unwrap_or(0),
            estimated: row.try_get::<i64>("usage_estimated")? != 0,
            cost_micros: count("cost_micros")?,
        }),
    };
    let error = match row.try_get::<Option<String>>("error")? {
        None => None,
        Some(json) => serde_json::from_str(&json).map_err(|error| sqlx::Error::Decode(error.into()))?,
    };
    let role = role(row.try_get("role")?);
    Ok(Message {
        id: id(row.try_get("id")?)?,
        parent: row.try_get::<Option<&str>>("parent")?.map(id).transpose()?,
        role,
        author: (role != Role::Assistant).then(|| author(row)).transpose()?,
        text: row.try_get("text")?,
        thinking: row.try_get("thinking")?,
        thinking_ms: count("thinking_ms")?,
        thinking_since: row.try_get("thinking_since")?,
        status: status(row.try_get("status")?),
        model: row.try_get("model")?,
        asked: row.try_get("asked")?,
        images: columns::images(row.try_get("images")?)?,
        left_out: small("left_out")?,
        images_left_out: small("images_left_out")?,
        usage,
        stop_reason: row.try_get("stop_reason")?,
        error,
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
        versions: None,
    })
}

pub(super) fn leaf(row: &Row) -> sqlx::Result<Leaf> {
    let open = status(row.try_get("status")?).is_open();
    let process: String = row.try_get("process")?;
    Ok(Leaf { id: id(row.try_get("id")?)?, process: open.then_some(process) })
}

pub(super) fn told(row: &Row) -> sqlx::Result<Told> {
    let role = role(row.try_get("role")?);
    Ok(Told {
        id: id(row.try_get("id")?)?,
        role,
        text: row.try_get("text")?,
        images: columns::images(row.try_get("images")?)?,
    })
}

pub(super) fn role(name: &str) -> Role {
    let people = [Role::User, Role::Agent];
    people.into_iter().find(|role| role.name() == name).unwrap_or(Role::Assistant)
}

pub(super) fn status(name: &str) -> Status {
    let all = [Status::Streaming, Status::Done, Status::Stopped, Status::Failed];
    all.into_iter().find(|status| status.name() == name).unwrap_or(Status::Interrupted)
}

/// Writing these takes a millisecond or two, which is what a person's message may have to wait for.
const CHECKPOINTED_TOGETHER: usize = 32;

/// One statement for all drafts.
fn checkpoint(process: &str, drafts: &[Checkpoint]) -> Query {
    let mut update = Builder::new("with draft (id, text, thinking, thinking_ms, thinking_since) as (");
    update.push_values(drafts, |row, draft| {
        row.push_bind(draft.reply.to_string()).push_bind(&draft.text).push_bind(&draft.thinking);
        row.push_bind(draft.thinking_ms.map(|ms| ms as i64)).push_bind(&draft.thinking_since);
    });
    update.push(
        ") update message set text = draft.text, thinking = draft.thinking, thinking_ms = draft.thinking_ms,
                thinking_since = draft.thinking_since from draft
         where message.id = draft.id and message.status = 'streaming' and message.process = ",
    );
    update.push_bind(process).build()
}

/// What is to be read and written once more: at another node somebody has written in the conversation since.
const OVERTAKEN: &str = "Somebody else has written here at the same moment. Send again.";

/// Whether a reply was not opened because another node was sooner: with one of its own, which may still be open.
pub fn is_overtaken(problem: &Problem) -> bool {
    matches!(problem, Problem::Conflict(why) if why == OVERTAKEN || why == OPEN_ALREADY)
}

/// The others have ended what this process had open, and would end this as well: with its next sign of life it goes on as
/// another one.
fn declared_dead() -> Problem {
    let message = "The server could not reach its database for a while. Nothing was saved; try again in a moment.";
    Problem::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS }
}

impl Store {
    /// Writes a person's message and the empty reply in one transaction (promise S6), and before them the conversation that
    /// they begin.
    ///
    /// # Errors
    /// 409 where the conversation's id is taken, or another node was sooner ([`is_overtaken`]); 429 and 409 where the account
    /// has made enough (`store/writing`), 429 where it has too many open; 403 and 404 where the account may no longer write in
    /// it; 503 where this process was declared dead.
    pub async fn open_reply(&self, mut opening: Opening<'_>) -> Result<(), Problem> {
        if let Some(on) = opening.site {
            return self.open_on_site(&opening, on).await;
        }
        let start = opening.start.take();
        let news = [News::Listed(opening.conversation)];
        let batch = opening.batch().telling(self.telling(&news).filter(|_| start.is_none()));
        let Some((writer, settings)) = start else {
            return match self.write_batch(batch).await {
                Ok(_) => Ok(()),
                Err(Failed::Unmet(0)) => Err(self.why_not_opened(&opening).await),
                Err(Failed::Unmet(_)) => Err(self.why_no_more(&opening).await),
                Err(Failed::Perhaps(lost)) => Ok(self.was_opened(&opening, lost).await?),
                Err(failed) => Err(sqlx::Error::from(failed).into()),
            };
        };
        let mut write = self.write_beside(&opening.keys(), &news).await?;
        if !making::make(&mut write, writer, opening.conversation, settings, &opening.reply.created_at).await? {
            return Err(making::taken());
        }
        match batch.run_in(&mut write).await {
            Err(Failed::Unmet(step)) if 0 < step => {
                drop(write);
                return Err(self.why_no_more(&opening).await);
            }
            done => done.map_err(sqlx::Error::from)?,
        };
        match write.commit().await {
            Err(lost) if may_have_committed(&lost) => Ok(self.was_opened(&opening, lost).await?),
            done => Ok(done?),
        }
    }

    /// Why the conversation was not found as it was read.
    async fn why_not_opened(&self, opening: &Opening<'_>) -> Problem {
        if let Some(account) = opening.account {
            // Also where they may, and somebody was sooner.
            match self.conversation(account, opening.conversation).await {
                Ok(stored) if stored.allows(Access::Participant).is_ok() => {}
                _ => return self.why_not_written(account, opening.conversation).await,
            }
        }
        match self.is_there(opening.conversation).await {
            Ok(true) => Problem::Conflict(OVERTAKEN.into()),
            Ok(false) => Problem::NotFound,
            Err(error) => error.into(),
        }
    }

    /// Why there is no room for one more reply.
    pub(super) async fn why_no_more(&self, opening: &Opening<'_>) -> Problem {
        match (self.is_declared_dead(opening.process).await, opening.most_open) {
            (Ok(false), Some(most)) => too_many_open(most),
            (Ok(_), _) => declared_dead(),
            (Err(error), _) => error.into(),
        }
    }

    /// Keeps what the open replies have so far: in one transaction, or in several one after the other where there are so
    /// many that other writes would wait for it.
    pub async fn checkpoint(&self, process: &str, drafts: &[Checkpoint]) -> sqlx::Result<()> {
        for drafts in drafts.chunks(CHECKPOINTED_TOGETHER) {
            self.write_batch(Batch::write(Lock::None).then(checkpoint(process, drafts))).await?;
        }
        Ok(())
    }

    /// Another model answers than the one that was asked first.
    pub async fn asks_instead(&self, process: &str, reply: MessageId, model: &str) -> sqlx::Result<()> {
        let instead = query(
            "update message set asked = coalesce(asked, model), model = $2
             where id = $1 and status = 'streaming' and process = $3",
        );
        let instead = instead.bind(reply.to_string()).bind(model).bind(process);
        self.write_batch(Batch::write(Lock::None).then(instead)).await?;
        Ok(())
    }

    /// The newest messages on the way from `leaf` up to the root, oldest first, at most `limit` and at most `bytes` of what was
    /// said and thought. `leaf` is among them, and at least one more where `uncounted` is 1: then `leaf` counts for no bytes.
    pub async fn path(
        &self,
        conversation: ConversationId,
        leaf: MessageId,
        limit: i64,
        (bytes, uncounted): (i64, i64),
    ) -> sqlx::Result<Vec<Message>> {
        // The lengths alone are read of those that do not fit.
        let rows = query(concat!(
            "with recursive path (id, parent, depth) as (
                select id, parent, 1 from message where id = $1 and conversation = $2
                union all
                select message.id, message.parent, path.depth + 1
                from message join path on message.id = path.parent where path.depth < $3),
            sized as (
                select path.id, path.depth,
                       sum(case when path.depth <= $5 then 0 else octet_length(text) + octet_length(thinking) end)
                           over (order by path.depth) as bytes
                from path join message on message.id = path.id)
             ",
            select_messages!(
                "join sized on message.id = sized.id where sized.bytes <= $4 or sized.depth <= 1 + $5 order by sized.depth desc"
            )
        ))
        .bind(leaf.to_string())
        .bind(conversation.to_string())
        .bind(limit)
        .bind(bytes)
        .bind(uncounted)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| Ok(self.as_ended(message(row)?))).collect()
    }

    /// The newest message of a conversation, on whichever branch it is.
    pub async fn leaf(&self, conversation: ConversationId) -> sqlx::Result<Option<Leaf>> {
        let row = query(LEAF).bind(conversation.to_string()).fetch_optional(self.read()).await?;
        row.as_ref().map(leaf).transpose()
    }

    /// A message, with the conversation that it is in and that conversation's owner.
    pub async fn message(&self, message_id: MessageId) -> sqlx::Result<Option<(Message, ConversationId, AccountId)>> {
        let row = query(select_messages!("where message.id = $1"))
            .bind(message_id.to_string())
            .fetch_optional(self.read())
            .await?;
        row.map(|row| {
            let message = self.as_ended(message(&row)?);
            Ok((message, id(row.try_get("conversation")?)?, id(row.try_get("owner")?)?))
        })
        .transpose()
    }

    /// A message that the viewer may see, and its conversation. `RowNotFound` when it is not there or they may not.
    pub async fn message_for(
        &self,
        viewer: impl Into<ViewerId>,
        message: MessageId,
    ) -> sqlx::Result<(Message, Stored)> {
        let (message, conversation, _) = self.message(message).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok((message, self.conversation_for(viewer.into(), conversation).await?))
    }

    /// The open replies that the account asked for, in all processes.
    pub async fn open_replies_of(&self, account: AccountId) -> sqlx::Result<Vec<MessageId>> {
        let ids: Vec<String> = query_scalar(
            "select message.id from message join conversation on conversation.id = message.conversation
             where message.status = 'streaming' and coalesce(message.account, conversation.account) = $1",
        )
        .bind(account.to_string())
        .fetch_all(self.read())
        .await?;
        ids.iter().map(|text| id(text)).collect()
    }

    /// Those of them that are in this conversation.
    pub async fn open_replies_in(
        &self,
        conversation: ConversationId,
        account: AccountId,
    ) -> sqlx::Result<Vec<MessageId>> {
        let ids: Vec<String> =
            query_scalar("select id from message where status = 'streaming' and conversation = $1 and account = $2")
                .bind(conversation.to_string())
                .bind(account.to_string())
                .fetch_all(self.read())
                .await?;
        ids.iter().map(|text| id(text)).collect()
    }

    /// The first reply to a message.
    pub async fn reply_to(&self, parent: MessageId) -> sqlx::Result<Option<Message>> {
        let row = query(select_messages!("where message.parent = $1 order by message.position limit 1"))
            .bind(parent.to_string())
            .fetch_optional(self.read())
            .await?;
        row.map(|row| Ok(self.as_ended(message(&row)?))).transpose()
    }
}
