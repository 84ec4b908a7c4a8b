//! All data of an account as a zip archive, for its owner to take along or to see what is stored.
//!
//! The archive is written while the store is read, page by page, so only the disk bounds its size. No database
//! connection is kept in between, so a slow reader blocks nobody. The archive is therefore no snapshot: each
//! conversation is as it was when it was read.

mod archive;
mod closing;
mod format;
mod html;
mod markdown;
mod names;
mod one;

pub use format::Format;
pub use one::one;

use super::grants::Grant;
use super::limits::Counted;
use super::principal::Principal;
use super::principal::ViewerId;
use super::store::Store;
use super::store::conversations::Stored;
use super::store::export::{Kept, Placed};
use super::{State, revocation};
use crate::error::Problem;
use crate::model::{AccountId, ConversationId, Image, Message};
use archive::{Archive, Kind};
use bytes::Bytes;
use futures::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use std::collections::VecDeque;
use std::io;
use tokio::sync::mpsc::Receiver;

/// Messages that are read at a time, and bytes of their text: one alone can have 2 MiB, and exports run side by side.
const MESSAGES: i64 = 8;
const TEXT_BYTES: i64 = 256 << 10;
/// Other rows that are read at a time. They are small.
const ROWS: i64 = 200;

/// The archive's own description.
const README: &str = "\
What Rivulet keeps of this account.

account.json           the account, its limits, sessions, API tokens (their names, not the tokens), invitations, and what is
                       shared with whom
usage.json             what it has used, by day and model
images.json, images/   what it has uploaded
conversations/         each as Markdown, to read, and as JSON, with every message and all that is known of it
written-elsewhere.json what it has written in other people's conversations

Times are in UTC. A message's parent is the message that it answers: a conversation is a tree.
";

/// Begins an export. Returns the archive as a stream, while it is written.
///
/// # Errors
/// 429 while another export of this account is running, 503 while too many of other accounts are.
pub async fn begin(
    state: &State,
    who: Principal,
) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<>, Problem> {
    let place = state.limits.export(who.account)?;
    let grant = revocation::grant(state, who).await?;
    let pieces = archive(state.store.clone(), who.account);
    let reading = Reading { pieces, grant, _place: place };
    Ok(stream::unfold(Some(reading), async |reading| {
        let mut reading = reading?;
        let piece = reading.next().await?;
        let goes_on = piece.is_ok();
        Some((piece, goes_on.then_some(reading)))
    }))
}

/// The pieces of an account's archive, while it is written. Without an error at the end it is whole.
pub fn archive(store: Store, account: AccountId) -> Receiver<io::Result<Bytes>> {
    let (archive, pieces) = Archive::begin();
    tokio::spawn(async move {
        // The reader sees that the archive is truncated.
        if let Err(error) = write(&store, account, archive).await {
            tracing::info!(%error, "An export was not finished");
        }
    });
    pieces
}

/// An archive on its way to its caller.
struct Reading {
    pieces: Receiver<io::Result<Bytes>>,
    grant: Grant,
    _place: Counted,
}

impl Reading {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        tokio::select! {
            biased;
            () = self.grant.withdrawn() => Some(Err(io::Error::other("what let the caller in was withdrawn"))),
            piece = self.pieces.recv() => piece,
        }
    }
}

async fn write(store: &Store, account: AccountId, archive: Archive) -> anyhow::Result<()> {
    archive.file("README.txt", Kind::Text).await?;
    archive.write(README).await?;
    archive.file("account.json", Kind::Text).await?;
    archive.write(serde_json::to_vec_pretty(&store.about(account).await?)?).await?;
    usage(store, account, &archive).await?;
    images(store, account, &archive).await?;
    conversations(store, account, &archive).await?;
    written_elsewhere(store, account, &archive).await?;
    Ok(archive.end().await?)
}

async fn usage(store: &Store, account: AccountId, archive: &Archive) -> anyhow::Result<()> {
    let mut list = List::begin(archive, "usage.json").await?;
    let mut after = (String::new(), String::new());
    loop {
        let rows = store.ledger_after(account, &after, ROWS).await?;
        let Some(last) = rows.last() else { return list.end().await };
        after = (last.day.clone(), last.model.clone());
        for row in &rows {
            let mut value = json!(row.usage);
            value["day"] = json!(row.day);
            value["model"] = json!(row.model);
            value["replies"] = json!(row.replies);
            list.push(&value).await?;
        }
    }
}

async fn images(store: &Store, account: AccountId, archive: &Archive) -> anyhow::Result<()> {
    let mut list = List::begin(archive, "images.json").await?;
    let mut after = String::new();
    while let Some(page) = next_images(store, account, &mut after).await? {
        for kept in page {
            let mut value = json!(kept.image);
            value["file"] = json!(names::image(kept.image.id, &kept.media_type));
            value["created_at"] = json!(kept.created_at);
            list.push(&value).await?;
        }
    }
    list.end().await?;
    let mut after = String::new();
    while let Some(page) = next_images(store, account, &mut after).await? {
        for kept in page {
            // Perhaps deleted in between.
            let Some(picture) = store.picture(ViewerId::Account(account), kept.image.id).await? else { continue };
            archive.file(names::image(kept.image.id, &picture.media_type), Kind::Picture).await?;
            archive.write(picture.bytes).await?;
        }
    }
    Ok(())
}

async fn next_images(store: &Store, account: AccountId, after: &mut String) -> anyhow::Result<Option<Vec<Kept>>> {
    let page = store.images_after(account, after, ROWS).await?;
    if let Some(last) = page.last() {
        *after = last.image.id.to_string();
    }
    Ok(Some(page).filter(|page| !page.is_empty()))
}

async fn conversations(store: &Store, account: AccountId, archive: &Archive) -> anyhow::Result<()> {
    let mut after = String::new();
    loop {
        let page = store.conversations_after(account, &after, ROWS).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id.to_string();
        for stored in &page {
            conversation(store, account, stored, archive).await?;
        }
    }
}

async fn written_elsewhere(store: &Store, account: AccountId, archive: &Archive) -> anyhow::Result<()> {
    let mut list = List::begin(archive, "written-elsewhere.json").await?;
    let mut after = String::new();
    loop {
        let page = store.written_elsewhere_after(account, &after, MESSAGES).await?;
        let Some((last, _)) = page.last() else { return list.end().await };
        after = last.id.to_string();
        for (message, conversation) in &page {
            let mut value = json!(message);
            value["conversation"] = json!(conversation);
            list.push(&value).await?;
        }
    }
}

async fn conversation(store: &Store, account: AccountId, stored: &Stored, archive: &Archive) -> anyhow::Result<()> {
    let name = names::conversation(&stored.created_at, &stored.title, stored.id);
    let kind = if store.is_huge(stored.id).await? { Kind::Huge } else { Kind::Text };
    archive.file(format!("{name}.json"), kind).await?;
    let mut list = List::go_on(archive);
    let mut messages = Messages::of(store, stored.id);
    archive.write(Format::Json.head(stored)).await?;
    while let Some(placed) = messages.next().await? {
        list.push(&placed.message).await?;
    }
    archive.write("\n]}\n").await?;
    archive.file(format!("{name}.md"), kind).await?;
    archive.write(markdown::head(stored)).await?;
    let mut messages = Messages::of(store, stored.id);
    while let Some(Placed { position, parent, message }) = messages.next().await? {
        let files = files(store, account, &message).await?;
        let place = markdown::Numbered { number: position, answers: parent };
        archive.write(markdown::message(account, place, &message, &files)).await?;
    }
    Ok(())
}

/// A message's images with their files, relative to the conversations folder. Images of other accounts have no file.
async fn files<'a>(
    store: &Store,
    account: AccountId,
    message: &'a Message,
) -> anyhow::Result<Vec<(&'a Image, Option<String>)>> {
    let ids: Vec<_> = message.images.iter().map(|image| image.id).collect();
    let kinds = store.image_kinds(account, &ids).await?;
    let file = |image: &Image| Some(format!("../{}", names::image(image.id, kinds.get(&image.id)?)));
    Ok(message.images.iter().map(|image| (image, file(image))).collect())
}

/// The messages of a conversation, one after the other.
struct Messages<'a> {
    store: &'a Store,
    conversation: ConversationId,
    after: i64,
    page: VecDeque<Placed>,
}

impl<'a> Messages<'a> {
    fn of(store: &'a Store, conversation: ConversationId) -> Self {
        Self { store, conversation, after: 0, page: VecDeque::new() }
    }

    async fn next(&mut self) -> anyhow::Result<Option<Placed>> {
        if self.page.is_empty() {
            self.page = self.store.messages_after(self.conversation, self.after, (MESSAGES, TEXT_BYTES)).await?.into();
        }
        let next = self.page.pop_front();
        self.after = next.as_ref().map_or(self.after, |placed| placed.position);
        Ok(next)
    }
}

/// A JSON list that is written item by item.
struct List<'a> {
    archive: &'a Archive,
    is_empty: bool,
}

impl<'a> List<'a> {
    /// A file that contains a list.
    async fn begin(archive: &'a Archive, name: &str) -> anyhow::Result<Self> {
        archive.file(name, Kind::Text).await?;
        archive.write("[\n").await?;
        Ok(Self::go_on(archive))
    }

    /// A list whose opening bracket is written.
    fn go_on(archive: &'a Archive) -> Self {
        Self { archive, is_empty: true }
    }

    async fn push(&mut self, item: &impl Serialize) -> anyhow::Result<()> {
        let mut bytes = if self.is_empty { Vec::new() } else { b",\n".to_vec() };
        self.is_empty = false;
        serde_json::to_writer(&mut bytes, item)?;
        Ok(self.archive.write(bytes).await?)
    }

    async fn end(self) -> anyhow::Result<()> {
        Ok(self.archive.write("\n]\n").await?)
    }
}
