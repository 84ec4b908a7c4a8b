//! Escape stops the open reply, unless there is something on top to close first. Other keys: `shortcuts`.

use super::{keys, shortcuts};
use crate::browser::{self, Listener};
use crate::ui::page::PageState;
use leptos::ev;
use leptos::prelude::*;

pub fn stop_on_escape(page: PageState) {
    Effect::new(move || {
        let handle = window_event_listener(ev::keydown, move |event| {
            if event.key() != "Escape" {
                shortcuts::pressed(page, &event);
            } else if !keys::composes(&event) && !has_open_layer() && !close_menu() {
                page.stop();
            }
        });
        let pressed = Listener::new(&browser::document(), "click", move |event| {
            shortcuts::opens(page, &event);
        });
        let pressed = StoredValue::new_local(pressed);
        on_cleanup(move || {
            handle.remove();
            pressed.dispose();
        });
    });
}

/// Something over the page, which the browser closes. Queried apart from the menus: an older browser does not know this
/// selector.
fn has_open_layer() -> bool {
    browser::document().query_selector(":popover-open, dialog[open]").is_ok_and(|open| open.is_some())
}

/// Closes the innermost open menu, and gives the focus back to what opened it.
fn close_menu() -> bool {
    let open = ".instructions[open]";
    let Some(menu) = browser::document().query_selector(open).ok().flatten() else {
        return false;
    };
    let _ = menu.remove_attribute("open");
    if let Some(summary) = menu.query_selector("summary").ok().flatten() {
        browser::focus(&summary);
    }
    true
}
