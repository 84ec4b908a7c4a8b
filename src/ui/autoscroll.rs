//! The view follows the text while the reader is at its end, and stays where it is after scrolling up.

use super::icon;
use crate::browser;
use crate::ui::page::PageState;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::Cell;

/// Sets `following` by the reader's scrolling, and keeps the end in view while it is true.
pub fn read_along(page: PageState) {
    Effect::new(move || {
        let last_top = Cell::new(0.0);
        let handle = window_event_listener(ev::scroll, move |_| {
            let top = browser::window().scroll_y().unwrap_or_default();
            // Even the smallest movement upwards counts: smooth scrolling begins with a few pixels. Text that got
            // shorter moves the page up as well, but leaves it at its end.
            if top < last_top.replace(top) && distance() > 1 {
                page.following.set(false);
            } else if is_at_end() {
                page.following.set(true);
            }
        });
        on_cleanup(move || handle.remove());
    });
    Effect::new(move || {
        page.live.draft.track();
        page.live.thread.track();
        page.live.highlighted.track();
        spawn_local(async move {
            browser::frame_or(100).await;
            // Read only now: the user may have scrolled away since the text came.
            if page.following.try_get_untracked() == Some(true) {
                to_end();
            }
        });
    });
}

#[component]
pub fn JumpToLatest() -> impl IntoView {
    let page = PageState::here();
    let jump = move |_| {
        page.following.set(true);
        to_end();
    };
    view! {
        <button type="button" class="latest" hidden=move || page.following.get() on:click=jump
            inner_html=icon::html(icon::DOWN) + "Jump to latest"></button>
    }
}

fn is_at_end() -> bool {
    browser::document().document_element().is_none_or(|page| browser::is_at_end(&page))
}

/// How far the end is, in CSS pixels.
fn distance() -> i32 {
    let page = browser::document().document_element();
    page.map_or(0, |page| page.scroll_height() - page.scroll_top() - page.client_height())
}

fn to_end() {
    if let Some(page) = browser::document().document_element() {
        browser::scroll_to_end(&page);
    }
}
