//! What Enter does where one writes: it sends. A touch keyboard has no Shift and Enter, so there it breaks the line, and the
//! button sends.

use crate::browser::matches_media;
use leptos::ev::KeyboardEvent;

/// Whether this key press sends what was written.
pub fn sends(event: &KeyboardEvent) -> bool {
    let is_asked = event.ctrl_key() || event.meta_key();
    event.key() == "Enter" && !composes(event) && !event.shift_key() && (is_asked || !is_touch())
}

/// While letters are being composed (Japanese, Chinese ...), Enter chooses among them. 229 is Safari's word for it.
pub fn composes(event: &KeyboardEvent) -> bool {
    event.is_composing() || event.key_code() == 229
}

/// What a touch keyboard is to write on its Enter key.
pub fn enter_hint() -> &'static str {
    if is_touch() { "enter" } else { "send" }
}

/// Whether fingers are all there is to point with. Asked each time: a tablet may be given a mouse and a keyboard.
fn is_touch() -> bool {
    matches_media("(pointer: coarse)") && !matches_media("(any-pointer: fine)")
}
