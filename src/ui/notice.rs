//! Notices: failures are shown to everyone, other notices only announced to screen readers.

use super::icon;
use crate::ui::page::PageState;
use leptos::prelude::*;

/// The message of the last failure, until it is dismissed or another action begins.
#[component]
pub fn Notice() -> impl IntoView {
    let page = PageState::here();
    let empty = move || page.notice.with(String::is_empty);
    view! {
        <div class="notice" role="alert" hidden=empty>
            <p>{move || page.notice.get()}</p>
            <button type="button" class="plain" data-script aria-label="Dismiss" on:click=move |_| page.notice.set(String::new())
                inner_html=icon::html(icon::CLOSE)></button>
        </div>
    }
}

#[component]
pub fn Whisper() -> impl IntoView {
    let page = PageState::here();
    view! { <p class="unseen" role="status">{move || page.whisper.get()}</p> }
}
