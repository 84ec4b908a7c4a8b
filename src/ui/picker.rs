//! The model picker.

use crate::contract::Changes;
use crate::model::{Access, Model};
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
            <select id="model" name="model" node_ref=select on:change=pick disabled=move || page.access() != Access::Owner>
                {move || options(page, &chosen.get())}
            </select>
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

/// A model that no list names may still be in use, so it is among the options.
fn options(page: PageState, chosen: &str) -> Vec<AnyView> {
    let mut models = page.models.get();
    if models.iter().all(|model| model.id != chosen) && !chosen.is_empty() {
        let name = crate::ui::labels::model(chosen).to_owned();
        models.push(Model { id: chosen.to_owned(), name, provider: String::new(), default: false, images: true });
    }
    let option = |model: Model| {
        let selected = model.id == chosen;
        let name = page.model_name(&model.id);
        view! { <option value=model.id selected=selected>{name}</option> }.into_any()
    };
    models.into_iter().map(option).collect()
}
