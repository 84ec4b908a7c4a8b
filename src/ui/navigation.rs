//! Navigation: the page's address, and going from one route to another without loading a page.
//!
//! There are two kinds of route, so leptos' router, a twentieth of the browser's code, is not needed.
//! The browser follows all other links.

use crate::browser::{self, Listener};
use crate::ui::drawer;
use crate::ui::route::Route;
use crate::ui::route::is_public;
use http::request::Parts;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, MouseEvent};

/// The page's location. One per page, provided by the app.
#[derive(Clone, Copy)]
pub struct Address {
    place: RwSignal<Route>,
    /// Whether the newest entry of the browser's history is there for the open drawer: going back closes it.
    has_drawer: StoredValue<bool>,
}

impl Address {
    /// The request's path; in the browser, that of the address bar.
    pub fn new() -> Self {
        let asked = use_context::<Parts>().map(|parts| parts.uri.path().to_owned());
        let path = asked.unwrap_or_else(browser::path);
        Self { place: RwSignal::new(Route::parse(&path)), has_drawer: StoredValue::new(false) }
    }

    /// The route, as a signal.
    pub fn place(self) -> Memo<Route> {
        Memo::new(move |_| self.place.get())
    }

    /// Goes to the route, with an entry in the browser's history.
    pub fn go(self, place: Route) {
        if self.place.get_untracked() != place {
            // In the place of the drawer's entry, where there is one.
            let replaces = self.has_drawer.try_update_value(std::mem::take).unwrap_or_default();
            browser::set_path(&place.path(), replaces);
            self.place.set(place);
        }
    }

    /// The drawer was opened, or closed. While it is open, it has an entry in the history.
    pub fn drawer_toggled(self, is_closed: bool) {
        let has_drawer = self.has_drawer.get_value();
        if is_closed && has_drawer {
            self.has_drawer.set_value(false);
            browser::go_back();
        } else if !is_closed && !has_drawer {
            self.has_drawer.set_value(true);
            browser::set_path(&browser::path(), false);
        }
    }

    /// Follows the browser's back and forward buttons, and links to our routes.
    pub fn listen(self) {
        Effect::new(move || {
            let back = Listener::new(&browser::window(), "popstate", move |_| {
                if self.has_drawer.try_update_value(std::mem::take).unwrap_or_default() {
                    drawer::close();
                }
                self.place.set(Route::parse(&browser::path()));
            });
            let link = Listener::new(&browser::document(), "click", move |event| self.follow(&event));
            let listeners = StoredValue::new_local((back, link));
            on_cleanup(move || listeners.dispose());
        });
    }

    fn follow(self, event: &Event) {
        // From a public link's page, every link loads a new page.
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

/// The route that a click on a link leads to; none where the browser is to handle it: to open a tab, for example.
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
