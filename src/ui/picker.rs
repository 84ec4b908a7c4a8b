//! The model picker: the browser's own list until our code runs, and where touch is the pointer; else a press on it opens
//! `panels/models`, where models have prices and can be found by a word.

use crate::browser::matches_media;
use crate::markdown::escape;
use crate::model::Access;
use crate::ui::chosen_model::{chosen, pick};
use crate::ui::page::PageState;
use crate::ui::panel::PICKER;
use crate::ui::panels;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html;
use leptos::prelude::*;

#[component]
pub fn Picker() -> impl IntoView {
    let page = PageState::here();
    let chosen = Memo::new(move |_| chosen(page));
    Effect::new(move || {
        if page.choosing.with(Option::is_some) {
            panels::choose_model(page);
        }
    });
    let open = move |event: &web_sys::Event| {
        if matches_media("(hover: hover)") {
            event.prevent_default();
            page.choosing.set(Some(None));
        }
    };
    // Opened at the end of the press: the browser closes what opened during it. A press while it is open closes it.
    let was_open = StoredValue::new(false);
    let pressed = move |event: MouseEvent| {
        if matches_media("(hover: hover)") {
            event.prevent_default();
            was_open.set_value(page.choosing.with_untracked(Option::is_some));
        }
    };
    let released = move |event: MouseEvent| {
        if !was_open.get_value() {
            open(&event);
        }
        was_open.set_value(false);
    };
    let keyed = move |event: KeyboardEvent| {
        let is_arrow = event.alt_key() && matches!(event.key().as_str(), "ArrowDown" | "ArrowUp");
        if is_arrow || matches!(event.key().as_str(), " " | "Enter") {
            open(&event);
        }
    };
    let select = NodeRef::<html::Select>::new();
    // Not on hydration: the user may have chosen before our code ran.
    Effect::new(move |before: Option<String>| {
        let chosen = chosen.get();
        if let (Some(before), Some(select)) = (before, select.get())
            && before != chosen
        {
            select.set_value(&chosen);
        }
        page.picked.set(select.get_untracked().map(|select| select.value()).unwrap_or_default());
        chosen
    });
    view! {
        <label class="picker">
            <span class="unseen">"Model"</span>
            <select id=PICKER name="model" node_ref=select on:change=move |event| pick(page, event_target_value(&event))
                on:mousedown=pressed on:click=released on:keydown=keyed disabled=move || page.access() != Access::Owner
                inner_html=move || options(page, &chosen.get())></select>
        </label>
    }
}

/// A model that no list names may still be in use, so it is among the options. HTML as text is a tenth of the code of
/// components.
fn options(page: PageState, chosen: &str) -> String {
    let known = page.models.with(|models| models.iter().map(|model| model.id.clone()).collect::<Vec<_>>());
    let unknown = Some(chosen.to_owned()).filter(|id| !id.is_empty() && !known.contains(id));
    let mut html = String::new();
    for id in known.iter().chain(&unknown) {
        html.push_str("<option value=\"");
        escape(&mut html, id);
        html.push_str(if id == chosen { "\" selected>" } else { "\">" });
        escape(&mut html, &page.model_name(id));
        html.push_str("</option>");
    }
    html
}
