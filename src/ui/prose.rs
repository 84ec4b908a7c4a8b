//! A reply's Markdown, while it grows and afterwards: one element whose nodes stay, so that what a reader has selected,
//! scrolled or focused in it stays too.

use crate::browser;
use crate::markdown::{self, Blocks};
use crate::model::MessageId;
use crate::ui::page::PageState;
use leptos::html;
use leptos::prelude::*;

/// Grows block by block while the reply is open. At the end it becomes the rendering of the whole text, which is what a
/// reload shows; where that holds code, the server's highlighted version follows.
#[component]
pub fn Prose(id: MessageId, text: Memo<String>, is_open: Memo<bool>) -> impl IntoView {
    let page = PageState::here();
    let blocks = StoredValue::new(Blocks::default());
    let reach = Memo::new(move |_| if is_open.get() { grown(blocks, text) } else { whole(page, id, text) });
    let first = reach.get_untracked();
    let element = NodeRef::<html::Div>::new();
    let html = html_after(blocks, 0, &first);
    Effect::new(move |before: Option<Reach>| {
        let before = before.unwrap_or_else(|| first.clone());
        let Some(element) = element.get() else { return before };
        let reach = reach.get();
        if reach != before {
            let kept = reach.kept_of(&before);
            browser::patch(&element, kept, &html_after(blocks, kept, &reach));
        }
        reach
    });
    view! { <div class="prose" node_ref=element inner_html=html></div> }
}

/// How much of a text is rendered.
#[derive(Clone, PartialEq)]
struct Reach {
    /// The blocks' `life`: how often they started over.
    life: u32,
    /// How many blocks will not change any more. Each is one element.
    finished: usize,
    /// The HTML after them, which may still change.
    rest: String,
}

impl Reach {
    /// How many of the elements that were drawn `before` are still right.
    fn kept_of(&self, before: &Self) -> usize {
        if self.life == before.life { self.finished.min(before.finished) } else { 0 }
    }
}

fn grown(blocks: StoredValue<Blocks>, text: Memo<String>) -> Reach {
    blocks.update_value(|blocks| text.with(|text| blocks.update(text)));
    blocks.with_value(|blocks| Reach { life: blocks.life, finished: blocks.finished.len(), rest: blocks.open.clone() })
}

fn whole(page: PageState, id: MessageId, text: Memo<String>) -> Reach {
    let highlighted = page.live.highlighted.with(|highlighted| highlighted.get(&id).cloned());
    let rest = highlighted.unwrap_or_else(|| text.with(|text| markdown::render(text)));
    Reach { life: 0, finished: 0, rest }
}

/// The HTML without that of the first `kept` blocks.
fn html_after(blocks: StoredValue<Blocks>, kept: usize, reach: &Reach) -> String {
    let mut html: String =
        blocks.with_value(|blocks| blocks.finished[kept..reach.finished].iter().map(AsRef::as_ref).collect());
    html.push_str(&reach.rest);
    html
}
