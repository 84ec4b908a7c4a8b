//! Uploaded images: received, decoded on blocking threads, stored, and shown to callers with access.

use super::State;
use super::store::images::{Added, Most};
use super::task::owned;
use super::times::ago;
use crate::error::Problem;
use crate::model::{AccountId, Image, ImageId};
use bytes::Bytes;
use std::time::Duration;

/// Images of one account that are in no message yet: four full messages.
const MAX_WAITING: i64 = 4 * Image::MAX_PER_MESSAGE as i64;
/// All images of one account: some hundreds at the size that they are stored in, and far from filling a disk.
const MAX_BYTES: i64 = 512 << 20;
/// How long an image waits for its message before it is swept: a draft may lie over night.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of a file's name that are stored: it is shown on one line.
const MAX_NAME: usize = 100;

/// Stores an upload for a later message.
pub async fn upload(state: &State, account: AccountId, name: &str, bytes: Bytes) -> Result<Image, Problem> {
    let name = file_name(name);
    if MAX_WAITING <= state.store.waiting_images(account).await? {
        return Err(too_many_waiting(state));
    }
    let picture = state.images.decode(bytes).await?;
    let image = Image { id: ImageId::new(), name, width: picture.width, height: picture.height };
    let state = state.clone();
    owned(async move {
        // Counted again where it is written: concurrent uploads may have been stored meanwhile.
        let most = Most { waiting: MAX_WAITING, bytes: MAX_BYTES };
        match state.store.add_image(account, &image, &picture, most).await? {
            Added::Kept => Ok(image),
            Added::TooManyWaiting => Err(too_many_waiting(&state)),
            Added::TooLarge => Err(too_large(&state)),
        }
    })
    .await
}

fn too_many_waiting(state: &State) -> Problem {
    state.metrics.refused("images");
    let message = format!("{MAX_WAITING} images of yours are in no message yet. Send or remove some first.");
    Problem::TooMany { message, retry_after_seconds: MAX_WAIT.as_secs() }
}

fn too_large(state: &State) -> Problem {
    state.metrics.refused("images");
    let message = format!("Your images take {} MiB already. Delete a conversation that has some.", MAX_BYTES >> 20);
    Problem::Conflict(message)
}

/// A file's name on one line. It is shown, and never used as a path.
fn file_name(name: &str) -> String {
    let name: String = name.chars().filter(|character| !character.is_control()).take(MAX_NAME).collect();
    match name.trim() {
        "" => "image".into(),
        name => name.into(),
    }
}

/// Deletes an image that is in no message. One that is in a message stays with it.
pub async fn remove(state: &State, account: AccountId, id: ImageId) -> Result<(), Problem> {
    let store = state.store.clone();
    owned(async move {
        match store.remove_image(account, id).await? {
            true => Ok(()),
            false if store.picture_hash(account.into(), id).await?.is_none() => Err(Problem::NotFound),
            false => {
                Err(Problem::Conflict("This image is in a message. It goes when the conversation is deleted.".into()))
            }
        }
    })
    .await
}

/// Deletes images that waited too long for a message.
pub async fn sweep(state: &State) {
    match state.store.sweep_images(&ago(MAX_WAIT)).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "Images that were in no message are gone"),
        Err(error) => tracing::warn!(%error, "Images that are in no message could not be deleted"),
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_files_name_is_a_line() {
        assert_eq!(file_name("holiday.jpg"), "holiday.jpg");
        assert_eq!(file_name(" a\r\nb\0.png "), "ab.png");
        assert_eq!(file_name("\u{7}"), "image");
        assert_eq!(file_name(&"é".repeat(300)).chars().count(), 100);
    }
}
