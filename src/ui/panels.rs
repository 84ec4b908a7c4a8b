//! What opens over the page on demand: a row's menu, the palette, the list of keys. Its code is a file of its own, which is
//! loaded when something is about to be opened.

pub mod drawn;
pub mod keys_list;
pub mod palette;
pub mod row_menu;

use crate::error::Problem;
use crate::ui::page::PageState;
use crate::ui::panel::{Drawn, Panel};
use futures::FutureExt;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;

#[cfg_attr(feature = "split", lazy(panels, fallible))]
async fn code() -> Result<Drawn, SplitLoaderError> {
    let drawn: Drawn = || view! { <drawn::Panels/> }.into_any();
    Ok(drawn)
}

/// Opens a panel, once its code is there.
pub fn open(page: PageState, panel: Panel) {
    page.panel.set(Some(panel));
    load(page, true);
}

/// Loads the code. A failure matters where the user waits for it.
pub fn load(page: PageState, is_wanted: bool) {
    if page.panels.with_untracked(Option::is_some) {
        return;
    }
    spawn_local(async move {
        match code().boxed_local().await {
            Ok(drawn) => {
                if page.panels.with_untracked(Option::is_none) {
                    page.panels.set(Some(drawn));
                }
            }
            Err(_) if is_wanted => {
                page.panel.set(None);
                page.notice.set(Problem::Offline.to_string());
            }
            Err(_) => {}
        }
    });
}

/// Where panels are drawn.
#[component]
pub fn Panels() -> impl IntoView {
    let page = PageState::here();
    move || page.panels.get().map(|drawn| drawn())
}
