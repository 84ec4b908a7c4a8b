//! Images: their pictures, stored once for equal bytes, and which account and messages have them.
//!
//! An image is its account's; messages refer to it. Whatever has no reference left is deleted with the last one: an
//! image in no message with its conversation, a picture with its last image.

use super::Store;
use super::columns::{self, id};
use super::columns_of::columns;
use super::desk::rights::answers_on;
use super::sql::{self, Builder, Connection, Row, query, query_scalar};
use crate::model::{AccountId, ConversationId, Image, ImageId, Message};
use crate::server::picture::Picture;
use crate::server::principal::ViewerId;
use crate::server::times::now;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// The right to an image: its uploader's, or that of a viewer who may see a message that has it.
const MAY_SEE: &str = "image.account = $2 or exists (
    select 1 from message_image
    join message on message.id = message_image.message
    join conversation on conversation.id = message.conversation
    where message_image.image = image.id and conversation.leaving_at is null and (conversation.account = $2 or exists (
        select 1 from share where share.conversation = conversation.id and share.account = $2)))";

/// For a reader with the public link: it is in a message of a conversation that this link opens, as
/// `Store::public_conversation` says.
const IS_PUBLIC: &str = "exists (
    select 1 from message_image
    join message on message.id = message_image.message
    join public_link on public_link.conversation = message.conversation
    join conversation on conversation.id = message.conversation
    join account as owner on owner.id = conversation.account
    where message_image.image = image.id and public_link.token_hash = $2 and conversation.leaving_at is null
        and owner.disabled_at is null)";

/// For a visitor: it is in a message of a conversation of theirs.
const IS_VISITORS: &str = "exists (
    select 1 from message_image
    join message on message.id = message_image.message
    join conversation on conversation.id = message.conversation
    join assignment on assignment.conversation = conversation.id
    join visitor_token on visitor_token.visitor = assignment.visitor
    where message_image.image = image.id and visitor_token.token_hash = $2 and conversation.leaving_at is null)";

/// For an agent: it is in a message of a conversation of their sites.
const IS_ON_SITE: &str = concat!(
    "exists (
    select 1 from message_image
    join message on message.id = message_image.message
    join conversation on conversation.id = message.conversation
    where message_image.image = image.id and conversation.leaving_at is null and ",
    answers_on!("conversation.site", "$2"),
    ")"
);

/// Whether this viewer may see an image `$1`; who they are is `$2`.
fn may_see(viewer: ViewerId) -> (&'static str, String) {
    match viewer {
        ViewerId::Account(account) => (MAY_SEE, account.to_string()),
        ViewerId::Public(link) => (IS_PUBLIC, link.to_string()),
        ViewerId::Visitor(token) => (IS_VISITORS, token.to_string()),
        ViewerId::Agent(account) => (IS_ON_SITE, account.to_string()),
    }
}

/// In no message.
const WAITS: &str = "not exists (select 1 from message_image where message_image.image = image.id)";

fn picture(row: &Row) -> sqlx::Result<Picture> {
    let side = |name: &str| row.try_get::<i64>(name).map(|side| u32::try_from(side).unwrap_or_default());
    Ok(Picture {
        hash: row.try_get("hash")?,
        media_type: row.try_get("media_type")?,
        width: side("width")?,
        height: side("height")?,
        bytes: row.try_get::<Vec<u8>>("bytes")?.into(),
    })
}

/// The account's limits on images.
#[derive(Clone, Copy)]
pub struct Most {
    /// Images that are in no message yet.
    pub waiting: i64,
    /// All images.
    pub bytes: i64,
}

/// The result of storing an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Kept,
    TooManyWaiting,
    TooLarge,
}

impl Store {
    /// How many images of the account are in no message.
    pub async fn waiting_images(&self, account: AccountId) -> sqlx::Result<i64> {
        let mut count = Builder::new("select count(*) from image where account = ");
        count.push_bind(account.to_string()).push(" and ").push(WAITS);
        count.build_query_scalar().fetch_one(self.read()).await
    }

    /// Stores an image, unless the account has reached its limit.
    pub async fn add_image(
        &self,
        account: AccountId,
        image: &Image,
        picture: &Picture,
        most: Most,
    ) -> sqlx::Result<Added> {
        let mut write = self.write().await?;
        query(
            "insert into picture (hash, media_type, width, height, bytes) values ($1, $2, $3, $4, $5)
             on conflict (hash) do nothing",
        )
        .bind(&picture.hash)
        .bind(&picture.media_type)
        .bind(i64::from(picture.width))
        .bind(i64::from(picture.height))
        .bind(picture.bytes.as_ref())
        .execute(&mut *write)
        .await?;
        query("insert into image (id, account, picture, name, created_at) values ($1, $2, $3, $4, $5)")
            .bind(image.id.to_string())
            .bind(account.to_string())
            .bind(&picture.hash)
            .bind(&image.name)
            .bind(now())
            .execute(&mut *write)
            .await?;
        let mut count = Builder::new("select count(*) from image where account = ");
        count.push_bind(account.to_string()).push(" and ").push(WAITS);
        let waiting: i64 = count.build_query_scalar().fetch_one(&mut *write).await?;
        if most.waiting < waiting {
            return Ok(Added::TooManyWaiting);
        }
        // SQLite knows a blob's length without reading it.
        let bytes: i64 = query_scalar(
            "select cast(coalesce(sum(octet_length(bytes)), 0) as bigint) from picture
             where hash in (select picture from image where account = $1)",
        )
        .bind(account.to_string())
        .fetch_one(&mut *write)
        .await?;
        if most.bytes < bytes {
            return Ok(Added::TooLarge);
        }
        write.commit().await?;
        Ok(Added::Kept)
    }

    /// The account's images of these ids, in this order. Ids that are not its own images are left out.
    pub async fn images(&self, account: AccountId, ids: &[ImageId]) -> sqlx::Result<Vec<Image>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = Builder::new(
            "select image.id, image.name, picture.width, picture.height from image
             join picture on picture.hash = image.picture where image.account = ",
        );
        query.push_bind(account.to_string());
        among(&mut query, ids);
        let rows = query.build().fetch_all(self.read()).await?;
        let side = |row: &Row, name: &str| row.try_get::<i64>(name).map(|it| u32::try_from(it).unwrap_or(0));
        let mut found = HashMap::new();
        for row in &rows {
            let image: ImageId = id(row.try_get("id")?)?;
            let (width, height) = (side(row, "width")?, side(row, "height")?);
            found.insert(image, Image { id: image, name: row.try_get("name")?, width, height });
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The pictures of these images.
    pub async fn pictures(&self, ids: &[ImageId]) -> sqlx::Result<HashMap<ImageId, Picture>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut query = Builder::new(concat!(
            "select image.id as image, ",
            columns!(picture),
            " from image join picture on picture.hash = image.picture where true"
        ));
        among(&mut query, ids);
        let rows = query.build().fetch_all(self.read()).await?;
        rows.iter().map(|row| Ok((id(row.try_get("image")?)?, picture(row)?))).collect()
    }

    /// An image's picture, for a viewer who may see it.
    pub async fn picture(&self, viewer: ViewerId, image: ImageId) -> sqlx::Result<Option<Picture>> {
        let (may_see, who) = may_see(viewer);
        let mut query = Builder::new(concat!(
            "select ",
            columns!(picture),
            " from image join picture on picture.hash = image.picture where image.id = $1 and ("
        ));
        query.push(may_see).push(")");
        let row = query.build().bind(image.to_string()).bind(who).fetch_optional(self.read()).await?;
        row.as_ref().map(picture).transpose()
    }

    /// The hash of an image's picture, for a viewer who may see it.
    pub async fn picture_hash(&self, viewer: ViewerId, image: ImageId) -> sqlx::Result<Option<String>> {
        let (may_see, who) = may_see(viewer);
        let mut query = Builder::new("select image.picture from image where image.id = $1 and (");
        query.push(may_see).push(")");
        let query = query.build_query_scalar().bind(image.to_string()).bind(who);
        query.fetch_optional(self.read()).await
    }

    /// Deletes an image of the account's that is in no message. `false`: there is none.
    pub async fn remove_image(&self, account: AccountId, image: ImageId) -> sqlx::Result<bool> {
        let mut write = self.write().await?;
        let mut delete = Builder::new("delete from image where id = ");
        delete.push_bind(image.to_string()).push(" and account = ").push_bind(account.to_string());
        delete.push(" and ").push(WAITS).push(" returning picture");
        let pictures: Vec<String> = delete.build_query_scalar().fetch_all(&mut *write).await?;
        delete_unused(&mut write, &pictures).await?;
        write.commit().await?;
        Ok(!pictures.is_empty())
    }

    /// Deletes images that were uploaded before `since` and are in no message, and pictures of deleted accounts.
    pub async fn sweep_images(&self, since: &str) -> sqlx::Result<u64> {
        // Read first: this runs every minute, and almost always there is nothing to delete.
        let mut any = Builder::new("select exists (select 1 from image where created_at < ");
        any.push_bind(since).push(" and ").push(WAITS).push(") or exists (select 1 from picture where ").push(UNUSED);
        any.push(")");
        let any: i64 = any.build_query_scalar().fetch_one(self.read()).await?;
        if any == 0 {
            return Ok(0);
        }
        let mut write = self.write().await?;
        let mut delete = Builder::new("delete from image where created_at < ");
        delete.push_bind(since).push(" and ").push(WAITS);
        let gone = delete.build().execute(&mut *write).await?.rows_affected();
        Builder::new("delete from picture where ").push(UNUSED).build().execute(&mut *write).await?;
        write.commit().await?;
        Ok(gone)
    }
}

/// Without any image.
const UNUSED: &str = "not exists (select 1 from image where image.picture = picture.hash)";

fn among(query: &mut Builder, ids: &[ImageId]) {
    query.push(" and image.id in ").push_list(ids.iter().map(ImageId::to_string));
}

/// Deletes those of these pictures that no image has any more.
pub(super) async fn delete_unused(write: &mut Connection, pictures: &[String]) -> sqlx::Result<()> {
    for picture in pictures {
        let mut delete = Builder::new("delete from picture where hash = ");
        delete.push_bind(picture).push(" and ").push(UNUSED);
        delete.build().execute(&mut *write).await?;
    }
    Ok(())
}

/// Ties a message to its images.
pub(super) fn refer(message: &Message) -> impl Iterator<Item = sql::Query> {
    let refer = || query("insert into message_image (message, image) values ($1, $2)").bind(message.id.to_string());
    message.images.iter().map(move |image| refer().bind(image.id.to_string()))
}

/// The images that are in messages of this conversation and of no other.
pub(super) async fn only_in(write: &mut Connection, conversation: ConversationId) -> sqlx::Result<Vec<String>> {
    query_scalar(
        "select distinct image from message_image
         join message on message.id = message_image.message and message.conversation = $1
         where not exists (
            select 1 from message_image as other join message as place on place.id = other.message
            where other.image = message_image.image and place.conversation <> $1)",
    )
    .bind(conversation.to_string())
    .fetch_all(write)
    .await
}

/// Removes the images of a deleted account from the messages that show them.
///
/// The lists are read and written here: each database has its own functions for JSON.
pub(super) async fn take_out(write: &mut Connection, account: AccountId) -> sqlx::Result<()> {
    let rows = query(
        "select message.id, message.images, message_image.image from message_image
         join message on message.id = message_image.message
         join image on image.id = message_image.image
         join account on account.id = image.account
         where account.id = $1 and account.leaving_at is not null order by message.id",
    )
    .bind(account.to_string())
    .fetch_all(&mut *write)
    .await?;
    let mut shown: BTreeMap<String, Vec<Image>> = BTreeMap::new();
    for row in &rows {
        let gone: ImageId = id(row.try_get("image")?)?;
        let images = match shown.entry(row.try_get("id")?) {
            Entry::Vacant(message) => message.insert(columns::images(row.try_get("images")?)?),
            Entry::Occupied(message) => message.into_mut(),
        };
        images.retain(|image| image.id != gone);
    }
    for (message, images) in shown {
        query("update message set images = $2 where id = $1")
            .bind(message)
            .bind(serde_json::to_string(&images).expect("text and numbers become JSON"))
            .execute(&mut *write)
            .await?;
    }
    Ok(())
}

/// Deletes images that are in no message any more, and the pictures that only they had.
pub(super) async fn delete_all(write: &mut Connection, images: &[String]) -> sqlx::Result<()> {
    for image in images {
        let pictures = query_scalar("delete from image where id = $1 returning picture").bind(image);
        let pictures: Vec<String> = pictures.fetch_all(&mut *write).await?;
        delete_unused(write, &pictures).await?;
    }
    Ok(())
}
