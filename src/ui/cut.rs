//! The end of what a page shows of a very long text, with a link to all of it. The text itself is in the page, so copying
//! a reply copies all of it.

use crate::markdown::MAX_SHOWN_BYTES;
use crate::model::MessageId;
use leptos::prelude::*;

/// Relative: under a public link, the link grants access to it.
const MESSAGES: &str = "../api/v1/messages";

/// Whether a page shows only the beginning of a text.
pub fn is_cut(text: &str) -> bool {
    MAX_SHOWN_BYTES < text.len()
}

/// `part` is the last segment of the address that has all of it: `text` or `thinking`.
#[component]
pub fn Cut(id: MessageId, part: &'static str, is_cut: Memo<bool>) -> impl IntoView {
    let whole = move || {
        let address = format!("{MESSAGES}/{id}/{part}");
        view! {
            <p class="ending">
                "It is longer than this, which is as much as a page shows. "<a href=address>"Read all of it"</a>"."
            </p>
        }
    };
    view! { {move || is_cut.get().then(whole)} }
}
