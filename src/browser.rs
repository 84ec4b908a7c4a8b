//! What the page asks of the browser: small wrappers over `web_sys`, so that nothing else needs to know how.
//!
//! Called only from effects, event handlers and the tasks that they start. They compile for the server too, where
//! nobody calls them.

mod clipboard;
mod event;
pub mod file;
mod held;
mod lock;
mod patch;
pub mod storage;
mod time;
mod view;

pub use clipboard::copy;
pub use event::{Listener, listen_always};
pub use lock::Lock;
pub use patch::{patch, patch_text};
pub use time::{Interval, Timeout, frame, frame_or, now_ms, page_arrived_ms, parse_time_ms, sleep};
pub use view::{focus, focus_id, inner_html, is_at_end, reveal, scroll_to_end};

use wasm_bindgen::JsValue;
use web_sys::{Document, VisibilityState, Window};

pub fn window() -> Window {
    web_sys::window().expect("only called in a browser's page")
}

pub fn document() -> Document {
    window().document().expect("a browser's page has a document")
}

/// Whether the tab can be seen.
pub fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// What the browser believes about the network. `false` is not always the truth: a server on this machine answers.
pub fn is_online() -> bool {
    window().navigator().on_line()
}

/// Whether the browser's window and devices are as this media query says.
pub fn matches_media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}

/// The path in the address bar.
pub fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// Puts another path into the address bar; nothing is loaded.
pub fn push_path(path: &str) {
    if let Ok(history) = window().history() {
        // Throws for other hosts' addresses, and when it is called hundreds of times a second.
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(path));
    }
}

/// Tells the server something that it may miss.
pub fn beacon(path: &str) {
    // Throws for what is no address.
    let _ = window().navigator().send_beacon(path);
}

/// Loads another page.
pub fn leave_for(path: &str) {
    let _ = window().location().assign(path);
}

/// A number from 0 up to, not including, 1. For jitter, never for secrets.
pub fn random() -> f64 {
    js_sys::Math::random()
}
