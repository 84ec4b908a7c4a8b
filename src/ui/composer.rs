//! The form that messages are written in. A plain form until hydration; then Enter sends (`ui/keys`), Shift and Enter
//! breaks the line.

use super::icon::{self, Icon};
use super::keys;
use super::outbox::Outbox;
use super::picker::Picker;
use crate::model::Access;
use crate::ui::image_input::{Choose, take_images};
use crate::ui::lazy::prepare;
use crate::ui::page::PageState;
use crate::ui::route::Route;
use crate::ui::stream_line::CurrentLine;
use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::prelude::*;

#[component]
pub fn Composer() -> impl IntoView {
    let page = PageState::here();
    let outbox: Outbox = expect_context();
    Effect::new(move |before: Option<Route>| {
        let place = page.place.get();
        match before {
            None => outbox.restore(place),
            Some(before) if before != place => outbox.turn(before, place),
            Some(_) => {}
        }
        place
    });
    take_images(outbox);
    let reads = Memo::new(move |_| page.access() == Access::Reader);
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        outbox.send();
    };
    view! {
        <CurrentLine/>
        <p class="reads" hidden=move || !reads.get()>{move || why(page)}</p>
        <form class="composer" id="composer" method="post" action="/forms/send" on:submit=send hidden=move || reads.get()>
            <input type="hidden" name="conversation" value=move || page.form_conversation()/>
            <input type="hidden" name="message" value=move || page.first_message.get().map(|id| id.to_string())/>
            {move || page.draw.get().map(|draw| (draw.tray)())}
            <Field/>
            <div class="composer__row">
                <Choose/>
                <Picker/>
                <Hint/>
                <Stop/>
                <button class="button button--send" aria-label="Send"><Icon path=icon::SEND/></button>
            </div>
        </form>
        <form id="stop" method="post" action="/forms/stop" on:submit=move |event| { event.prevent_default(); page.stop() }>
            <input type="hidden" name="reply" value=move || page.open_reply().map(|id| id.to_string())/>
        </form>
    }
}

/// Why this user cannot write here.
fn why(page: PageState) -> String {
    let owner = page.live.thread.with(|thread| thread.as_ref().and_then(|thread| thread.conversation.owner.clone()));
    match owner {
        Some(owner) if page.me.with_value(Option::is_some) => {
            format!(
                "{} shares this conversation with you to read. Ask for it, if you want to write here too.",
                owner.name
            )
        }
        Some(owner) => format!("{} has made this conversation public. You can only read it.", owner.name),
        None => "This conversation is public. You can only read it.".into(),
    }
}

/// Grows with its text: by itself where the browser can, else after an unseen copy of the text.
#[component]
fn Field() -> impl IntoView {
    let page = PageState::here();
    let outbox: Outbox = expect_context();
    let hint = RwSignal::new(None);
    Effect::new(move || hint.set(Some(keys::enter_hint())));
    let focused = move |_| {
        hint.set(Some(keys::enter_hint()));
        prepare(page);
    };
    let pressed = move |event: KeyboardEvent| {
        if keys::sends(&event) {
            event.prevent_default();
            outbox.send();
        }
    };
    view! {
        <label class="unseen" for="text">"Your message"</label>
        <div class="grow" data-text=move || outbox.text.get()>
            <textarea id="text" name="text" rows="1" dir="auto" required autocomplete="off" placeholder="Write a message"
                enterkeyhint=move || hint.get() on:focus=focused on:keydown=pressed on:input=move |_| outbox.typed()></textarea>
        </div>
    }
}

/// Makes room for the stop button.
#[component]
fn Hint() -> impl IntoView {
    let page = PageState::here();
    let open = Memo::new(move |_| page.open_reply().is_some());
    view! {
        <span class="composer__hint" data-script aria-hidden="true" hidden=move || open.get()>
            "Enter sends, Shift and Enter breaks the line"
        </span>
    }
}

#[component]
fn Stop() -> impl IntoView {
    let page = PageState::here();
    let closed = Memo::new(move |_| page.open_reply().is_none());
    view! {
        <button class="button button--quiet" form="stop" hidden=move || closed.get()>
            <Icon path=icon::STOP/>
            "Stop"
        </button>
    }
}
