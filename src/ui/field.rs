//! The text of the page's fields, and the copy in this browser's storage. The fields are authoritative.

use crate::browser::{self, storage};
use crate::ui::route::Route;
use wasm_bindgen::JsCast;
use web_sys::HtmlTextAreaElement;

/// The storage key of a route's draft.
fn shelf(place: Route) -> String {
    match place {
        Route::Start => "unsent".into(),
        Route::Conversation(id) => format!("unsent:{id}"),
    }
}

/// Stores the draft so that it survives a reload; an empty text removes it.
pub fn keep(place: Route, text: &str) {
    if text.is_empty() {
        storage::remove(&shelf(place));
    } else {
        storage::set(&shelf(place), text);
    }
}

/// The selected model.
pub fn model() -> String {
    let select = browser::document().get_element_by_id("model");
    select
        .and_then(|select| select.dyn_into::<web_sys::HtmlSelectElement>().ok())
        .map(|it| it.value())
        .unwrap_or_default()
}

/// The value of a text field.
pub fn value(id: &str) -> String {
    field(id).map(|field| field.value()).unwrap_or_default()
}

pub fn set(id: &str, text: &str) {
    if let Some(field) = field(id) {
        field.set_value(text);
    }
}

fn field(id: &str) -> Option<HtmlTextAreaElement> {
    browser::document().get_element_by_id(id)?.dyn_into().ok()
}

/// The stored draft of a route.
pub fn kept(place: Route) -> String {
    storage::get(&shelf(place)).unwrap_or_default()
}
