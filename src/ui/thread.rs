//! The thread: the conversation's messages, in order.

use super::code_block;
use super::highlight::highlight_ended;
use super::message::Message;
use crate::api;
use crate::browser;
use crate::model::{ConversationId, MessageId};
use crate::ui::autoscroll::read_along;
use crate::ui::page::PageState;
use crate::ui::read_marker::mark_read;
use leptos::prelude::*;

/// A conversation's messages. A row is drawn once for its id and reads the rest as it changes.
#[component]
pub fn Conversation(id: ConversationId) -> impl IntoView {
    let page = PageState::here();
    let ids = Memo::new(move |_| ids(page));
    highlight_ended(page);
    read_along(page);
    mark_read(page, id);
    view! {
        <section class="thread" id="thread" aria-label="Messages" on:click=move |event| code_block::pressed(page, &event)>
            <Earlier id/>
            <For each=move || ids.get() key=|id| *id let:id>
                <Message id/>
            </For>
        </section>
    }
}

fn ids(page: PageState) -> Vec<MessageId> {
    page.live.thread.with(|thread| {
        thread.as_ref().map(|thread| thread.messages.iter().map(|message| message.id).collect()).unwrap_or_default()
    })
}

#[component]
fn Earlier(id: ConversationId) -> impl IntoView {
    let page = PageState::here();
    let busy = RwSignal::new(false);
    let none = Memo::new(move |_| page.live.thread.with(|thread| thread.as_ref().is_none_or(|it| !it.earlier)));
    let load = move |_| {
        let Some(before) = untrack(|| ids(page).first().copied()) else { return };
        if !busy.get_untracked() {
            busy.set(true);
            page.attempt(async move {
                let done = show_earlier(page, id, before).await;
                busy.set(false);
                done
            });
        }
    };
    view! {
        <p class="earlier" data-script hidden=move || none.get()>
            <button type="button" class="button button--quiet" on:click=load disabled=move || busy.get()>"Earlier messages"</button>
        </p>
    }
}

/// Adds earlier messages above without moving the text that is being read.
async fn show_earlier(page: PageState, id: ConversationId, before: MessageId) -> Result<(), crate::error::Problem> {
    let earlier = api::earlier(id, before).await?;
    let anchor = browser::document().get_element_by_id(&super::route::anchor(before));
    let top = anchor.as_ref().map(|anchor| anchor.get_bounding_client_rect().top());
    page.live.put_before(earlier);
    browser::frame_or(100).await;
    if let (Some(anchor), Some(top)) = (anchor, top) {
        let moved = anchor.get_bounding_client_rect().top() - top;
        browser::window().scroll_by_with_x_and_y(0.0, moved);
    }
    Ok(())
}
