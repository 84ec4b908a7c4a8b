//! Markdown as it is read: whole, or growing block by block.

use super::desk::Desk;
use crate::markdown::{self, Blocks};
use crate::model::MessageId;
use leptos::prelude::*;

/// Text that stands. Where it holds code, the server's highlighted version takes its place.
#[component]
pub fn Prose(id: MessageId, text: Memo<String>) -> impl IntoView {
    let desk = Desk::here();
    let html = Memo::new(move |_| highlighted(desk, id).unwrap_or_else(|| text.with(|text| markdown::render(text))));
    view! { <div class="prose" inner_html=move || html.get()></div> }
}

fn highlighted(desk: Desk, id: MessageId) -> Option<String> {
    desk.live.highlighted.with(|highlighted| highlighted.get(&id).cloned())
}

/// Text that grows. What is finished is never touched again; only the last, open block is drawn anew.
#[component]
pub fn Flowing(id: MessageId, text: Memo<String>, is_open: Memo<bool>) -> impl IntoView {
    let desk = Desk::here();
    let whole = Memo::new(move |_| highlighted(desk, id));
    move || match whole.get() {
        Some(html) => view! { <div class="prose" inner_html=html></div> }.into_any(),
        None => view! { <Growing text is_open/> }.into_any(),
    }
}

/// How far the text has come: the life of its blocks, how many are finished, and the open one.
type Reach = (u32, usize, String);

#[component]
fn Growing(text: Memo<String>, is_open: Memo<bool>) -> impl IntoView {
    let blocks = StoredValue::new(Blocks::default());
    let reach = Memo::new(move |_| -> Reach {
        let ended = !is_open.get();
        blocks.update_value(|blocks| {
            text.with(|text| blocks.update(text));
            if ended {
                blocks.finish();
            }
        });
        blocks.with_value(|blocks| (blocks.life, blocks.finished.len(), blocks.open.clone()))
    });
    let finished = Memo::new(move |_| reach.with(|(life, finished, _)| (*life, *finished)));
    let rows = move || {
        let (life, finished) = finished.get();
        (0..finished).map(move |index| (life, index))
    };
    let html = move |index: usize| blocks.with_value(|blocks| blocks.finished.get(index).cloned());
    view! {
        <div class="prose prose--growing">
            <For each=rows key=|row| *row let((_, index))>
                <div class="block" inner_html=html(index)></div>
            </For>
            <div class="block block--open" inner_html=move || reach.with(|(_, _, html)| html.clone())></div>
        </div>
    }
}
