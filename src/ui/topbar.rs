//! The line above the thread: the list's button, the title, who it is shared with, the instructions.

use super::icon;
use super::instructions::Instructions;
use crate::model::Access;
use crate::ui::labels;
use crate::ui::page::PageState;
use crate::ui::page::Shown;
use crate::ui::route::sharing;
use leptos::prelude::*;

#[component]
pub fn Topbar() -> impl IntoView {
    let page = PageState::here();
    let shown = Memo::new(move |_| page.shown());
    let heading = Memo::new(move |_| page.live.thread.with(|thread| thread.as_ref().map(labels::heading)));
    let owns = Memo::new(move |_| page.access() == Access::Owner);
    let talking = move || matches!(shown.get(), Shown::Thread(_));
    view! {
        <header class="topbar">
            {page.me.with_value(Option::is_some).then(|| view! {
                <button type="button" class="plain topbar__list" popovertarget="sidebar" aria-label="Conversations"
                    inner_html=icon::html(icon::MENU)></button>
            })}
            {move || {
                talking().then(|| view! { <h1 class="topbar__title" dir="auto">{move || heading.get()}</h1> })
            }}
            {move || match shown.get() {
                Shown::Thread(id) if page.me.with_value(Option::is_some) => {
                    let word = if owns.get() { "Share" } else { "Shared" };
                    Some(view! { <a class="topbar__share" href=sharing(id) data-panel aria-haspopup="dialog">{word}</a> })
                }
                _ => None,
            }}
            {move || (owns.get() && (talking() || shown.get() == Shown::Start)).then(|| view! { <Instructions/> })}
        </header>
    }
}
