//! Who else has the conversation open, and who types. Plain text that a screen reader finds but does not announce
//! when it changes.
use crate::ui::page::PageState;
use leptos::prelude::*;

#[component]
pub fn OthersHere() -> impl IntoView {
    let live = PageState::here().live;
    view! {
        <p class="presence" hidden=move || live.company.with(String::is_empty)>{move || live.company.get()}</p>
    }
}
