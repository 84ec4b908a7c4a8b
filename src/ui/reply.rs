//! A reply: what was thought, what is said, how it ended, and what can be done with it.

use super::actions::Actions;
use super::desk::Desk;
use super::prose::{Flowing, Prose};
use super::{stops, words};
use crate::model::{Message, MessageId, Status};
use leptos::prelude::*;

/// A reply that is open when it is drawn keeps its blocks when it ends, so that nothing moves.
#[component]
pub fn Reply(id: MessageId, message: Memo<Option<Message>>) -> impl IntoView {
    let desk = Desk::here();
    let is_open = Memo::new(move |_| desk.open_reply() == Some(id));
    let text = Memo::new(move |_| text(desk, id, message));
    let flows = is_open.get_untracked();
    let model = message.with_untracked(|message| message.as_ref().and_then(|message| message.model.clone()));
    view! {
        <h2 class="unseen">{model.as_deref().map_or("The reply".into(), |model| format!("{} replied", words::model(model)))}</h2>
        <Thinking id message is_open/>
        <div class="reply" data-open=move || is_open.get()>
            {if flows {
                view! { <Flowing id text is_open/> }.into_any()
            } else {
                view! { <Prose id text/> }.into_any()
            }}
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

#[component]
fn Thinking(id: MessageId, message: Memo<Option<Message>>, is_open: Memo<bool>) -> impl IntoView {
    let desk = Desk::here();
    let thought = Memo::new(move |_| {
        let draft = desk.live.draft.with(|it| it.as_ref().filter(|it| it.reply == id).map(|it| it.thinking.clone()));
        draft.unwrap_or_else(|| message.with(|it| it.as_ref().map(|it| it.thinking.clone()).unwrap_or_default()))
    });
    let speaks = Memo::new(move |_| !is_open.get() || !text(desk, id, message).is_empty());
    let label = move || if speaks.get() { "Thought" } else { "Thinking…" };
    view! {
        <details class="thinking" hidden=move || thought.with(String::is_empty)>
            <summary>{label}</summary>
            <div class="thinking__text">{move || thought.get()}</div>
        </details>
    }
}

/// How it ended, where it did not simply end.
#[component]
fn Ending(message: Memo<Option<Message>>) -> impl IntoView {
    let ending = Memo::new(move |_| message.with(|message| message.as_ref().and_then(ending)));
    view! {
        <p class="ending" data-status=move || message.with(|it| it.as_ref().map(|it| it.status.name())) hidden=move || ending.with(Option::is_none)>
            {move || ending.get()}
        </p>
    }
}

fn ending(message: &Message) -> Option<String> {
    match message.status {
        Status::Streaming => None,
        Status::Done => message.stop_reason.as_deref().and_then(stops::sentence).map(str::to_owned),
        Status::Stopped => Some("Stopped here.".into()),
        Status::Interrupted => Some("Interrupted: the server went away before the reply was finished.".into()),
        Status::Failed => {
            let error = message.error.as_ref().map(|error| error.message.clone());
            Some(error.unwrap_or_else(|| "The model failed, and did not say why.".into()))
        }
    }
}
