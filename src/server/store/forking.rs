//! A conversation of the account's own that begins with what was said in another one.

use super::Store;
use super::columns::id;
use super::conversations::{Stored, seen};
use super::making::{make, taken};
use super::news::News;
use super::sql::{Builder, Connection, Key, Row, query};
use crate::contract::Changes;
use crate::error::Problem;
use crate::model::{Access, ConversationId, MessageId, Role};
use crate::server::quota::Writer;
use crate::server::times::now;

/// Messages that are copied, at most. They are written in one transaction, beside which the account writes nothing else.
const MAX_MESSAGES: i64 = 2_000;
/// And their bytes: an account may do this sixty times a minute.
const MAX_BYTES: i64 = 4 << 20;
/// Messages that one statement copies: SQLite takes 32,766 values, of which each message has four.
const TOGETHER: usize = 500;

/// A message to be copied.
struct Original {
    id: MessageId,
    role: Role,
    is_open: bool,
    bytes: i64,
}

fn original(row: &Row) -> sqlx::Result<Original> {
    Ok(Original {
        id: id(row.try_get("id")?)?,
        role: super::messages::role(row.try_get("role")?),
        is_open: row.try_get::<&str>("status")? == "streaming",
        bytes: row.try_get("bytes")?,
    })
}

impl Store {
    /// Makes the conversation `new`, which begins with everything up to `last`, or else to the last reply that is shown. `false`:
    /// the account made it before.
    ///
    /// # Errors
    /// 404 where the account may not read it; 409 where there is no reply yet or too much to copy, or where the id is taken;
    /// 409 and 429 where the account has made enough (`store/writing`).
    pub async fn fork(
        &self,
        writer: Writer,
        source: ConversationId,
        last: Option<MessageId>,
        new: ConversationId,
    ) -> Result<(Stored, bool), Problem> {
        let account = writer.account;
        let leaf = match last {
            Some(last) => Some(last),
            None => self.shown_leaf(source).await?,
        };
        let mut write =
            self.write_beside(&[Key::Account(account), Key::Conversation(new)], &[News::Listed(new)]).await?;
        let from = seen(&mut *write, account, source).await?.ok_or(Problem::NotFound)?;
        if let Some(before) = seen(&mut *write, account, new).await? {
            return if before.access == Access::Owner { Ok((before, false)) } else { Err(taken()) };
        }
        let said = originals(&mut write, source, leaf, last.is_some()).await?;
        let settings = Changes {
            title: Some(from.title.clone()),
            model: from.model.clone(),
            system: Some(from.system.clone()),
            parameters: Some(from.parameters.clone()),
        };
        if !make(&mut write, writer, new, settings, &now()).await? {
            return Err(taken());
        }
        copy(&mut write, writer, &from, new, &said).await?;
        let made = seen(&mut *write, account, new).await?.ok_or(Problem::NotFound)?;
        write.commit().await?;
        Ok((made, true))
    }
}

/// The way to the last reply that has ended, oldest first.
async fn originals(
    write: &mut Connection,
    source: ConversationId,
    leaf: Option<MessageId>,
    is_named: bool,
) -> Result<Vec<Original>, Problem> {
    let rows = query(
        "with recursive way (id, parent, depth) as (
            select id, parent, 1 from message where id = $1 and conversation = $2
            union all
            select message.id, message.parent, way.depth + 1 from message join way on message.id = way.parent
            where way.depth <= $3)
         select message.id, message.role, message.status,
                octet_length(message.text) + octet_length(message.thinking) as bytes
         from way join message on message.id = way.id order by way.depth desc",
    )
    .bind(leaf.map(|leaf| leaf.to_string()))
    .bind(source.to_string())
    .bind(MAX_MESSAGES)
    .fetch_all(write)
    .await?;
    let mut said: Vec<_> = rows.iter().map(original).collect::<sqlx::Result<_>>()?;
    if said.is_empty() && is_named {
        return Err(Problem::NotFound);
    }
    while said.last().is_some_and(|last| last.is_open || last.role == Role::User) {
        said.pop();
    }
    if said.is_empty() {
        return Err(Problem::Conflict("There is no reply yet to go on from.".into()));
    }
    let bytes: i64 = said.iter().map(|original| original.bytes).sum();
    if MAX_MESSAGES < said.len() as i64 || MAX_BYTES < bytes {
        return Err(Problem::Conflict(format!(
            "This is too long to copy: at most {MAX_MESSAGES} messages and {} MiB are.",
            MAX_BYTES >> 20
        )));
    }
    Ok(said)
}

/// What was used for the originals was used once, so the copies have no usage. Their authors stay known.
async fn copy(
    write: &mut Connection,
    writer: Writer,
    from: &Stored,
    new: ConversationId,
    said: &[Original],
) -> sqlx::Result<()> {
    let ids: Vec<_> = said.iter().map(|_| MessageId::new().to_string()).collect();
    for start in (0..said.len()).step_by(TOGETHER) {
        let some = start..said.len().min(start + TOGETHER);
        let mut copies = Builder::new("with copy (original, id, parent, position) as (");
        copies.push_values(some.clone(), |row, at| {
            row.push_bind(said[at].id.to_string()).push_bind(ids[at].as_str());
            row.push_bind(at.checked_sub(1).map(|before| ids[before].as_str())).push_bind(at as i64 + 1);
        });
        copies.push(
            ") insert into message (id, conversation, position, parent, role, text, thinking, status, model, stop_reason,
                   error, created_at, first_piece_at, finished_at, thinking_ms, left_out, images, images_left_out, asked,
                   account)
               select copy.id, ",
        );
        copies.push_bind(new.to_string()).push(
            ", copy.position, copy.parent, message.role, message.text, message.thinking, message.status, message.model,
                   message.stop_reason, message.error, message.created_at, message.first_piece_at, message.finished_at,
                   message.thinking_ms, message.left_out, message.images, message.images_left_out, message.asked,
                   nullif(coalesce(message.account, ",
        );
        copies.push_bind(from.owner.id.to_string()).push("), ").push_bind(writer.account.to_string());
        copies.push(") from copy join message on message.id = copy.original order by copy.position");
        copies.build().execute(&mut *write).await?;
        let mut images = Builder::new("with copy (original, id) as (");
        images.push_values(some, |row, at| {
            row.push_bind(said[at].id.to_string()).push_bind(ids[at].as_str());
        });
        images.push(
            ") insert into message_image (message, image) select copy.id, message_image.image
               from copy join message_image on message_image.message = copy.original",
        );
        images.build().execute(&mut *write).await?;
    }
    // It was seen where it comes from.
    query(
        "insert into list_entry (conversation, account, read_to)
         select conversation, $2, max(finished_at) from message where conversation = $1 group by conversation",
    )
    .bind(new.to_string())
    .bind(writer.account.to_string())
    .execute(write)
    .await?;
    Ok(())
}
