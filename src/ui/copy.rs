//! Copying a reply or a piece of its code.

use crate::browser;
use crate::model::MessageId;
use crate::ui::cut::is_cut;
use crate::ui::page::PageState;
use crate::ui::route::anchor;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// How long a button says that it has copied.
const SAID_MS: u32 = 1_600;
/// The label of a code block's button before and after that, as in `markdown/page`.
const BUTTON: &str = "Copy";

/// What of a reply's HTML is for the page alone.
const OF_THE_PAGE: &str = "figcaption, .tex";

/// The reply's text as the model wrote it, and as it is set for where that can be pasted. One that the page shows in part is
/// copied as text alone: what is pasted is never less than what was copied.
pub fn copy_text(page: PageState, id: MessageId, event: &MouseEvent) {
    let text = page.live.thread.with_untracked(|thread| {
        thread.as_ref()?.messages.iter().find(|message| message.id == id).map(|message| message.text.clone())
    });
    let Some(text) = text else { return };
    let is_whole = !is_cut(&text);
    let button = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
    spawn_local(async move {
        let done = match is_whole.then(|| formatted(id)).flatten() {
            Some(html) => browser::copy_formatted(&text, &html).await,
            None => browser::copy(&text).await,
        };
        say(page, done);
        if let Some(word) = button.and_then(|button| button.last_element_child()) {
            show(&word, done).await;
        }
    });
}

/// The reply's HTML without what is the page's.
fn formatted(id: MessageId) -> Option<String> {
    let prose = browser::document().query_selector(&format!("#{} .reply > .prose", anchor(id))).ok()??;
    let copy = prose.clone_node_with_deep(true).ok()?.dyn_into::<Element>().ok()?;
    let parts = copy.query_selector_all(OF_THE_PAGE).ok()?;
    for part in (0..parts.length()).filter_map(|at| parts.get(at)) {
        part.parent_node()?.remove_child(&part).ok()?;
    }
    Some(copy.inner_html())
}

/// The code of a block, by the press on its button.
pub fn copy_code(page: PageState, button: Element, block: &Element) {
    let code = block.query_selector("code").ok().flatten();
    let Some(text) = code.and_then(|code| code.text_content()) else { return };
    spawn_local(async move {
        // With a line break at its end, a command runs as soon as it is pasted in a shell.
        let done = browser::copy(text.trim_end_matches('\n')).await;
        say(page, done);
        show(&button, done).await;
    });
}

/// The button says for a while whether it has copied. Its style adds a tick.
async fn show(button: &Element, done: bool) {
    button.set_text_content(Some(if done { "Copied" } else { "Not copied" }));
    let _ = button.toggle_attribute_with_force("data-done", done);
    browser::sleep(SAID_MS).await;
    button.set_text_content(Some(BUTTON));
    let _ = button.toggle_attribute_with_force("data-done", false);
}

fn say(page: PageState, done: bool) {
    page.say(if done { "Copied." } else { "The browser did not allow copying." });
}
