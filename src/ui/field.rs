//! What stands in the page's fields, and what this browser keeps of it. The fields themselves have the truth.

use crate::browser::{self, storage};
use crate::ui::route::Route;
use wasm_bindgen::JsCast;
use web_sys::HtmlTextAreaElement;

/// Where this browser keeps what is being written at a place.
fn shelf(place: Route) -> String {
    match place {
        Route::Start => "unsent".into(),
        Route::Conversation(id) => format!("unsent:{id}"),
    }
}

/// Keeps it over a reload; nothing is kept of an empty text.
pub fn keep(place: Route, text: &str) {
    if text.is_empty() {
        storage::remove(&shelf(place));
    } else {
        storage::set(&shelf(place), text);
    }
}

/// The model that is chosen.
pub fn model() -> String {
    let select = browser::document().get_element_by_id("model");
    select
        .and_then(|select| select.dyn_into::<web_sys::HtmlSelectElement>().ok())
        .map(|it| it.value())
        .unwrap_or_default()
}

/// What stands in a text field.
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

/// What was being written at a place when it was last left.
pub fn kept(place: Route) -> String {
    storage::get(&shelf(place)).unwrap_or_default()
}
