//! Focus and scrolling.

use super::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, ScrollBehavior, ScrollIntoViewOptions, ScrollLogicalPosition, ScrollToOptions};

/// Within this distance of the end, in CSS pixels, the view follows: about two lines.
const NEAR_PX: i32 = 48;

pub fn focus(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let _ = element.focus();
    }
}

/// Focuses the element with this id; without one nothing happens.
pub fn focus_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        focus(&element);
    }
}

/// Whether the end of the scrolling `element` is in view, so that the view follows new text.
pub fn is_at_end(element: &Element) -> bool {
    element.scroll_height() - element.scroll_top() - element.client_height() <= NEAR_PX
}

/// Jumps to the end of the scrolling `element`. Not smoothly: text that arrives would overtake it.
pub fn scroll_to_end(element: &Element) {
    let options = ScrollToOptions::new();
    options.set_top(f64::from(element.scroll_height()));
    options.set_behavior(ScrollBehavior::Instant);
    element.scroll_to_with_scroll_to_options(&options);
}

/// Scrolls by the least that brings `element` into view.
pub fn reveal(element: &Element) {
    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// The HTML inside the first element that the selector finds.
pub fn inner_html(selector: &str) -> Option<String> {
    document().query_selector(selector).ok().flatten().map(|element| element.inner_html())
}
