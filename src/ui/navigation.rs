//! The page's address: what it names, and going from one place to another without loading a page.
//!
//! There are two kinds of place, so this does without leptos' router, which would be a twentieth of the browser's code.
//! A link to anything else is the browser's to follow.

use crate::browser::{self, Listener};
use crate::ui::route::Route;
use crate::ui::route::is_public;
use http::request::Parts;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, MouseEvent};

/// Where the page is. One per page, provided by the app.
#[derive(Clone, Copy)]
pub struct Address {
    place: RwSignal<Route>,
}

impl Address {
    /// Where the request goes; in the browser, what its address bar says.
    pub fn new() -> Self {
        let asked = use_context::<Parts>().map(|parts| parts.uri.path().to_owned());
        let path = asked.unwrap_or_else(browser::path);
        Self { place: RwSignal::new(Route::parse(&path)) }
    }

    /// The place, as it changes.
    pub fn place(self) -> Memo<Route> {
        Memo::new(move |_| self.place.get())
    }

    /// Goes there. The way back leads here.
    pub fn go(self, place: Route) {
        if self.place.get_untracked() != place {
            browser::push_path(&place.path());
            self.place.set(place);
        }
    }

    /// Goes along with the browser's own buttons, and with links to our places.
    pub fn listen(self) {
        Effect::new(move || {
            let back =
                Listener::new(&browser::window(), "popstate", move |_| self.place.set(Route::parse(&browser::path())));
            let link = Listener::new(&browser::document(), "click", move |event| self.follow(&event));
            let listeners = StoredValue::new_local((back, link));
            on_cleanup(move || listeners.dispose());
        });
    }

    fn follow(self, event: &Event) {
        // From a public link's page every way leads out.
        let link = event.dyn_ref::<MouseEvent>().filter(|_| !is_public());
        let Some(place) = link.and_then(linked) else { return };
        event.prevent_default();
        self.go(place);
        browser::window().scroll_to_with_x_and_y(0.0, 0.0);
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::new()
    }
}

/// The place that a press on a link leads to, unless the browser is to do something else with it: open a tab, say.
fn linked(press: &MouseEvent) -> Option<Route> {
    let modified = press.meta_key() || press.ctrl_key() || press.shift_key() || press.alt_key();
    if press.default_prevented() || press.button() != 0 || modified {
        return None;
    }
    let link = press.target()?.dyn_into::<Element>().ok()?.closest("a[href]").ok()??;
    if link.has_attribute("target") || link.has_attribute("download") {
        return None;
    }
    Route::of_link(&link.get_attribute("href")?)
}
