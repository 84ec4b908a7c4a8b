//! Who else looks at the conversation, and who types. Plain text that is there for whoever wants to know: it is not read
//! out when it changes.

use crate::ui::page::PageState;
use leptos::prelude::*;

#[component]
pub fn OthersHere() -> impl IntoView {
    let live = PageState::here().live;
    view! {
        <p class="presence" hidden=move || live.company.with(String::is_empty)>{move || live.company.get()}</p>
    }
}
