//! Enter sends the message. A touch keyboard has no Shift+Enter, so there it breaks the line, and the
//! button sends.

use crate::browser::{self, matches_media};
use leptos::ev::KeyboardEvent;

/// The storage key of the choice not to have shortcuts of a single character: speech input types words (WCAG 2.1.4).
pub const SINGLE_KEYS: &str = "single-keys";
/// Its value.
pub const OFF: &str = "off";
/// Whether this key press sends what was written.
pub fn sends(event: &KeyboardEvent) -> bool {
    let is_asked = event.ctrl_key() || event.meta_key();
    event.key() == "Enter" && !composes(event) && !event.shift_key() && (is_asked || !breaks_lines())
}

/// While letters are being composed (Japanese, Chinese ...), Enter chooses among them. 229 is the key code that Safari
/// sends then.
pub fn composes(event: &KeyboardEvent) -> bool {
    event.is_composing() || event.key_code() == 229
}

/// The label of a touch keyboard's Enter key (`enterkeyhint`).
pub fn enter_hint() -> &'static str {
    if breaks_lines() { "enter" } else { "send" }
}

/// Focuses the message field, unless that would open an on-screen keyboard.
pub fn focus_field() {
    if matches_media("(hover: hover)") {
        browser::focus_id("text");
    }
}

/// Focuses the message field of a page that was just loaded. Not where the user has focused something already, nor where
/// the address names a place on the page.
pub fn focus_first() {
    if browser::is_unfocused() && !browser::has_anchor() && matches_media("(hover: hover)") {
        browser::focus_in_place("text");
    }
}

/// Whether Enter alone breaks the line: on a touch keyboard, and where the settings say so (`server/html/settings`).
fn breaks_lines() -> bool {
    let root = browser::document().document_element();
    is_touch() || root.and_then(|root| root.get_attribute("data-send")).as_deref() == Some("ctrl")
}

/// Whether touch is the only pointer. Queried each time: a mouse and a keyboard may be attached to a tablet.
fn is_touch() -> bool {
    matches_media("(pointer: coarse)") && !matches_media("(any-pointer: fine)")
}
