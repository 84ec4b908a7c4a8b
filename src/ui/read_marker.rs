//! Tells the server which reply's end was seen, so that no list of the account marks it as unread.

use crate::api;
use crate::browser::{self, Listener};
use crate::model::{ConversationId, Message, MessageId, Role};
use crate::ui::live::list::News;
use crate::ui::page::PageState;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Marks the newest reply as read while the page shows its end: the tab is visible, and the view is at the end of the text.
pub fn mark_read(page: PageState, id: ConversationId) {
    let looks = RwSignal::new(0_u32);
    let told = StoredValue::new(None::<MessageId>);
    Effect::new(move || {
        let looked =
            Listener::new(&browser::document(), "visibilitychange", move |_| looks.update(|looks| *looks += 1));
        let looked = StoredValue::new_local(looked);
        on_cleanup(move || looked.dispose());
    });
    Effect::new(move || {
        looks.track();
        let is_unread = page.live.news_of(id) == Some(News::Unread);
        if !is_unread || !page.following.get() || !browser::is_visible() {
            return;
        }
        let Some(reply) = newest_ended(page) else { return };
        // Once: the list says soon that it is read.
        if told.get_value() != Some(reply) {
            told.set_value(Some(reply));
            spawn_local(async move {
                // Not a notice: it is still unread, and the next look tells it again.
                if api::read(id, reply).await.is_err() {
                    told.try_set_value(None);
                }
            });
        }
    });
}

fn newest_ended(page: PageState) -> Option<MessageId> {
    let has_ended = |message: &&Message| message.role == Role::Assistant && !message.status.is_open();
    page.live.thread.with(|thread| thread.as_ref()?.messages.iter().rfind(has_ended).map(|message| message.id))
}
