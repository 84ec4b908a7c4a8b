//! The line above the thread: the way to the list, the title, the instructions.

use super::desk::{Desk, Shown};
use super::icon::{self, Icon};
use super::instructions::Instructions;
use super::words;
use leptos::prelude::*;

#[component]
pub fn Topbar() -> impl IntoView {
    let desk = Desk::here();
    let shown = Memo::new(move |_| desk.shown());
    let heading = Memo::new(move |_| desk.live.thread.with(|thread| thread.as_ref().map(words::heading)));
    let talking = move || matches!(shown.get(), Shown::Thread(_));
    view! {
        <header class="topbar">
            <button type="button" class="plain topbar__list" popovertarget="sidebar" aria-label="Conversations">
                <Icon path=icon::MENU/>
            </button>
            {move || {
                talking().then(|| view! { <h1 class="topbar__title">{move || heading.get()}</h1> })
            }}
            {move || (talking() || shown.get() == Shown::Start).then(|| view! { <Instructions/> })}
        </header>
    }
}
