//! Who else looks at the conversation, and who types. Plain text that is there for whoever wants to know: it is not read
//! out when it changes.

use super::desk::Desk;
use leptos::prelude::*;

#[component]
pub fn Company() -> impl IntoView {
    let live = Desk::here().live;
    view! {
        <p class="presence" hidden=move || live.company.with(String::is_empty)>{move || live.company.get()}</p>
    }
}
