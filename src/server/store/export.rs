//! An account's data, page by page, for its export. Everything is selected by account, in an order that does not change
//! while it is read. Secrets are left out, even their hashes.

mod sharing;

use super::Store;
use super::columns::{id, texts};
use super::columns_of::columns;
use super::conversations::{Stored, select_conversations, stored};
use super::messages::{message, select_messages};
use super::sql::{Builder, query, query_scalar};
use super::usage::{Daily, daily};
use crate::model::{AccountId, ConversationId, Image, ImageId, Message};
use serde_json::{Value, json};
use std::collections::HashMap;

/// At this size a conversation could be 4 GiB as a file: in JSON a byte becomes six at most.
const HUGE_BYTES: i64 = 512 << 20;

/// A message with its place in the conversation, and the place of its parent.
pub struct Placed {
    pub position: i64,
    pub parent: Option<i64>,
    pub message: Message,
}

/// An image as it is kept.
pub struct Kept {
    pub image: Image,
    pub media_type: String,
    pub created_at: String,
}

impl Store {
    /// The account itself, its limits, sessions, tokens and invitations, and what is shared with whom.
    pub async fn about(&self, account: AccountId) -> sqlx::Result<Value> {
        let row = query(concat!(
            "select ",
            columns!(account),
            ", (select count(*) from known_browser where known_browser.account = account.id) as known
             from account where id = $1"
        ))
        .bind(account.to_string())
        .fetch_one(self.read())
        .await?;
        let text = |name: &str| row.try_get::<Option<String>>(name);
        let count = |name: &str| row.try_get::<Option<i64>>(name);
        let sessions = self
            .sessions(account)
            .await?
            .into_iter()
            .map(|it| json!({ "device": it.device, "created_at": it.created_at, "last_used_at": it.last_used_at }));
        let tokens = self.tokens(account).await?.into_iter().map(|it| {
            let (created_at, last_used_at) = (it.created_at, it.last_used_at);
            json!({ "name": it.name, "scope": it.scope.name(), "created_at": created_at, "last_used_at": last_used_at })
        });
        let invitations = self.invitations_by(account).await?.into_iter().map(|it| {
            let (role, ends_at) = (it.role.name(), it.ends_at);
            json!({ "note": it.note, "role": role, "uses": it.uses, "used": it.used, "ends_at": ends_at, "created_at": it.created_at })
        });
        let identities = self.identities_in_full(account).await?;
        let sharing = self.sharing_in_full(account).await?;
        let list = self.list_in_full(account).await?;
        let settings = self.preferences(account).await?;
        Ok(json!({
            "id": text("id")?,
            "name": text("name")?,
            "role": text("role")?,
            "created_at": text("created_at")?,
            "signed_up_at": text("signed_up_at")?,
            "has_password": text("password")?.is_some(),
            "limits": {
                "sends_per_minute": count("sends_per_minute")?,
                "open_replies": count("open_replies")?,
                "streams": count("streams")?,
                "tokens_per_day": count("tokens_per_day")?,
                "tokens_per_month": count("tokens_per_month")?,
            },
            "known_browsers": count("known")?,
            "sessions": sessions.collect::<Vec<_>>(),
            "tokens": tokens.collect::<Vec<_>>(),
            "identities": identities,
            "invitations": invitations.collect::<Vec<_>>(),
            "sharing": sharing,
            "list": list,
            "settings": settings,
        }))
    }

    /// The account's identities at OpenID Connect issuers, with all their claims.
    async fn identities_in_full(&self, account: AccountId) -> sqlx::Result<Vec<Value>> {
        let rows =
            query(concat!("select ", columns!(identity), " from identity where account = $1 order by created_at, id"))
                .bind(account.to_string())
                .fetch_all(self.read())
                .await?;
        let told = ["issuer", "subject", "address", "called", "created_at"];
        rows.iter().map(|row| texts(row, &told)).collect()
    }

    /// Rows of the ledger behind this day and model, the oldest first.
    pub async fn ledger_after(
        &self,
        account: AccountId,
        (day, model): &(String, String),
        limit: i64,
    ) -> sqlx::Result<Vec<Daily>> {
        let rows = query(
            "select day, model, input_tokens, output_tokens, replies, estimated, cost_micros from usage
             where account = $1 and (day > $2 or (day = $2 and model > $3)) order by day, model limit $4",
        )
        .bind(account.to_string())
        .bind(day)
        .bind(model)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(daily).collect()
    }

    /// The account's images behind this id.
    pub async fn images_after(&self, account: AccountId, after: &str, limit: i64) -> sqlx::Result<Vec<Kept>> {
        let rows = query(
            "select image.id, image.name, image.created_at, picture.media_type, picture.width, picture.height
             from image join picture on picture.hash = image.picture
             where image.account = $1 and image.id > $2 order by image.id limit $3",
        )
        .bind(account.to_string())
        .bind(after)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            let side = |name: &str| row.try_get::<i64>(name).map(|side| u32::try_from(side).unwrap_or_default());
            let (width, height) = (side("width")?, side("height")?);
            Ok(Kept {
                image: Image { id: id(row.try_get("id")?)?, name: row.try_get("name")?, width, height },
                media_type: row.try_get("media_type")?,
                created_at: row.try_get("created_at")?,
            })
        });
        read.collect()
    }

    /// The media types of those of these images that are the account's.
    pub async fn image_kinds(&self, account: AccountId, ids: &[ImageId]) -> sqlx::Result<HashMap<ImageId, String>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = Builder::new(
            "select image.id, picture.media_type from image join picture on picture.hash = image.picture where account = ",
        );
        query.push_bind(account.to_string()).push(" and image.id in ");
        let rows = query.push_list(ids.iter().map(ImageId::to_string)).build().fetch_all(self.read()).await?;
        rows.iter().map(|row| Ok((id(row.try_get("id")?)?, row.try_get("media_type")?))).collect()
    }

    /// What the account has written in other users' conversations, after this id; with the conversation.
    pub async fn written_elsewhere_after(
        &self,
        account: AccountId,
        after: &str,
        limit: i64,
    ) -> sqlx::Result<Vec<(Message, ConversationId)>> {
        let rows = query(select_messages!(
            "where message.account = $1 and message.role = 'user' and conversation.leaving_at is null and message.id > $2 order by message.id limit $3"
        ))
        .bind(account.to_string())
        .bind(after)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(|row| Ok((message(row)?, id(row.try_get("conversation")?)?))).collect()
    }

    /// The account's conversations after this id, the oldest first. By id: a conversation that changes meanwhile keeps
    /// its place.
    pub async fn conversations_after(&self, account: AccountId, after: &str, limit: i64) -> sqlx::Result<Vec<Stored>> {
        let rows = query(select_conversations!(
            "'owner'",
            "1",
            "null",
            "where conversation.account = $1 and conversation.leaving_at is null and conversation.id > $2 order by conversation.id limit $3"
        ))
        .bind(account.to_string())
        .bind(after)
        .bind(limit)
        .fetch_all(self.read())
        .await?;
        rows.iter().map(stored).collect()
    }

    /// Whether the conversation could be more than 4 GiB as a file.
    pub async fn is_huge(&self, conversation: ConversationId) -> sqlx::Result<bool> {
        // SQLite knows a text's bytes without reading it.
        let bytes: i64 = query_scalar(
            "select cast(coalesce(sum(octet_length(text) + octet_length(thinking) + 4096), 0) as bigint)
             from message where conversation = $1",
        )
        .bind(conversation.to_string())
        .fetch_one(self.read())
        .await?;
        Ok(HUGE_BYTES <= bytes)
    }

    /// The conversation's messages after this position, on all branches: at most `limit`, and at most `bytes` of text,
    /// but at least one.
    pub async fn messages_after(
        &self,
        conversation: ConversationId,
        position: i64,
        (limit, bytes): (i64, i64),
    ) -> sqlx::Result<Vec<Placed>> {
        let rows = query(concat!(
            "with next as (
                select id, position, octet_length(text) + octet_length(thinking) as bytes from message
                where conversation = $1 and position > $2 order by position limit $3),
             sized as (
                select id, row_number() over (order by position) as number, sum(bytes) over (order by position) as bytes
                from next)
             ",
            select_messages!(
                "parent.position as parent_position, ",
                "join sized on sized.id = message.id left join message as parent on parent.id = message.parent
                 where sized.number = 1 or sized.bytes <= $4 order by message.position"
            )
        ))
        .bind(conversation.to_string())
        .bind(position)
        .bind(limit)
        .bind(bytes)
        .fetch_all(self.read())
        .await?;
        let read = rows.iter().map(|row| {
            Ok(Placed {
                position: row.try_get("position")?,
                parent: row.try_get("parent_position")?,
                message: self.as_ended(message(row)?),
            })
        });
        read.collect()
    }
}
