//! The highlighted code of replies that have just ended. A page includes that of all others.

use crate::api;
use crate::model::MessageId;
use crate::ui::page::PageState;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Fetches the highlighted code of replies as they end. Not retried: the code is readable without it.
pub fn highlight_ended(page: PageState) {
    Effect::new(move || {
        page.live.thread.track();
        for reply in page.live.unhighlighted() {
            spawn_local(highlight_one(page, reply));
        }
    });
}

async fn highlight_one(page: PageState, reply: MessageId) {
    if let Ok(html) = api::highlighted(reply).await {
        page.live.highlight(reply, html);
    }
}
