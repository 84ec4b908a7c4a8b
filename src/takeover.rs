//! The entry points in the browser. `app/start.js` loads the program and decides how it takes over the page.

use crate::app::App;
use crate::browser;
use crate::ui::lazy;
use crate::ui::route;
use hydration_context::HydrateSharedContext;
use js_sys::Function;
use leptos::mount::{hydrate_from, mount_to};
use leptos::prelude::Owner;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use web_sys::HtmlElement;

/// Calls back once all code that the page's route needs is loaded.
#[wasm_bindgen]
pub fn start(take_over: Function) {
    console_error_panic_hook::set_once();
    route::ask_there();
    wasm_bindgen_futures::spawn_local(async move {
        lazy::load_for_page().await;
        // The callback handles its own errors.
        let _ = take_over.call0(&JsValue::NULL);
    });
}

/// Hydrates the server's nodes, which must be unchanged.
#[wasm_bindgen]
pub fn hydrate() {
    hydrate_from(root(), App).forget();
}

/// Renders the page in the empty root, from the data in the HTML.
#[wasm_bindgen]
pub fn draw() {
    let context = Arc::new(HydrateSharedContext::new());
    let owner = Owner::new_root(Some(context.clone()));
    owner.with(|| mount_to(root(), App)).forget();
    hydration_context::SharedContext::hydration_complete(&*context);
    std::mem::forget(owner);
}

fn root() -> HtmlElement {
    let root = browser::document().get_element_by_id(crate::app::ROOT);
    root.and_then(|root| root.dyn_into().ok()).expect("the page has a root: app/start.js has looked it up")
}
