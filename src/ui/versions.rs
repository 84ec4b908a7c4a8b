//! The versions of one place in the conversation: a question that was changed, a reply that was tried again. One is
//! shown; these buttons lead to the others.

use crate::api;
use crate::browser;
use crate::model::{self, Access, Message, MessageId};
use crate::ui::page::PageState;
use leptos::ev::MouseEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// Empty where there is only one version, and for users who may not choose the version for everyone. HTML as text is a tenth of
/// the code of components.
#[component]
pub fn Versions(id: MessageId, message: Memo<Option<Message>>) -> impl IntoView {
    let page = PageState::here();
    let versions = Memo::new(move |_| {
        let versions = message.with(|message| message.as_ref().and_then(|message| message.versions));
        versions.filter(|_| page.access() != Access::Reader)
    });
    let place = NodeRef::<html::Span>::new();
    let turn = move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("button").ok().flatten());
        let Some(number) = button.and_then(|button| button.get_attribute("value")?.parse().ok()) else { return };
        event.prevent_default();
        page.turning.set_value(true);
        page.attempt(async move {
            let shown = api::show_version(id, number).await;
            page.turning.update_value(|turning| *turning &= shown.is_ok());
            shown
        });
    };
    // Another version's row has replaced the one whose button was pressed: the focus moves to this row's button.
    Effect::new(move || {
        let Some(model::Versions { number, count }) = versions.get() else { return };
        let Some(place) = place.get().filter(|_| page.turning.get_value()) else { return };
        page.turning.set_value(false);
        page.whisper.set(format!("Version {number} of {count}."));
        let button = place.query_selector("button:enabled").ok().flatten();
        if let Some(button) = button.filter(|_| browser::is_unfocused()) {
            browser::focus(&button);
        }
    });
    let form =
        move || versions.get().map(|versions| form(id, versions, page.open_reply().is_some())).unwrap_or_default();
    view! { <span node_ref=place on:click=turn inner_html=form></span> }
}

fn form(id: MessageId, versions: model::Versions, is_busy: bool) -> String {
    let model::Versions { number, count } = versions;
    let button = |to: u32, is_end: bool, label: &str, mark: &str| {
        let disabled = if is_end || is_busy { " disabled" } else { "" };
        format!(
            "<button class=\"plain\" name=\"number\" value=\"{to}\" aria-label=\"{label} version\"{disabled}>{mark}</button>"
        )
    };
    let former = button(number.saturating_sub(1), number == 1, "Former", "‹");
    let next = button(number + 1, number == count, "Next", "›");
    format!(
        "<form class=\"versions\" method=\"post\" action=\"/forms/version\"><input type=\"hidden\" name=\"message\" value=\"{id}\">\
         {former}<span>{number} of {count}</span>{next}</form>"
    )
}
