//! The form that messages are written in. A plain form until hydration; then Enter sends (`ui/keys`), Shift and Enter
//! breaks the line.

use super::outbox::Outbox;
use super::picker::Picker;
use super::{field, icon, keys, too_long};
use crate::browser;
use crate::model::Access;
use crate::ui::image_input::{Choose, take_images};
use crate::ui::lazy::prepare;
use crate::ui::page::PageState;
use crate::ui::route::Route;
use crate::ui::stream_line::CurrentLine;
use leptos::ev::{KeyboardEvent, MouseEvent, SubmitEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

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
    let open = Memo::new(move |_| page.open_reply().is_some());
    let later = move |event: MouseEvent| {
        event.prevent_default();
        outbox.queue();
    };
    let stop = move |event: SubmitEvent| {
        event.prevent_default();
        page.stop();
        // The button that was pressed goes.
        keys::focus_field();
    };
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        outbox.send();
    };
    view! {
        {move || page.draw.get().filter(|_| page.place.get().conversation().is_some()).map(|draw| (draw.waiting)())}
        <CurrentLine/>
        <p class="reads" hidden=move || !reads.get()>{move || why(page)}</p>
        <form class="composer" id="composer" method="post" action="/forms/send" on:submit=send hidden=move || reads.get()
            data-open=move || open.get() data-long=move || outbox.text.with(|text| is_long(text))>
            <input type="hidden" name="conversation" value=move || page.form_conversation()/>
            <input type="hidden" name="message" value=move || page.first_message.get().map(|id| id.to_string())/>
            {move || page.pictures.get().map(|pictures| (pictures.tray)())}
            <Choose/>
            <Field/>
            <Picker/>
            <button class="button round round--stop" form="stop" aria-label="Stop" hidden=move || !open.get()
                inner_html=icon::html(icon::STOP)></button>
            <button class="button round round--send" aria-label=move || if open.get() { "Stop and send" } else { "Send" }
                inner_html=icon::html(icon::SEND)></button>
        </form>
        <p class="composer__later" hidden=move || !open.get() || reads.get()>
            <button class="plain" form="composer" formaction="/forms/queue" on:click=later>"Send when it is done"</button>
        </p>
        <Hint open/>
        <form id="stop" method="post" action="/forms/stop" on:submit=stop>
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
    // On its first load the page focuses the field by itself, which is no reason to load anything.
    // Asked for once: every letter would ask again until the code is there.
    let is_quiet = StoredValue::new(true);
    Effect::new(move || {
        hint.set(Some(keys::enter_hint()));
        keys::focus_first();
        is_quiet.set_value(false);
    });
    let begin = move || {
        if !is_quiet.get_value() {
            is_quiet.set_value(true);
            prepare(page);
        }
    };
    let focused = move |_| {
        hint.set(Some(keys::enter_hint()));
        begin();
    };
    let typed = move |_| {
        begin();
        outbox.typed();
    };
    let pressed = move |event: KeyboardEvent| {
        if event.alt_key() && event.key() == "Enter" && page.open_reply().is_some() {
            event.prevent_default();
            outbox.queue();
        } else if keys::sends(&event) {
            event.prevent_default();
            outbox.send();
        } else if event.key() == "ArrowUp" && field::value("text").is_empty() && !keys::composes(&event) {
            edit_last();
        }
    };
    view! {
        <label class="unseen" for="text">"Your message"</label>
        <div class="grow" data-text=move || outbox.text.get()>
            <textarea id="text" name="text" rows="1" dir="auto" required autocomplete="off" placeholder="Write a message"
                enterkeyhint=move || hint.get() on:focus=focused on:keydown=pressed on:input=typed></textarea>
        </div>
    }
}

/// Opens the editor of the last message that can be changed.
fn edit_last() {
    let buttons = browser::document().query_selector_all(".actions--said > [data-script]");
    let last = buttons.ok().and_then(|buttons| buttons.get(buttons.length().checked_sub(1)?));
    if let Some(button) = last.and_then(|button| button.dyn_into().ok()) {
        browser::click(&button);
    }
}

/// The characters that fit into a row with the buttons. A longer text has the width of the form.
const IN_A_ROW: usize = 44;

fn is_long(text: &str) -> bool {
    IN_A_ROW < text.len() && text.chars().nth(IN_A_ROW).is_some() || text.contains('\n')
}

/// What Enter does, and how long the text is where it is nearly, or more than, as long as it may be.
#[component]
fn Hint(open: Memo<bool>) -> impl IntoView {
    let outbox: Outbox = expect_context();
    let length = move || outbox.text.with(|text| too_long::words(text));
    let enter = move || match open.get() {
        true => "Enter stops the reply and sends",
        false => "Enter sends, Shift and Enter breaks the line",
    };
    view! {
        <p class="composer__hint" data-script>
            <span aria-hidden="true">{enter}</span>
            <span class="composer__length" role="status" hidden=move || length().is_none()>{length}</span>
        </p>
    }
}
