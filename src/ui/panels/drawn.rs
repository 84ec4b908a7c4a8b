//! The open panel, and the notice that something can be undone. They are drawn beside the app: the page of the first load
//! knows nothing of them.

use super::embedded::Embedded;
use super::keys_list::KeysList;
use super::palette::Palette;
use super::row_menu::{Rename, RowMenu};
use super::shown::Shown;
use crate::browser;
use crate::ui::page::PageState;
use crate::ui::panel::{PLACE, Panel, take_typed};
use crate::ui::parts::toast::{Toast, Undo};
use crate::ui::route::sharing;
use leptos::mount::mount_to;
use leptos::prelude::*;
use std::cell::Cell;
use wasm_bindgen::JsCast;

thread_local! {
    /// Set once the panels are drawn. A browser's page has one thread.
    static SHOWN: Cell<Option<Shown>> = const { Cell::new(None) };
}

/// Opens a panel. The first time, the place of all panels is drawn.
pub fn open(page: PageState, panel: Panel) {
    let Some(shown) = SHOWN.get().or_else(|| draw(page)) else {
        take_typed();
        return;
    };
    SHOWN.set(Some(shown));
    // One that is open already, for another row say, is drawn anew.
    shown.close();
    shown.open(panel);
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
        {move || match shown.track() {
            Some(Panel::Menu(id)) => view! { <RowMenu id undo/> }.into_any(),
            Some(Panel::Rename(id)) => view! { <Rename id/> }.into_any(),
            Some(Panel::Palette) => view! { <Palette/> }.into_any(),
            Some(Panel::Keys) => view! { <KeysList/> }.into_any(),
            Some(Panel::Sharing(id)) => {
                view! { <Embedded label="Sharing" path=sharing(id) home="/sharing"/> }.into_any()
            }
            Some(Panel::Archive) => {
                view! { <Embedded label="Archive" path="/archive".into() home="/archive"/> }.into_any()
            }
            Some(Panel::Settings) => {
                view! { <Embedded label="Settings" path="/settings".into() home="/settings"/> }.into_any()
            }
            None => ().into_any(),
        }}
        {move || undo.get().map(|it| view! { <Toast it close=move || undo.set(None)/> })}
    }
}
