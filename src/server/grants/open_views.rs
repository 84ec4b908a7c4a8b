//! Who looks at which conversation: each is told to look again whether they still may.
//!
//! The channel carries nothing: what holds now is in the store, and there a look is worth more than any message.

use crate::model::ConversationId;
use crate::server::principal::ViewerId;
use crate::server::sync::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

type Key = (ViewerId, ConversationId);

/// The open views.
#[derive(Default)]
pub struct OpenViews {
    open: Mutex<HashMap<Key, watch::Sender<()>>>,
}

/// Held by a view for as long as it is open.
pub struct OpenView {
    places: Arc<OpenViews>,
    key: Key,
    changed: watch::Receiver<()>,
}

impl OpenViews {
    /// From here on the view hears when it is to look again.
    pub fn take(self: &Arc<Self>, viewer: ViewerId, conversation: ConversationId) -> OpenView {
        let key = (viewer, conversation);
        let mut open = lock(&self.open);
        let changed = open.entry(key).or_insert_with(|| watch::Sender::new(())).subscribe();
        OpenView { places: Arc::clone(self), key, changed }
    }

    /// Tells the views that this is about.
    pub(super) fn look_again(&self, is_meant: impl Fn(ViewerId, ConversationId) -> bool) {
        for ((viewer, conversation), changed) in lock(&self.open).iter() {
            if is_meant(*viewer, *conversation) {
                changed.send_replace(());
            }
        }
    }
}

impl OpenView {
    /// Comes when the view is to look again whether it may go on. Dropping the future loses nothing.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            // The sender lives as long as this is held.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for OpenView {
    fn drop(&mut self) {
        let mut open = lock(&self.places.open);
        // Ours is still counted.
        if open.get(&self.key).is_some_and(|changed| changed.receiver_count() <= 1) {
            open.remove(&self.key);
        }
    }
}
