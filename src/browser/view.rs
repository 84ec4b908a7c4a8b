//! Focus and scrolling.

use super::document;
use wasm_bindgen::JsCast;
use web_sys::{
    Element, Event, FocusOptions, HtmlElement, HtmlInputElement, ScrollBehavior, ScrollIntoViewOptions,
    ScrollLogicalPosition, ScrollToOptions,
};

/// Within this distance of the end, in CSS pixels, the view follows: about two lines.
const NEAR_PX: i32 = 48;

pub fn focus(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let _ = element.focus();
    }
}

/// Moves the focus to a field with the caret behind what it holds: a value that it was drawn with has it in front.
pub fn focus_at_end(field: &HtmlInputElement) {
    focus(field);
    let _ = field.set_selection_range(u32::MAX, u32::MAX);
}

/// Focuses the element with this id; without one nothing happens.
pub fn focus_id(id: &str) {
    if let Some(element) = document().get_element_by_id(id) {
        focus(&element);
    }
}

/// Focuses it without scrolling.
pub fn focus_in_place(id: &str) {
    if let Some(element) = document().get_element_by_id(id).and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = element.focus_with_options(&options);
    }
}

/// Whether nothing on the page has the focus.
pub fn is_unfocused() -> bool {
    let document = document();
    let body = document.body().map(Element::from);
    document.active_element().is_none_or(|focused| Some(focused) == body)
}

/// Tells those who listen that the text of the field with this id has changed.
pub fn announce_input(id: &str) {
    if let (Some(field), Ok(event)) = (document().get_element_by_id(id), Event::new("input")) {
        let _ = field.dispatch_event(&event);
    }
}

/// Presses it.
pub fn click(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        element.click();
    }
}

/// The distance to the edges of the window that a popover keeps, in CSS pixels.
const EDGE_PX: f64 = 8.0;

/// Places a popover at `opener`: below it, or above where there is no room, with their ends in one line.
pub fn place_beside(popover: &HtmlElement, opener: &Element) {
    let (at, size) = (opener.get_bounding_client_rect(), popover.get_bounding_client_rect());
    let window = document().document_element().map(|page| (page.client_width(), page.client_height()));
    let (width, height) = window.map(|(width, height)| (f64::from(width), f64::from(height))).unwrap_or_default();
    let is_mirrored =
        document().document_element().and_then(|page| page.get_attribute("dir")).as_deref() == Some("rtl");
    let left = if is_mirrored { at.left() } else { at.right() - size.width() };
    let has_room = at.bottom() + size.height() + EDGE_PX <= height;
    // Held at the edge that is beside the opener, so that it stays there when its height changes.
    let (edge, other, distance) = match has_room {
        true => ("top", "bottom", at.bottom()),
        false => ("bottom", "top", height - at.top()),
    };
    let _ = popover.style().set_property(other, "auto");
    // By the DOM, which a content security policy against inline styles allows.
    for (name, value, most) in [("left", left, width - size.width()), (edge, distance, height - size.height())] {
        let place = value.min(most - EDGE_PX).max(EDGE_PX);
        // Whole pixels: the code that writes fractions is a seventh of the panels'.
        let _ = popover.style().set_property(name, &format!("{}px", place as i32));
    }
}

/// Whether a popover of the page is hidden. One that is told of a task late may be gone, with another in its place.
pub fn was_hidden(popover: &Element) -> bool {
    popover.is_connected() && !popover.matches(":popover-open").unwrap_or(true)
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
