//! The page's access to the browser: small wrappers over `web_sys`, so that no other module depends on it.
//!
//! Called only from effects, event handlers and the tasks that they start. They compile for the server too, which
//! never calls them.

mod clipboard;
mod event;
pub mod file;
mod held;
mod lock;
pub mod page;
mod patch;
pub mod storage;
mod time;
mod view;

pub use clipboard::{copy, copy_formatted};
pub use event::{Listener, listen_always};
pub use lock::Lock;
pub use patch::{patch, patch_text};
pub use time::{Interval, Timeout, frame, frame_or, now_ms, page_arrived_ms, parse_time_ms, sleep};
pub use view::{
    announce_input, click, focus, focus_at_end, focus_id, focus_in_place, inner_html, is_at_end, is_unfocused,
    place_beside, reveal, scroll_to_end, was_hidden,
};

use js_sys::{Array, Date, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, Document, HtmlDocument, Url, VisibilityState, Window};

pub fn window() -> Window {
    web_sys::window().expect("only called in a browser's page")
}

pub fn document() -> Document {
    window().document().expect("a browser's page has a document")
}

/// Whether the tab is visible.
pub fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// Whether the browser reports a network (`navigator.onLine`). With `false`, a server on this machine still answers.
pub fn is_online() -> bool {
    window().navigator().on_line()
}

/// Whether this media query matches.
pub fn matches_media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}

/// The path in the address bar.
pub fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// Whether the address names a place on the page.
pub fn has_anchor() -> bool {
    window().location().hash().is_ok_and(|hash| !hash.is_empty())
}

/// Changes the path in the address bar without loading anything: in a new entry of the history, or in this one.
pub fn set_path(path: &str, replaces: bool) {
    if let Ok(history) = window().history() {
        // They throw for other hosts' addresses, and when they are called hundreds of times a second.
        let _ = match replaces {
            true => history.replace_state_with_url(&JsValue::NULL, "", Some(path)),
            false => history.push_state_with_url(&JsValue::NULL, "", Some(path)),
        };
    }
}

/// Goes back in the history.
pub fn go_back() {
    if let Ok(history) = window().history() {
        let _ = history.back();
    }
}

/// Sends a request whose loss is acceptable (`sendBeacon`).
pub fn beacon(path: &str) {
    // Throws for an invalid address.
    let _ = window().navigator().send_beacon(path);
}

/// The cookies of this page that code may read.
pub fn cookies() -> String {
    document().dyn_into::<HtmlDocument>().ok().and_then(|document| document.cookie().ok()).unwrap_or_default()
}

/// Sets a cookie: `name=value` and its attributes.
pub fn set_cookie(cookie: &str) {
    if let Ok(document) = document().dyn_into::<HtmlDocument>() {
        // Throws where a page has no origin.
        let _ = document.set_cookie(cookie);
    }
}

/// Keeps the text as a file of this name, where the browser keeps what it downloads.
pub fn save(text: &str, name: &str) {
    let Ok(blob) = Blob::new_with_str_sequence(&Array::of1(&text.into())) else { return };
    let (Ok(address), Ok(link)) = (Url::create_object_url_with_blob(&blob), document().create_element("a")) else {
        return;
    };
    let _ = link.set_attribute("href", &address);
    let _ = link.set_attribute("download", name);
    click(&link);
    // The browser has begun to read it.
    let _ = Url::revoke_object_url(&address);
}

/// A time (RFC 3339) as this reader writes it.
pub fn local_time(time: &str) -> String {
    let options = Object::new();
    for (name, style) in [("dateStyle", "medium"), ("timeStyle", "short")] {
        let _ = Reflect::set(&options, &name.into(), &style.into());
    }
    let language = window().navigator().language().unwrap_or_else(|| "en".into());
    Date::new(&time.into()).to_locale_string(&language, &options).into()
}

/// Loads another page.
pub fn leave_for(path: &str) {
    let _ = window().location().assign(path);
}

/// A number in decimals, by the browser's own code.
pub fn decimal(number: f64) -> String {
    js_sys::Number::from(number).to_string_with_radix(10).map(String::from).unwrap_or_default()
}

/// A number from 0 up to, not including, 1. For jitter, never for secrets.
pub fn random() -> f64 {
    js_sys::Math::random()
}
