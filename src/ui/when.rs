//! When a message was written, for print, where there is no tooltip.

use crate::model::Message;
use crate::ui::labels;
use leptos::prelude::*;

/// Shown in print only (`style/print.css`). In UTC, because the server that renders it does not know the reader's time
/// zone.
#[component]
pub fn When(message: Memo<Option<Message>>) -> impl IntoView {
    let at = Memo::new(move |_| message.with(|it| it.as_ref().map(|it| it.created_at.clone()).unwrap_or_default()));
    view! { <time class="when" datetime=move || at.get()>{move || at.with(|at| labels::minute(at))}</time> }
}
