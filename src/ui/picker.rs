//! The model picker.

use crate::contract::Changes;
use crate::markdown::escape;
use crate::model::Access;
use crate::ui::lazy;
use crate::ui::page::PageState;
use leptos::html;
use leptos::prelude::*;

#[component]
pub fn Picker() -> impl IntoView {
    let page = PageState::here();
    let chosen = Memo::new(move |_| chosen(page));
    let pick = move |event| {
        page.picked.set(event_target_value(&event));
        let Some(id) = page.place.get_untracked().conversation() else { return };
        let changes = Changes { model: Some(event_target_value(&event)), ..Changes::default() };
        page.attempt(async move { (lazy::now().await?.change)(id, changes).await });
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
            <select id="model" name="model" node_ref=select on:change=pick disabled=move || page.access() != Access::Owner
                inner_html=move || options(page, &chosen.get())></select>
        </label>
    }
}

/// The conversation's model, or the one that a new conversation begins with.
fn chosen(page: PageState) -> String {
    let of_thread = page.live.thread.with(|thread| thread.as_ref().map(|thread| thread.conversation.model.clone()));
    of_thread.filter(|model| !model.is_empty()).unwrap_or_else(|| default_model(page))
}

/// The model of a new conversation.
pub fn default_model(page: PageState) -> String {
    page.models.with(|models| {
        let default = models.iter().find(|model| model.default).or(models.first());
        default.map(|model| model.id.clone()).unwrap_or_default()
    })
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
