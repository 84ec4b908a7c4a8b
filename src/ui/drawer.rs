//! The list of conversations as a drawer over the page: where there is no room beside it, or where it is folded away.

use crate::browser;
use crate::ui::folded::{is_folded, keep_folded};
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The element's id.
pub const ID: &str = "sidebar";

/// Whether the list stands beside the page instead: the width in `style/frame.css`.
pub fn is_column() -> bool {
    browser::matches_media("(width >= 60rem)") && !is_folded()
}

/// Folds the list away, or puts it beside the page again.
pub fn fold(folded: RwSignal<bool>, is_folded: bool) {
    close();
    keep_folded(is_folded);
    folded.set(is_folded);
    // What was pressed is gone.
    let opener = if is_folded { ".topbar__list" } else { ".sidebar__fold" };
    spawn_local(async move {
        tick().await;
        if let Some(opener) = browser::document().query_selector(opener).ok().flatten() {
            browser::focus(&opener);
        }
    });
}

/// Moves the focus from one conversation of the list to another; `false` where this key does not.
pub fn step(from: &Element, key: &str) -> bool {
    let Ok(links) = browser::document().query_selector_all(".entry__link") else { return false };
    let at = (0..links.length()).find(|at| links.get(*at).is_some_and(|link| link == **from));
    let (Some(at), last) = (at, links.length().saturating_sub(1)) else { return false };
    let to = match key {
        "ArrowDown" => (at + 1).min(last),
        "ArrowUp" => at.saturating_sub(1),
        "Home" => 0,
        "End" => last,
        _ => return false,
    };
    if let Some(link) = links.get(to).and_then(|link| link.dyn_into().ok()) {
        browser::focus(&link);
    }
    true
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
