//! The view follows the text while one reads along, and stays where it is when one has scrolled up.

use super::desk::Desk;
use super::icon::{self, Icon};
use crate::browser;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Keeps `desk.following` true to what the person does, and the end in sight while it is.
pub fn read_along(desk: Desk) {
    Effect::new(move || {
        let mut last_top = f64::MAX;
        let mut heard = move || {
            let top = browser::window().scroll_y().unwrap_or_default();
            if is_at_end() {
                desk.following.set(true);
            } else if top < last_top - 1.0 && last_top < f64::MAX {
                desk.following.set(false);
            }
            last_top = top;
        };
        let heard = std::cell::RefCell::new(move || heard());
        let handle = window_event_listener(ev::scroll, move |_| (heard.borrow_mut())());
        on_cleanup(move || handle.remove());
    });
    Effect::new(move || {
        desk.live.draft.track();
        desk.live.thread.track();
        desk.live.highlighted.track();
        if desk.following.get_untracked() {
            spawn_local(async {
                browser::frame_or(100).await;
                to_end();
            });
        }
    });
}

#[component]
pub fn JumpToLatest() -> impl IntoView {
    let desk = Desk::here();
    let jump = move |_| {
        desk.following.set(true);
        to_end();
    };
    view! {
        <button type="button" class="latest" hidden=move || desk.following.get() on:click=jump>
            <Icon path=icon::DOWN/>
            "Jump to latest"
        </button>
    }
}

fn is_at_end() -> bool {
    browser::document().document_element().is_none_or(|page| browser::is_at_end(&page))
}

fn to_end() {
    if let Some(page) = browser::document().document_element() {
        browser::scroll_to_end(&page);
    }
}
