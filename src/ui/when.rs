//! When a message was written.

use crate::browser;
use crate::model::Message;
use crate::ui::labels;
use crate::ui::page::PageState;
use leptos::prelude::*;

/// Shown in print only (`style/print.css`). In UTC, because the server that renders it does not know the reader's time
/// zone.
#[component]
pub fn When(message: Memo<Option<Message>>) -> impl IntoView {
    let at = Memo::new(move |_| message.with(|it| it.as_ref().map(|it| it.created_at.clone()).unwrap_or_default()));
    view! { <time class="when" datetime=move || at.get()>{move || at.with(|at| labels::minute(at))}</time> }
}

/// In the reader's own words, once our code runs. Shown on hover and on focus.
#[component]
pub fn At(message: Memo<Option<Message>>) -> impl IntoView {
    let page = PageState::here();
    let at = Memo::new(move |_| message.with(|it| it.as_ref().map(|it| it.created_at.clone()).unwrap_or_default()));
    let words = move || page.awake.get().then(|| browser::local_time(&at.get()));
    view! { <time class="at" data-script datetime=move || at.get()>{words}</time> }
}
