//! The list of conversations as a drawer over the page, where there is no room beside it.

use crate::browser;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// The element's id.
pub const ID: &str = "sidebar";

/// Whether the list stands beside the page instead: the width in `style/frame.css`.
pub fn is_column() -> bool {
    browser::matches_media("(width >= 60rem)")
}

pub fn close() {
    if is_open()
        && let Some(drawer) = element()
    {
        let _ = drawer.hide_popover();
    }
}

pub fn is_open() -> bool {
    element().is_some_and(|drawer| drawer.matches(":popover-open").unwrap_or(false))
}

pub fn element() -> Option<HtmlElement> {
    browser::document().get_element_by_id(ID)?.dyn_into().ok()
}
