//! Open views of conversations: each is notified when its access must be checked again.
//!
//! The channel carries nothing: the current access is in the store, and a read there is more reliable than any message.

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
    /// From here on the view is notified when its access must be checked again.
    pub fn take(self: &Arc<Self>, viewer: ViewerId, conversation: ConversationId) -> OpenView {
        let key = (viewer, conversation);
        let mut open = lock(&self.open);
        let changed = open.entry(key).or_insert_with(|| watch::Sender::new(())).subscribe();
        OpenView { places: Arc::clone(self), key, changed }
    }

    /// Notifies the views that match.
    pub(super) fn look_again(&self, is_meant: impl Fn(ViewerId, ConversationId) -> bool) {
        for ((viewer, conversation), changed) in lock(&self.open).iter() {
            if is_meant(*viewer, *conversation) {
                changed.send_replace(());
            }
        }
    }
}

impl OpenView {
    /// Completes when the view's access must be checked again. Cancel-safe.
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
