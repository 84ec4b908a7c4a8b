//! What the page has to say: to everybody when something failed, quietly to those who listen otherwise.

use super::icon::{self, Icon};
use crate::ui::page::PageState;
use leptos::prelude::*;

/// The sentence of the last failure, until it is put away or something is tried again.
#[component]
pub fn Notice() -> impl IntoView {
    let desk = PageState::here();
    let empty = move || desk.notice.with(String::is_empty);
    view! {
        <div class="notice" role="alert" hidden=empty>
            <p>{move || desk.notice.get()}</p>
            <button type="button" class="plain" data-script aria-label="Dismiss" on:click=move |_| desk.notice.set(String::new())>
                <Icon path=icon::CLOSE/>
            </button>
        </div>
    }
}

#[component]
pub fn Whisper() -> impl IntoView {
    let desk = PageState::here();
    view! { <p class="unseen" role="status">{move || desk.whisper.get()}</p> }
}
