//! Choosing, pasting and dropping images. Only the listeners are loaded at the start; `ui/attachments`, which handles
//! the files, is loaded on demand.

use super::outbox::Outbox;
use crate::browser::{self, file};
use crate::ui::page::PageState;
use leptos::prelude::*;
use web_sys::Event;

/// The id of the field in [`BUTTON`].
const INPUT: &str = "images";
/// HTML as text is a tenth of the code of components. The server detects a file's type by its content; `accept` is for
/// the system's own dialog.
const BUTTON: &str = r#"<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M12.5 7.5h.01"></path></svg><input id="images" class="unseen" type="file" multiple accept="image/png,image/jpeg,image/webp,image/gif" aria-label="Add images">"#;
const EVENTS: [&str; 5] = ["change", "paste", "dragover", "dragleave", "drop"];

/// The button that chooses files, shown if any of the models accepts images.
#[component]
pub fn Choose() -> impl IntoView {
    let page = PageState::here();
    let blind = untrack(|| page.models.with(|models| !models.iter().any(|model| model.images)));
    view! { <label class="plain choose" data-script title="Add images" hidden=blind inner_html=BUTTON></label> }
}

/// Listens for files that are chosen, pasted, or dropped anywhere on the page. Called once: the composer lives as long
/// as the page.
pub fn take_images(outbox: Outbox) {
    Effect::new(move || browser::listen_always(&EVENTS, move |event| heard(outbox, &event)));
}

fn heard(outbox: Outbox, event: &Event) {
    let given = file::given(event, INPUT);
    let over = event.type_() == "dragover";
    if let Some(composer) = browser::document().get_element_by_id("composer") {
        let _ = composer.toggle_attribute_with_force("data-over", over && given.is_some());
    }
    if let Some(files) = given.filter(|_| !over) {
        outbox.attach(files);
    }
}
