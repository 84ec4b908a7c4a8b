//! Which images a model is shown: those of the message that it answers, and of the others the newest, as many as its API
//! takes in one request. In the place of each other image it reads that there was one, and the reply says how many it was
//! not shown.

use super::{Engine, Shared};
use crate::error::Problem;
use crate::model::{AccountId, Image, ImageId, Message};
use crate::server::journal::lock;
use crate::server::picture::Picture;
use crate::server::provider::{Request, Turn};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, Weak};

/// Pictures that are held for open replies, of everybody: as many MiB at most.
const MOST_HELD: usize = 256;
/// A model that is shown images begins to answer within seconds.
const RETRY_AFTER_SECONDS: u64 = 5;
/// What stands for an image that a model is not shown.
const UNSEEN: &str = "[image]\n";

/// What a model is shown of a conversation.
pub(super) struct Shown(HashMap<ImageId, Arc<Picture>>);

impl Shown {
    /// A message as the model is told it.
    pub(super) fn turn(&self, message: &Message) -> Turn {
        let images: Vec<_> = message.images.iter().filter_map(|image| self.0.get(&image.id).cloned()).collect();
        let unseen = UNSEEN.repeat(message.images.len() - images.len());
        Turn { images, ..Turn::said(message.role, unseen + &message.text) }
    }
}

/// What open replies hold of pictures, until their models have begun to answer.
#[derive(Default)]
pub(super) struct Held(Mutex<Vec<Weak<Picture>>>);

impl Held {
    /// Whether so many more may be held.
    fn admit(&self, more: usize) -> Result<(), Problem> {
        let mut held = lock(&self.0);
        held.retain(|picture| 0 < picture.strong_count());
        if more == 0 || held.len() + more <= MOST_HELD {
            return Ok(());
        }
        let message =
            "The server is showing as many images to models as it can. Nothing was sent; try again in a moment.";
        Err(Problem::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS })
    }
}

/// How many images of the conversation the model is not shown, those of messages that are left out among them.
pub(super) fn left_out(history: &[Message], request: &Request) -> u32 {
    let all: usize = history.iter().map(|message| message.images.len()).sum();
    let shown: usize = request.turns.iter().map(|turn| turn.images.len()).sum();
    u32::try_from(all - shown).unwrap_or(u32::MAX)
}

impl Engine {
    /// Whether the account may send these images to the model; none for the default.
    pub async fn check_images(
        &self,
        account: AccountId,
        images: &[ImageId],
        model: Option<&str>,
    ) -> Result<(), Problem> {
        let model = model.map_or_else(|| self.shared.providers.default_model(), str::to_owned);
        self.shared.images(account, images, &model).await.map(drop)
    }
}

impl Shared {
    /// Loads the newest images of a conversation, as many as the model is shown.
    pub(super) async fn show(&self, model: &str, history: &[Message]) -> Result<Shown, Problem> {
        let images = history.iter().rev().flat_map(|message| &message.images).map(|image| image.id);
        let newest: Vec<_> = images.take(self.providers.most_images(model)).collect();
        self.pictures.admit(newest.len())?;
        let pictures = self.store.pictures(&newest).await?;
        let shown: HashMap<_, _> = pictures.into_iter().map(|(id, picture)| (id, Arc::new(picture))).collect();
        lock(&self.pictures.0).extend(shown.values().map(Arc::downgrade));
        Ok(Shown(shown))
    }

    /// The account's images of these ids, for a message to this model.
    pub(super) async fn images(&self, account: AccountId, ids: &[ImageId], model: &str) -> Result<Vec<Image>, Problem> {
        if Image::MOST_PER_MESSAGE < ids.len() {
            let message =
                format!("A message has at most {} images. Send the others with the next.", Image::MOST_PER_MESSAGE);
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
        let held = Held::default();
        let mut pictures: Vec<_> = (0..MOST_HELD).map(|_| picture()).collect();
        lock(&held.0).extend(pictures.iter().map(Arc::downgrade));
        assert_eq!(held.admit(1).unwrap_err().status(), 503);
        held.admit(0).unwrap();
        pictures.pop();
        held.admit(1).unwrap();
        held.admit(2).unwrap_err();
    }
}
