//! The open panel, and the notice that something can be undone. They are drawn beside the app: the page of the first load
//! knows nothing of them.

use super::shown::Shown;
use crate::browser;
use crate::ui::page::PageState;
use crate::ui::panel::{Drawer, PLACE, Panel, take_typed};
use crate::ui::parts::toast::{Toast, Undo};
use leptos::mount::mount_to;
use leptos::prelude::*;
use std::cell::Cell;
use wasm_bindgen::JsCast;

thread_local! {
    /// Set once the panels are drawn. A browser's page has one thread.
    static SHOWN: Cell<Option<Shown>> = const { Cell::new(None) };
}

/// Opens a panel. The first time, the place of all panels is drawn.
pub fn open(page: PageState, panel: Panel, draw_panel: Drawer) {
    let Some(shown) = SHOWN.get().or_else(|| draw(page)) else {
        take_typed();
        return;
    };
    SHOWN.set(Some(shown));
    // One that is open already, for another row say, is drawn anew.
    shown.close();
    shown.open(panel, draw_panel);
}

fn draw(page: PageState) -> Option<Shown> {
    let place = browser::document().get_element_by_id(PLACE)?.dyn_into().ok()?;
    let owner = Owner::new_root(None);
    let shown = owner.with(|| {
        let shown = Shown::default();
        provide_context(page);
        provide_context(shown);
        mount_to(place, || view! { <Panels/> }).forget();
        shown
    });
    // For as long as the page is there.
    std::mem::forget(owner);
    Some(shown)
}

#[component]
fn Panels() -> impl IntoView {
    let shown = Shown::here();
    let undo = RwSignal::new(None::<Undo>);
    view! {
        {move || shown.track().map(|(panel, draw)| draw(panel, undo))}
        {move || undo.get().map(|it| view! { <Toast it close=move || undo.set(None)/> })}
    }
}
