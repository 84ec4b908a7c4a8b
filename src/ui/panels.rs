//! What opens over the page on demand: a row's menu, the palette, the list of keys, pages of the server's in a dialog; and
//! the models to choose from. The code of each is a file of its own, which is loaded when it is about to be opened.

pub mod drawn;
pub mod embedded;
pub mod keys_list;
pub mod models;
pub mod palette;
pub mod row_menu;
pub mod shown;

use crate::error::Problem;
use crate::ui::page::PageState;
use crate::ui::panel::{Drawer, Opener, Panel, begin_typing, take_typed};
use futures::future;
use keys_list::KeysList;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;
use palette::Palette;

/// The place of all panels.
#[cfg_attr(feature = "split", lazy(panels, fallible))]
async fn code() -> Result<Opener, SplitLoaderError> {
    let opener: Opener = drawn::open;
    Ok(opener)
}

#[cfg_attr(feature = "split", lazy(palette, fallible))]
async fn code_of_palette() -> Result<Drawer, SplitLoaderError> {
    let drawer: Drawer = |_, _| view! { <Palette/> }.into_any();
    Ok(drawer)
}

#[cfg_attr(feature = "split", lazy(rows, fallible))]
async fn code_of_rows() -> Result<Drawer, SplitLoaderError> {
    let drawer: Drawer = row_menu::draw;
    Ok(drawer)
}

#[cfg_attr(feature = "split", lazy(sheets, fallible))]
async fn code_of_sheets() -> Result<Drawer, SplitLoaderError> {
    let drawer: Drawer = |panel, _| match panel {
        Panel::Keys => view! { <KeysList/> }.into_any(),
        _ => embedded::sheet(panel),
    };
    Ok(drawer)
}

async fn drawer(panel: Panel) -> Result<Drawer, SplitLoaderError> {
    match panel {
        Panel::Menu(_) | Panel::Rename(_) => code_of_rows().await,
        Panel::Palette => code_of_palette().await,
        Panel::Keys | Panel::Sharing(_) | Panel::Archive | Panel::Settings => code_of_sheets().await,
    }
}

/// Opens a panel, once its code is there.
pub fn open(page: PageState, panel: Panel) {
    spawn_local(async move {
        match future::try_join(code(), drawer(panel)).await {
            Ok((open, draw)) => open(page, panel, draw),
            Err(_) => {
                take_typed();
                page.notice.set(Problem::Offline.to_string());
            }
        }
    });
}

/// The function that opens the list of models.
type ModelsOpener = fn(PageState);

#[cfg_attr(feature = "split", lazy(models, fallible))]
async fn code_of_models() -> Result<ModelsOpener, SplitLoaderError> {
    let opener: ModelsOpener = models::open;
    Ok(opener)
}

/// Opens the list of models for what `choosing` says, once its code is there.
pub fn choose_model(page: PageState) {
    begin_typing();
    spawn_local(async move {
        match code_of_models().await {
            Ok(open) => open(page),
            Err(_) => {
                take_typed();
                // Nothing is open, so that the next press asks for it again.
                page.choosing.set(None);
                page.notice.set(Problem::Offline.to_string());
            }
        }
    });
}
