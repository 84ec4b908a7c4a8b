//! The code that draws a conversation: Markdown, replies, what can be done with them, its settings. It is a third of the
//! browser's code and the start page does without it, so the browser loads it on its own: on a conversation's page before
//! anything else, on the start page as soon as somebody begins to write or opens the instructions.

use super::advanced;
use super::conversation::Conversation;
use super::desk::Desk;
use super::images::{self, Tray};
use super::outbox::Outbox;
use super::place::Place;
use super::settings::Settings;
use crate::api;
use crate::browser::{self, storage};
use crate::error::Problem;
use crate::model::{ConversationId, Image, Parameters};
use futures::FutureExt;
use js_sys::Array;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::SplitLoaderError;

/// What that code draws.
#[derive(Clone, Copy)]
pub struct Draw {
    pub conversation: fn(ConversationId) -> AnyView,
    /// What the panel of instructions holds besides them; for which form, and how often the panel was opened.
    pub settings: fn(&'static str, ReadSignal<u32>) -> AnyView,
    /// What stands in its fields; none where it is not drawn.
    pub parameters: fn() -> Option<Parameters>,
    /// The images that go with the next message.
    pub tray: fn() -> AnyView,
    /// Takes files for the message that is being written there.
    pub attach: fn(Outbox, Place, Array),
    /// Hands over the images of a message that is being sent from there; none while they are being uploaded.
    pub take: fn(Outbox, Place) -> Option<Vec<Image>>,
    /// What was added at one place is from now on at the other.
    pub moved: fn(Outbox, Place, Place),
    /// Takes them back, of a message that could not be sent.
    pub put_back: fn(Outbox, Place, Vec<Image>),
}

/// How long to wait before it is asked for again.
const RETRY_MS: u32 = 1_000;
/// Where this browser remembers which build it has loaded anew.
const RENEWED: &str = "renewed";

/// Everything that only this reaches becomes a file of its own where cargo-leptos is told `--split`. The feature goes with
/// that flag, because what the macro writes cannot be loaded without it; plain `cargo leptos watch` makes one file.
#[cfg_attr(feature = "split", lazy(thread, fallible))]
async fn code() -> Result<Draw, SplitLoaderError> {
    Ok(Draw {
        conversation: |id| view! { <Conversation id/> }.into_any(),
        settings: |form, opened| view! { <Settings form opened/> }.into_any(),
        parameters: advanced::parameters,
        tray: || view! { <Tray/> }.into_any(),
        attach: images::attach,
        take: images::take,
        moved: images::moved,
        put_back: images::put_back,
    })
}

/// The code if it is here: always on the server, and in the browser once [`load`] is through.
pub fn loaded() -> Option<Draw> {
    code().now_or_never()?.ok()
}

/// Loads the code, however often the network fails meanwhile.
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
    if Place::parse(&browser::path()).conversation().is_some() {
        load().await;
    }
}

/// Makes sure that the page can draw conversations.
pub fn prepare(desk: Desk) {
    if desk.draw.with_untracked(Option::is_none) {
        spawn_local(async move {
            prepared(desk).await;
        });
    }
}

/// The same, and what it is drawn by.
pub async fn prepared(desk: Desk) -> Draw {
    let draw = load().await;
    if desk.draw.try_with_untracked(Option::is_none).unwrap_or_default() {
        desk.draw.try_set(Some(draw));
    }
    draw
}

/// A server that answers but does not have the code runs another build than the page came from. Then the page is loaded
/// anew, once for each build: if that does not help, nothing is gained by going round in circles.
async fn renew() {
    if api::models().await == Err(Problem::Offline) {
        return;
    }
    let style = browser::document().get_element_by_id("leptos").and_then(|link| link.get_attribute("href"));
    if let Some(build) = style.filter(|build| storage::get(RENEWED).as_ref() != Some(build)) {
        storage::set(RENEWED, &build);
        let _ = browser::window().location().reload();
    }
}
