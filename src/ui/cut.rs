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
///
/// HTML as text is less code in the browser than a view.
#[component]
pub fn Cut(id: MessageId, part: &'static str, is_cut: Memo<bool>) -> impl IntoView {
    let words = move || {
        let link = format!("<a href=\"{MESSAGES}/{id}/{part}\">Read all of it</a>");
        format!("It is longer than this, which is as much as a page shows. {link}.")
    };
    view! { {move || is_cut.get().then(|| view! { <p class="ending" inner_html=words()></p> })} }
}
