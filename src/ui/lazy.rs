//! The code that draws a conversation: Markdown, replies, what can be done with them, its settings. It is a third of the
//! browser's code and the start page does not need it, so the browser loads it on its own: on a conversation's page
//! before anything else, on the start page as soon as the user begins to write or opens the instructions.

use super::advanced;
use super::settings::Settings;
use crate::api;
use crate::browser::{self, storage};
use crate::error::Problem;
use crate::ui::attachments::{self, Tray};
use crate::ui::draw::{Draw, Pictures};
use crate::ui::page::PageState;
use crate::ui::queued::Waiting;
use crate::ui::route::Route;
use crate::ui::thread::Conversation;
use futures::{FutureExt, TryFutureExt};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;

/// The pause before the code is requested again.
const RETRY_MS: u32 = 1_000;
/// The storage key of the build that the page was reloaded for.
const RENEWED: &str = "renewed";

/// The code that only this function reaches becomes a file of its own where cargo-leptos is told `--split`. The feature
/// goes with that flag, because what the macro writes cannot be loaded without it; plain `cargo leptos watch` makes one
/// file.
#[cfg_attr(feature = "split", lazy(thread, fallible))]
async fn code() -> Result<Draw, SplitLoaderError> {
    Ok(Draw {
        conversation: |id| view! { <Conversation id/> }.into_any(),
        settings: |form, opened| view! { <Settings form opened/> }.into_any(),
        parameters: advanced::parameters,
        waiting: || view! { <Waiting/> }.into_any(),
        queue: |id, later| api::queue(id, later).map_ok(drop).boxed_local(),
        change: |id, changes| api::change(id, changes).map_ok(drop).boxed_local(),
    })
}

#[cfg_attr(feature = "split", lazy(pictures, fallible))]
async fn code_of_pictures() -> Result<Pictures, SplitLoaderError> {
    Ok(Pictures {
        tray: || view! { <Tray/> }.into_any(),
        attach: attachments::attach,
        take: attachments::take,
        moved: attachments::moved,
        put_back: attachments::put_back,
    })
}

/// The functions for images of the next message, which the page has from now on.
///
/// # Errors
/// Offline.
pub async fn pictures(page: PageState) -> Result<Pictures, Problem> {
    let pictures = code_of_pictures().await.map_err(|_| Problem::Offline)?;
    if page.pictures.try_with_untracked(Option::is_none).unwrap_or_default() {
        page.pictures.try_set(Some(pictures));
    }
    Ok(pictures)
}

/// The code if it is loaded: always on the server, and in the browser once [`load`] has ended.
fn loaded() -> Option<Draw> {
    code().now_or_never()?.ok()
}

/// The functions for an action of the user's. Not retried: the user is told that the action has failed, and may repeat it.
///
/// # Errors
/// Offline.
pub async fn now() -> Result<Draw, Problem> {
    code().await.map_err(|_| Problem::Offline)
}

/// Loads the code, and retries until the network allows it.
pub async fn load() -> Draw {
    let mut failed = false;
    loop {
        // The browser's console says why it failed.
        if let Ok(draw) = code().await {
            return draw;
        }
        browser::sleep(RETRY_MS).await;
        if std::mem::replace(&mut failed, true) {
            renew().await;
        }
    }
}

/// Waits for the code where the server has drawn a conversation.
pub async fn load_for_page() {
    if Route::parse(&browser::path()).conversation().is_some() {
        load().await;
    }
}

/// Gives the page the code that is loaded, if it shows a conversation. Server and browser draw the same: where there is
/// a conversation, the browser has its code before it starts.
pub fn use_loaded(page: PageState) {
    if page.place.with_untracked(|place| place.conversation()).is_some() {
        page.draw.set(loaded());
    }
}

/// Begins to load the code that draws conversations.
pub fn prepare(page: PageState) {
    if page.draw.with_untracked(Option::is_none) {
        spawn_local(async move {
            prepared(page).await;
        });
    }
}

/// Loads the code that draws conversations, and returns its functions.
pub async fn prepared(page: PageState) -> Draw {
    let draw = load().await;
    if page.draw.try_with_untracked(Option::is_none).unwrap_or_default() {
        page.draw.try_set(Some(draw));
    }
    draw
}

/// A server that answers but does not have the code runs another build than the page's. Then the page is reloaded, once
/// for each build, so that it cannot reload for ever.
async fn renew() {
    if matches!(api::home().await, Err(Problem::Offline)) {
        return;
    }
    let style = browser::document().get_element_by_id("leptos").and_then(|link| link.get_attribute("href"));
    if let Some(build) = style.filter(|build| storage::get(RENEWED).as_ref() != Some(build)) {
        storage::set(RENEWED, &build);
        let _ = browser::window().location().reload();
    }
}
