//! A reply: what was thought, what is said, how it ended, and what can be done with it.

use super::actions::Actions;
use super::desk::Desk;
use super::ending::Ending;
use super::prose::Prose;
use super::thinking::Thinking;
use super::when::When;
use super::words;
use crate::model::{Message, MessageId};
use leptos::prelude::*;

#[component]
pub fn Reply(id: MessageId, message: Memo<Option<Message>>) -> impl IntoView {
    let desk = Desk::here();
    let is_open = Memo::new(move |_| desk.open_reply() == Some(id));
    let text = Memo::new(move |_| text(desk, id, message));
    let model = message.with_untracked(|message| message.as_ref().and_then(|message| message.model.clone()));
    view! {
        <h2 class="unseen">{model.as_deref().map_or("The reply".into(), |model| format!("{} replied", words::model(model)))}</h2>
        <When message/>
        <LeftOut message/>
        <Instead message/>
        <Thinking id message/>
        <div class="reply" data-open=move || is_open.get()>
            <Prose id text is_open/>
        </div>
        <Ending message/>
        <Actions id message is_open/>
    }
}

/// The draft while there is one, then what became of it.
fn text(desk: Desk, id: MessageId, message: Memo<Option<Message>>) -> String {
    let of_draft = desk.live.draft.with(|draft| draft.as_ref().filter(|it| it.reply == id).map(|it| it.text.clone()));
    of_draft.unwrap_or_else(|| message.with(|message| message.as_ref().map(|it| it.text.clone()).unwrap_or_default()))
}

/// Who was asked first.
#[component]
fn Instead(message: Memo<Option<Message>>) -> impl IntoView {
    let words = Memo::new(move |_| message.with(|message| message.as_ref().and_then(words::instead)));
    view! { <p class="ending" hidden=move || words.with(Option::is_none)>{move || words.get()}</p> }
}

/// What the model was not shown.
#[component]
fn LeftOut(message: Memo<Option<Message>>) -> impl IntoView {
    let count = Memo::new(move |_| message.with(|message| message.as_ref().map_or(0, |message| message.left_out)));
    let images =
        Memo::new(move |_| message.with(|message| message.as_ref().map_or(0, |message| message.images_left_out)));
    view! {
        <p class="ending" hidden=move || count.get() == 0>{move || words::left_out(count.get())}</p>
        <p class="ending" hidden=move || images.get() == 0>{move || words::images_left_out(images.get())}</p>
    }
}
