//! Open views of conversations: each is notified when its access must be checked again.
//!
//! The channel carries nothing: the current access is in the store, and a read there is more reliable than any message.

use crate::model::ConversationId;
use crate::server::principal::ViewerId;
use crate::server::signal::{Signal, Watcher};
use crate::server::sync::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

type Key = (ViewerId, ConversationId);

/// The open views.
#[derive(Default)]
pub struct OpenViews {
    open: Mutex<HashMap<Key, Views>>,
}

/// The open views of one viewer on one conversation.
struct Views {
    changed: Signal,
    count: usize,
}

/// Held by a view for as long as it is open.
pub struct OpenView {
    places: Arc<OpenViews>,
    key: Key,
    changed: Watcher,
}

impl OpenViews {
    /// From here on the view is notified when its access must be checked again.
    pub fn take(self: &Arc<Self>, viewer: ViewerId, conversation: ConversationId) -> OpenView {
        let key = (viewer, conversation);
        let mut open = lock(&self.open);
        let views = open.entry(key).or_insert_with(|| Views { changed: Signal::default(), count: 0 });
        views.count += 1;
        let changed = views.changed.watcher();
        OpenView { places: Arc::clone(self), key, changed }
    }

    /// Notifies the views that match.
    pub(super) fn look_again(&self, is_meant: impl Fn(ViewerId, ConversationId) -> bool) {
        for ((viewer, conversation), views) in lock(&self.open).iter() {
            if is_meant(*viewer, *conversation) {
                views.changed.give();
            }
        }
    }
}

impl OpenView {
    /// What happened since [`Self::checks`], to be waited for apart from the view.
    pub fn changes(&self) -> Changes {
        Changes(self.changed.clone())
    }

    /// The access is checked after this.
    pub fn checks(&mut self) {
        self.changed.see();
    }
}

/// See [`OpenView::changes`].
pub struct Changes(Watcher);

impl Changes {
    /// Whether the view's access must be checked again.
    pub fn has_any(&self) -> bool {
        self.0.has_any()
    }

    /// Completes when the view's access must be checked again.
    pub async fn next(&mut self) {
        self.0.next().await;
    }
}

impl Drop for OpenView {
    fn drop(&mut self) {
        let mut open = lock(&self.places.open);
        let Some(views) = open.get_mut(&self.key) else { return };
        views.count -= 1;
        if views.count == 0 {
            open.remove(&self.key);
        }
    }
}
