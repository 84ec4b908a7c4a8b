//! Keys that work everywhere on the page. `panels/keys_list` names them.

use crate::browser::{self, storage};
use crate::ui::drawer;
use crate::ui::keys::{OFF, SINGLE_KEYS, composes};
use crate::ui::page::PageState;
use crate::ui::panel::{Panel, begin_typing, keep};
use crate::ui::panels;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, MouseEvent};

/// In these, letters are typed or have a meaning of their own.
const TAKES_LETTERS: &str = "input, textarea, select, dialog, [role=menu]";

pub fn pressed(page: PageState, event: &KeyboardEvent) {
    // What looks like a button is a link for browsers without our code.
    if matches!(event.key().as_str(), " " | "ArrowDown") && opens(page, event) {
        return;
    }
    if event.default_prevented() || composes(event) || event.alt_key() {
        return;
    }
    let key = event.key();
    if event.ctrl_key() || event.meta_key() {
        if key.eq_ignore_ascii_case("k") && !event.shift_key() {
            event.prevent_default();
            begin_typing();
            panels::open(page, Panel::Palette);
        }
        return;
    }
    if key.chars().count() == 1 && keep(&key) {
        event.prevent_default();
        return;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let is_plain = !event.shift_key();
    if is_plain && target.as_ref().is_some_and(|target| drawer::step(target, &key)) {
        event.prevent_default();
        return;
    }
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

/// Opens the panel of a link that leads to a page without our code: a row's menu, the search; and folds the list. One listener
/// does for all.
pub fn opens(page: PageState, event: &Event) -> bool {
    let mouse = event.dyn_ref::<MouseEvent>();
    if mouse.is_some_and(|it| it.ctrl_key() || it.meta_key() || it.shift_key()) {
        return false;
    }
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let nearest = |selector| target.as_ref().and_then(|target| target.closest(selector).ok().flatten());
    if let Some(button) = nearest("[data-fold]").filter(|_| mouse.is_some()) {
        drawer::fold(page.folded, button.get_attribute("data-fold").as_deref() == Some("yes"));
        return true;
    }
    let link = nearest("a[data-panel]");
    let Some(href) = link.and_then(|link| link.get_attribute("href")) else { return false };
    let panel = match href.split('/').nth(2).map(str::parse) {
        Some(Ok(id)) if href.ends_with("/sharing") => Panel::Sharing(id),
        Some(Ok(id)) => Panel::Menu(id),
        Some(Err(_)) => return false,
        None if href == "/settings" => Panel::Settings,
        None => Panel::Palette,
    };
    event.prevent_default();
    panels::open(page, panel);
    true
}
