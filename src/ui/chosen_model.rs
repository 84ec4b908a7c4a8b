//! The model that is chosen for the next message.

use crate::browser;
use crate::contract::Changes;
use crate::ui::lazy;
use crate::ui::page::PageState;
use crate::ui::panel::PICKER;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;

/// Chooses the model for the next message, which the conversation keeps.
pub fn pick(page: PageState, model: String) {
    let select = browser::document().get_element_by_id(PICKER).and_then(|it| it.dyn_into::<HtmlSelectElement>().ok());
    if let Some(select) = select {
        select.set_value(&model);
    }
    page.picked.set(model.clone());
    let Some(id) = page.place.get_untracked().conversation() else { return };
    let changes = Changes { model: Some(model), ..Changes::default() };
    page.attempt(async move { (lazy::now().await?.change)(id, changes).await });
}

/// The conversation's model, or the one that a new conversation begins with.
pub fn chosen(page: PageState) -> String {
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
