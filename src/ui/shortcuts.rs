//! Keys that work everywhere on the page. `panels/keys_list` names them.

use crate::browser::{self, storage};
use crate::ui::keys::{OFF, SINGLE_KEYS, composes};
use crate::ui::page::PageState;
use crate::ui::panel::Panel;
use crate::ui::panels;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

/// In these, letters are typed or have a meaning of their own.
const TAKES_LETTERS: &str = "input, textarea, select, dialog, [role=menu]";

pub fn pressed(page: PageState, event: &KeyboardEvent) {
    if event.default_prevented() || composes(event) || event.alt_key() {
        return;
    }
    let key = event.key();
    if event.ctrl_key() || event.meta_key() {
        if key.eq_ignore_ascii_case("k") && !event.shift_key() {
            event.prevent_default();
            panels::open(page, Panel::Palette);
        }
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let takes_letters = target.is_some_and(|target| target.closest(TAKES_LETTERS).ok().flatten().is_some());
    if takes_letters || key.chars().count() != 1 || key == " " {
        return;
    }
    let has_single_keys = storage::get(SINGLE_KEYS).as_deref() != Some(OFF);
    match key.as_str() {
        "?" if has_single_keys => {
            event.prevent_default();
            panels::open(page, Panel::Keys);
        }
        "/" if has_single_keys => {
            event.prevent_default();
            browser::focus_id("text");
        }
        // The letter goes into the field that has the focus by then.
        _ => browser::focus_id("text"),
    }
}
