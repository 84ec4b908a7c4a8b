//! Whether this browser has folded the list of conversations away, where there is room for it beside the page.

use crate::browser;
use http::header::COOKIE;
use http::request::Parts;
use leptos::prelude::*;

/// What a browser sends whose list is folded away. A cookie, so that the server draws the page as it will be.
const FOLDED: &str = "list=folded";
/// A year, in seconds.
const KEPT: &str = "; Path=/; SameSite=Lax; Max-Age=31536000";
const ENDED: &str = "; Path=/; SameSite=Lax; Max-Age=0";

/// Whether this browser has folded the list away.
pub fn is_folded() -> bool {
    let is_in = |cookies: &str| cookies.split("; ").any(|cookie| cookie == FOLDED);
    if cfg!(target_family = "wasm") {
        return is_in(&browser::cookies());
    }
    let sent = use_context::<Parts>();
    sent.is_some_and(|parts| parts.headers.get_all(COOKIE).iter().any(|sent| sent.to_str().is_ok_and(is_in)))
}

/// Notes it in this browser.
pub fn keep_folded(is_folded: bool) {
    browser::set_cookie(&[FOLDED, if is_folded { KEPT } else { ENDED }].concat());
}
