//! What can be done with a reply that has ended, and which model made it.

use super::copy::copy_text;
use super::ending::can_continue;
use super::icon::{self, Icon};
use super::versions::Versions;
use super::when::At;
use crate::api;
use crate::model::{Access, Message, MessageId, Status};
use crate::ui::keys::focus_field;
use crate::ui::labels;
use crate::ui::page::PageState;
use crate::ui::panel::again;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

#[component]
pub fn Actions(id: MessageId, message: Memo<Option<Message>>, is_open: Memo<bool>) -> impl IntoView {
    let page = PageState::here();
    // The last, where more can be said.
    let is_last = Memo::new(move |_| {
        let last = page.live.thread.with(|thread| thread.as_ref().and_then(|it| it.messages.last().map(|it| it.id)));
        last == Some(id) && !is_open.get() && page.access() != Access::Reader
    });
    // Or one that the next message has cut off.
    let is_offered = Memo::new(move |_| {
        let is_stopped = || message.with(|it| it.as_ref().is_some_and(|it| it.status == Status::Stopped));
        is_last.get() || is_stopped() && page.open_reply().is_none() && page.access() != Access::Reader
    });
    let goes_on = Memo::new(move |_| is_offered.get() && message.with(|it| it.as_ref().is_some_and(can_continue)));
    let knows_me = page.me.with_value(Option::is_some);
    let model = move || message.with(|it| it.as_ref().and_then(|it| it.model.clone()));
    let usage = move || message.with(|it| it.as_ref().and_then(|it| it.usage));
    view! {
        <footer class="actions">
            <span class="made">{move || model().map(|id| page.model_name(&id))}</span>
            <span class="made" hidden=move || usage().is_none() title=move || usage().map(labels::counted_by)>
                {move || usage().map(labels::used)}
            </span>
            <At message/>
            <span class="actions__buttons" data-open=move || is_open.get()>
                <Versions id message/>
                <button type="button" class="plain" data-script on:click=move |event| copy_text(page, id, &event)><Icon path=icon::COPY/><span>"Copy"</span></button>
                {move || is_offered.get().then(|| view! { <Retry id/> })}
                {knows_me.then(|| view! { <Fork id/> })}
                {move || goes_on.get().then(|| view! { <Continue id/> })}
            </span>
        </footer>
    }
}

#[component]
fn Retry(id: MessageId) -> impl IntoView {
    let page = PageState::here();
    // The conversation goes on with the model, which is its owner's to choose.
    let is_owner = Memo::new(move |_| page.access() == Access::Owner && page.models.with(|models| 1 < models.len()));
    let retry = move |event: SubmitEvent| {
        event.prevent_default();
        page.following.set(true);
        page.attempt(api::retry(id));
        focus_field();
    };
    view! {
        <form method="post" action="/forms/retry" on:submit=retry>
            <input type="hidden" name="reply" value=id.to_string()/>
            <button class="plain"><Icon path=icon::RETRY/>"Retry"</button>
        </form>
        {move || is_owner.get().then(|| view! { <RetryWith id/> })}
    }
}

/// Asks which model should reply instead.
#[component]
fn RetryWith(id: MessageId) -> impl IntoView {
    let page = PageState::here();
    let ask = move |_| page.choosing.set(Some(Some(id)));
    view! {
        <button type="button" class="plain more" id=again(id) data-script aria-haspopup="dialog" title="Try with …" on:click=ask>
            <span class="unseen">"Try with another model"</span>
        </button>
    }
}

/// A conversation of one's own that begins with everything up to here. The browser sends the form: it is another page.
#[component]
fn Fork(id: MessageId) -> impl IntoView {
    view! {
        <form method="post" action="/forms/fork">
            <input type="hidden" name="reply" value=id.to_string()/>
            <button class="plain" title="A new conversation that begins with everything up to here"><Icon path=icon::FORK/>"Fork"</button>
        </form>
    }
}

#[component]
fn Continue(id: MessageId) -> impl IntoView {
    let page = PageState::here();
    let resume = move |event: SubmitEvent| {
        event.prevent_default();
        page.following.set(true);
        page.attempt(api::resume(id));
        focus_field();
    };
    view! {
        <form method="post" action="/forms/continue" on:submit=resume>
            <input type="hidden" name="reply" value=id.to_string()/>
            <button class="plain"><Icon path=icon::CONTINUE/>"Continue"</button>
        </form>
    }
}
