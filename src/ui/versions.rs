//! The versions of one place in the conversation: a question that was changed, a reply that was tried again. One is
//! shown; these buttons lead to the others.

use crate::api;
use crate::browser;
use crate::model::{self, Access, Message, MessageId};
use crate::ui::page::PageState;
use leptos::ev::MouseEvent;
use leptos::html;
use leptos::prelude::*;

/// Empty where there is only one version, and for users who may not choose the version for everyone.
#[component]
pub fn Versions(id: MessageId, message: Memo<Option<Message>>) -> impl IntoView {
    let page = PageState::here();
    let versions = Memo::new(move |_| {
        let versions = message.with(|message| message.as_ref().and_then(|message| message.versions));
        versions.filter(|_| page.access() != Access::Reader)
    });
    move || versions.get().map(|versions| view! { <Turn id versions/> })
}

#[component]
fn Turn(id: MessageId, versions: model::Versions) -> impl IntoView {
    let page = PageState::here();
    let model::Versions { number, count } = versions;
    let form = NodeRef::<html::Form>::new();
    let busy = move || page.open_reply().is_some();
    let turn = move |number: u32| {
        move |event: MouseEvent| {
            event.prevent_default();
            page.turning.set_value(true);
            page.attempt(async move {
                let shown = api::show_version(id, number).await;
                page.turning.update_value(|turning| *turning &= shown.is_ok());
                shown
            });
        }
    };
    // Another version's row has replaced the one whose button was pressed: the focus moves to this row's button.
    Effect::new(move || {
        let Some(form) = form.get().filter(|_| page.turning.get_value()) else { return };
        page.turning.set_value(false);
        page.whisper.set(format!("Version {number} of {count}."));
        if let Some(button) = form.query_selector("button:enabled").ok().flatten() {
            browser::focus(&button);
        }
    });
    view! {
        <form class="versions" method="post" action="/forms/version" node_ref=form>
            <input type="hidden" name="message" value=id.to_string()/>
            <button class="plain" name="number" value=number - 1 disabled=move || number == 1 || busy() aria-label="Former version"
                on:click=turn(number - 1)>"‹"</button>
            <span>{number}" of "{count}</span>
            <button class="plain" name="number" value=number + 1 disabled=move || number == count || busy() aria-label="Next version"
                on:click=turn(number + 1)>"›"</button>
        </form>
    }
}
