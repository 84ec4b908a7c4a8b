//! The highlighted code of replies that have just ended. A page includes that of all others.

use super::Live;
use super::fold::Fold;
use crate::api;
use crate::model::MessageId;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Fetches the highlighted code of replies that have just ended. Not retried: the code is readable without it.
pub(super) fn highlight(live: Live) {
    let replies = live.fold.try_update_value(Fold::unhighlighted).unwrap_or_default();
    for reply in replies {
        spawn_local(highlight_one(live, reply));
    }
}

async fn highlight_one(live: Live, reply: MessageId) {
    let Ok(html) = api::highlighted(reply).await else { return };
    if live.fold.try_with_value(|fold| fold.has_message(reply)) == Some(true) {
        live.highlighted.try_update(|known| known.insert(reply, html));
    }
}
