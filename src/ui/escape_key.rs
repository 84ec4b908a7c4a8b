//! Escape stops the open reply, unless there is something on top to close first.

use super::sidebar::drawer_is_open;
use crate::ui::page::PageState;
use leptos::ev;
use leptos::prelude::*;

pub fn stop_on_escape(page: PageState) {
    Effect::new(move || {
        let handle = window_event_listener(ev::keydown, move |event| {
            let composing = event.is_composing() || event.key_code() == 229;
            if event.key() == "Escape" && !composing && !drawer_is_open() && !picture_is_open() && !close_menu() {
                page.stop();
            }
        });
        on_cleanup(move || handle.remove());
    });
}

/// The browser closes it. Queried apart from the menus: an older browser does not know this selector.
fn picture_is_open() -> bool {
    crate::browser::document().query_selector(".lightbox:popover-open").is_ok_and(|open| open.is_some())
}

/// Closes the innermost open menu, and gives the focus back to what opened it.
fn close_menu() -> bool {
    let open = ".menu[open], .instructions[open]";
    let Some(menu) = crate::browser::document().query_selector(open).ok().flatten() else {
        return false;
    };
    let _ = menu.remove_attribute("open");
    if let Some(summary) = menu.query_selector("summary").ok().flatten() {
        crate::browser::focus(&summary);
    }
    true
}
