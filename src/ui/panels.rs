//! What opens over the page on demand: a row's menu, the palette, the list of keys; and the models to choose from. The code
//! of each of the two is a file of its own, which is loaded when something is about to be opened.

pub mod drawn;
pub mod embedded;
pub mod keys_list;
pub mod models;
pub mod palette;
pub mod row_menu;
pub mod shown;

use crate::error::Problem;
use crate::ui::page::PageState;
use crate::ui::panel::{Opener, Panel, begin_typing, take_typed};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;

#[cfg_attr(feature = "split", lazy(panels, fallible))]
async fn code() -> Result<Opener, SplitLoaderError> {
    let opener: Opener = drawn::open;
    Ok(opener)
}

/// Opens a panel, once its code is there.
pub fn open(page: PageState, panel: Panel) {
    spawn_local(async move {
        match code().await {
            Ok(open) => open(page, panel),
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
