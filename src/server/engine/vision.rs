//! Which images a model is shown: those of the message that it answers, and of the others the newest, as many as its
//! API takes in one request. Each other image is replaced by a note to the model, and the reply says how many images it
//! was not shown.

use super::Shared;
use crate::error::Problem;
use crate::model::{AccountId, Image, ImageId, MessageId};
use crate::server::picture::Picture;
use crate::server::provider::{Request, Turn};
use crate::server::store::history::History;
use crate::server::store::messages::Told;
use crate::server::sync::lock;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};

/// Pictures in memory for open replies of all accounts: each takes at most one MiB.
const MAX_HELD: usize = 256;
/// A model that is shown images begins to answer within seconds.
const RETRY_AFTER_SECONDS: u64 = 5;
/// The text in place of an image that the model is not shown.
const UNSEEN: &str = "[image]\n";

/// The part of a conversation that a model is shown.
pub(super) struct Shown {
    pictures: HashMap<ImageId, Arc<Picture>>,
    /// The messages that have them: an image may be in many, and is only shown in the newest of them.
    places: HashSet<(MessageId, ImageId)>,
}

impl Shown {
    /// Of a conversation without images.
    pub(super) fn none() -> Self {
        Self { pictures: HashMap::new(), places: HashSet::new() }
    }

    /// A message as the model reads it.
    pub(super) fn turn(&self, message: &Told) -> Turn {
        let shown = message.images.iter().filter(|image| self.places.contains(&(message.id, image.id)));
        let images: Vec<_> = shown.filter_map(|image| self.pictures.get(&image.id).cloned()).collect();
        let unseen = UNSEEN.repeat(message.images.len() - images.len());
        Turn { images, ..Turn::said(message.role, unseen + &message.text) }
    }
}

/// The memory that open replies take for pictures, until their models have begun to answer.
#[derive(Default)]
pub(super) struct PictureBudget(Mutex<Places>);

#[derive(Default)]
struct Places {
    taken: Vec<Weak<Picture>>,
    /// For pictures that are being loaded.
    reserved: usize,
}

/// Places for pictures that are being loaded; released when dropped.
#[derive(Debug)]
struct Reserved<'a> {
    held: &'a PictureBudget,
    count: usize,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        lock(&self.held.0).reserved -= self.count;
    }
}

impl std::fmt::Debug for PictureBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PictureBudget")
    }
}

impl PictureBudget {
    /// Reserves places for `count` more pictures.
    fn reserve(&self, count: usize) -> Result<Reserved<'_>, Problem> {
        let mut places = lock(&self.0);
        places.taken.retain(|picture| 0 < picture.strong_count());
        if count == 0 || places.taken.len() + places.reserved + count <= MAX_HELD {
            places.reserved += count;
            return Ok(Reserved { held: self, count });
        }
        let message =
            "The server is showing as many images to models as it can. Nothing was sent; try again in a moment.";
        Err(Problem::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS })
    }
}

/// How many images of the conversation the model is not shown, including those of messages that are left out.
pub(super) fn left_out(history: &History, request: &Request) -> u32 {
    let all = history.told.iter().map(|message| message.images.len()).sum::<usize>() + history.earlier_images;
    let shown: usize = request.turns.iter().map(|turn| turn.images.len()).sum();
    u32::try_from(all - shown).unwrap_or(u32::MAX)
}

impl Shared {
    /// Loads the newest images of a conversation, as many as the model takes.
    pub(super) async fn show(&self, model: &str, history: &[Told]) -> Result<Shown, Problem> {
        let images = history.iter().rev().flat_map(|message| message.images.iter().map(|image| (message.id, image.id)));
        let places: HashSet<_> = images.take(self.providers.most_images(model)).collect();
        let newest: Vec<_> = places.iter().map(|(_, image)| *image).collect::<HashSet<_>>().into_iter().collect();
        let _reserved = self.pictures.reserve(newest.len())?;
        let pictures = self.store.pictures(&newest).await?;
        let pictures: HashMap<_, _> = pictures.into_iter().map(|(id, picture)| (id, Arc::new(picture))).collect();
        lock(&self.pictures.0).taken.extend(pictures.values().map(Arc::downgrade));
        Ok(Shown { pictures, places })
    }

    /// The account's images of these ids, for a message to this model.
    pub(super) async fn images(&self, account: AccountId, ids: &[ImageId], model: &str) -> Result<Vec<Image>, Problem> {
        if Image::MAX_PER_MESSAGE < ids.len() {
            let message =
                format!("A message has at most {} images. Send the others with the next.", Image::MAX_PER_MESSAGE);
            return Err(Problem::invalid("images", message));
        }
        if ids.iter().collect::<HashSet<_>>().len() < ids.len() {
            return Err(Problem::invalid("images", "An image is named twice. Name each once."));
        }
        if !ids.is_empty() && self.providers.most_images(model) == 0 {
            let message = format!("{model} does not see images. Choose a model that does, or remove them.");
            return Err(Problem::invalid("images", message));
        }
        let images = self.store.images(account, ids).await?;
        if images.len() < ids.len() {
            let message = "An image of this message is not there any more. Remove it, and add it again.";
            return Err(Problem::invalid("images", message));
        }
        Ok(images)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_pictures_are_held_and_each_makes_room_when_it_is_let_go() {
        let picture = || {
            let (hash, media_type) = (String::new(), String::new());
            Arc::new(Picture { hash, media_type, width: 1, height: 1, bytes: Default::default() })
        };
        let held = PictureBudget::default();
        let mut pictures: Vec<_> = (0..MAX_HELD).map(|_| picture()).collect();
        lock(&held.0).taken.extend(pictures.iter().map(Arc::downgrade));
        assert_eq!(held.reserve(1).unwrap_err().status(), 503);
        held.reserve(0).unwrap();
        pictures.pop();
        let reserved = held.reserve(1).unwrap();
        held.reserve(1).unwrap_err();
        drop(reserved);
        held.reserve(1).unwrap();
        held.reserve(2).unwrap_err();
    }
}
