//! A reply: its thinking, its text, how it ended, and its actions.

use super::actions::Actions;
use super::cut::{Cut, is_cut};
use super::ending::Ending;
use super::prose::Prose;
use super::thinking::Thinking;
use super::when::When;
use crate::markdown;
use crate::model::{Message, MessageId};
use crate::ui::labels;
use crate::ui::page::PageState;
use leptos::prelude::*;

#[component]
pub fn Reply(id: MessageId, message: Memo<Option<Message>>) -> impl IntoView {
    let page = PageState::here();
    let is_open = Memo::new(move |_| page.open_reply() == Some(id));
    let text = Memo::new(move |_| with_text(page, id, message, |text| markdown::shown(text).to_owned()));
    let is_long = Memo::new(move |_| with_text(page, id, message, is_cut));
    let model = message.with_untracked(|message| message.as_ref().and_then(|message| message.model.clone()));
    view! {
        <h2 class="unseen">{model.as_deref().map_or("The reply".into(), |model| format!("{} replied", page.model_name(model)))}</h2>
        <When message/>
        <LeftOut message/>
        <Instead message/>
        <Thinking id message/>
        <div class="reply" data-open=move || is_open.get()>
            <Prose id text is_open/>
        </div>
        <Cut id part="text" is_cut=is_long/>
        <Ending message/>
        <Actions id message is_open/>
    }
}

/// `read` of the draft's text while there is a draft, then of the finished message's.
fn with_text<T>(page: PageState, id: MessageId, message: Memo<Option<Message>>, read: fn(&str) -> T) -> T {
    let of_draft = page.live.draft.with(|draft| draft.as_ref().filter(|it| it.reply == id).map(|it| read(&it.text)));
    of_draft.unwrap_or_else(|| message.with(|message| read(message.as_ref().map_or("", |it| &it.text))))
}

/// The model that was asked first.
#[component]
fn Instead(message: Memo<Option<Message>>) -> impl IntoView {
    let words = Memo::new(move |_| message.with(|message| message.as_ref().and_then(labels::instead)));
    view! { <p class="ending" hidden=move || words.with(Option::is_none)>{move || words.get()}</p> }
}

/// The messages and images that the model was not shown.
#[component]
fn LeftOut(message: Memo<Option<Message>>) -> impl IntoView {
    let count = Memo::new(move |_| message.with(|message| message.as_ref().map_or(0, |message| message.left_out)));
    let images =
        Memo::new(move |_| message.with(|message| message.as_ref().map_or(0, |message| message.images_left_out)));
    view! {
        <p class="ending" hidden=move || count.get() == 0>{move || labels::left_out(count.get())}</p>
        <p class="ending" hidden=move || images.get() == 0>{move || labels::images_left_out(images.get())}</p>
    }
}
