//! The open panel, and the notice that something can be undone.

use super::keys_list::KeysList;
use super::palette::Palette;
use super::row_menu::{Rename, RowMenu};
use crate::ui::page::PageState;
use crate::ui::panel::Panel;
use crate::ui::parts::toast::{Toast, Undo};
use leptos::prelude::*;

#[component]
pub fn Panels() -> impl IntoView {
    let page = PageState::here();
    let undo = RwSignal::new(None::<Undo>);
    view! {
        {move || match page.panel.get() {
            Some(Panel::Menu(id)) => view! { <RowMenu id undo/> }.into_any(),
            Some(Panel::Rename(id)) => view! { <Rename id/> }.into_any(),
            Some(Panel::Palette) => view! { <Palette/> }.into_any(),
            Some(Panel::Keys) => view! { <KeysList/> }.into_any(),
            None => ().into_any(),
        }}
        {move || undo.get().map(|it| view! { <Toast it close=move || undo.set(None)/> })}
    }
}
