//! Enter sends the message. A touch keyboard has no Shift+Enter, so there it breaks the line, and the
//! button sends.

use crate::browser::matches_media;
use leptos::ev::KeyboardEvent;

/// Whether this key press sends what was written.
pub fn sends(event: &KeyboardEvent) -> bool {
    let is_asked = event.ctrl_key() || event.meta_key();
    event.key() == "Enter" && !composes(event) && !event.shift_key() && (is_asked || !is_touch())
}

/// While letters are being composed (Japanese, Chinese ...), Enter chooses among them. 229 is the key code that Safari
/// sends then.
pub fn composes(event: &KeyboardEvent) -> bool {
    event.is_composing() || event.key_code() == 229
}

/// The label of a touch keyboard's Enter key (`enterkeyhint`).
pub fn enter_hint() -> &'static str {
    if is_touch() { "enter" } else { "send" }
}

/// Whether touch is the only pointer. Queried each time: a mouse and a keyboard may be attached to a tablet.
fn is_touch() -> bool {
    matches_media("(pointer: coarse)") && !matches_media("(any-pointer: fine)")
}
