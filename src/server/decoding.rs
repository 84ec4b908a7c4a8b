//! Slots for uploads: how many are received at a time, and how many are decoded.

use super::picture::{self, Picture};
use crate::error::Problem;
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Uploads that are received at a time, of all accounts: each is kept in memory, so this bounds it to some hundreds of
/// MiB.
const RECEIVED_AT_ONCE: usize = 24;

/// Pictures that are decoded at a time: one may take 400 MB, and a processor.
const DECODED_AT_ONCE: usize = 1;

/// `Retry-After` for a caller when too many upload.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The slots for uploads.
pub struct Images {
    receiving: Arc<Semaphore>,
    decoding: Arc<Semaphore>,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            receiving: Arc::new(Semaphore::new(RECEIVED_AT_ONCE)),
            decoding: Arc::new(Semaphore::new(DECODED_AT_ONCE)),
        }
    }
}

impl Images {
    /// A slot for an upload, taken before any of it is read. It is freed when the answer is dropped.
    pub fn receive(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.receiving).try_acquire_owned().map_err(|_| {
            let message = "Too many images are being uploaded at the moment. Try again in a moment.".into();
            Problem::Unavailable { message, retry_after_seconds: RETRY_AFTER_SECONDS }
        })
    }

    /// Decodes on a blocking thread. The slot belongs to the work, so that a caller who disconnects does not free it
    /// while the work still runs.
    pub async fn decode(&self, bytes: Bytes) -> Result<Picture, Problem> {
        let place = Arc::clone(&self.decoding).acquire_owned().await.map_err(|_| Problem::Internal)?;
        let work = tokio::task::spawn_blocking(move || {
            let picture = Picture::read(&bytes);
            drop(place);
            picture
        });
        work.await.unwrap_or_else(|error| {
            tracing::error!(%error, "An image's decoder panicked");
            Err(picture::broken())
        })
    }
}
