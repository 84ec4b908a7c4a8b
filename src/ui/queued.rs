//! The messages that wait for the end of the open reply, above the composer: with or without our code.

use crate::api;
use crate::browser;
use crate::model::{Access, ConversationId, MessageId, Queued};
use crate::ui::keys::focus_field;
use crate::ui::page::PageState;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlButtonElement;

#[component]
pub fn Waiting() -> impl IntoView {
    let page = PageState::here();
    let queued = Memo::new(move |_| waiting(page));
    view! {
        <ul class="queued" aria-label="Waiting messages" hidden=move || queued.with(Vec::is_empty)>
            <For each=move || queued.get() key=|it| (it.id, it.refused.clone()) let:it>
                <One it/>
            </For>
        </ul>
    }
}

/// What waits, without what the thread shows already.
fn waiting(page: PageState) -> Vec<Queued> {
    page.live.thread.with(|thread| {
        let Some(thread) = thread else { return Vec::new() };
        let is_sent = |it: &Queued| thread.messages.iter().any(|message| message.id == it.id);
        let queued = thread.conversation.queued.iter().flatten();
        queued.filter(|it| !is_sent(it)).cloned().collect()
    })
}

#[component]
fn One(it: Queued) -> impl IntoView {
    let page = PageState::here();
    let Queued { id, author, text, refused, .. } = it;
    let is_mine = !page.is_other(author.id);
    let may_take_back = is_mine || untrack(|| page.access()) == Access::Owner;
    let why = move || refused.clone().unwrap_or_else(|| words(page).into());
    let is_open = Memo::new(move |_| page.open_reply().is_some());
    let acts = move |event: SubmitEvent| act(page, id, &event);
    view! {
        <li class="queued__one">
            <p class="queued__text" dir="auto">{(!is_mine).then(|| format!("{}: ", author.name))}{text}</p>
            <form class="queued__row" method="post" action="/forms/queued" on:submit=acts>
                <input type="hidden" name="conversation" value=move || page.form_conversation()/>
                <input type="hidden" name="message" value=id.to_string()/>
                <span class="queued__why">{why}</span>
                {is_mine.then(|| view! { <button class="plain" name="what" value="send">{move || if is_open.get() { "Stop and send" } else { "Send now" }}</button> })}
                {may_take_back.then(|| view! { <button class="plain" name="what" value="back">"Take back"</button> })}
            </form>
        </li>
    }
}

/// What it waits for.
fn words(page: PageState) -> &'static str {
    match page.open_reply() {
        Some(_) => "Sent when the reply is done",
        None => "The reply did not end well, so this waits for you",
    }
}

fn act(page: PageState, id: MessageId, event: &SubmitEvent) {
    let Some(conversation) = page.place.get_untracked().conversation() else { return };
    event.prevent_default();
    let pressed = event.submitter().and_then(|button| button.dyn_into::<HtmlButtonElement>().ok());
    if pressed.is_some_and(|button| button.value() == "send") {
        page.following.set(true);
        page.attempt(api::send_queued(conversation, id));
    } else {
        page.attempt(take_back(page, conversation, id));
    }
    // The button that was pressed goes.
    focus_field();
}

/// The text comes back into the field, where that is empty.
async fn take_back(page: PageState, conversation: ConversationId, id: MessageId) -> Result<(), crate::error::Problem> {
    let text = waiting(page).into_iter().find(|it| it.id == id).map(|it| it.text);
    api::take_back(conversation, id).await?;
    page.say("Taken back.");
    if let Some(text) = text.filter(|_| super::field::value("text").is_empty()) {
        super::field::set("text", &text);
        browser::announce_input("text");
    }
    Ok(())
}
