//! Saying something else in place of what one has said. The former words stay, as another version.

use super::desk::Desk;
use super::field;
use super::icon::{self, Icon};
use super::keys;
use crate::api;
use crate::browser;
use crate::model::MessageId;
use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};

fn button(id: MessageId) -> String {
    format!("change-{id}")
}

#[component]
pub fn Edit(id: MessageId, editing: RwSignal<bool>) -> impl IntoView {
    view! {
        <button type="button" class="plain" data-script id=button(id) on:click=move |_| editing.set(true)>
            <Icon path=icon::EDIT/>"Edit"
        </button>
    }
}

/// In the words' place, with the words in it.
#[component]
pub fn Editor(id: MessageId, text: String, editing: RwSignal<bool>) -> impl IntoView {
    let desk = Desk::here();
    let area = NodeRef::<html::Textarea>::new();
    let busy = RwSignal::new(false);
    // The same words keep their id, so that sending twice is sending once.
    let tried = StoredValue::new((String::new(), MessageId::new()));
    let leave = move || {
        editing.set(false);
        spawn_local(async move {
            tick().await; // Until the button is drawn again.
            browser::focus_id(&button(id));
        });
    };
    let send = move || {
        let Some(text) = area.get_untracked().map(|area| area.value()) else { return };
        if text.trim().is_empty() || busy.get_untracked() {
            return;
        }
        if tried.with_value(|(before, _)| *before != text) {
            tried.set_value((text, MessageId::new()));
        }
        let (text, new) = tried.get_value();
        busy.set(true);
        desk.following.set(true);
        desk.attempt(async move {
            let sent = api::edit(id, new, text, Some(field::model()).filter(|model| !model.is_empty())).await;
            busy.try_set(false);
            // The new words may have taken this one's place already.
            sent.map(|_| editing.try_set(false))
        });
    };
    let pressed = move |event: KeyboardEvent| {
        if keys::sends(&event) {
            event.prevent_default();
            send();
        } else if event.key() == "Escape" && !keys::composes(&event) {
            // It does not stop the open reply, too.
            event.stop_propagation();
            leave();
        }
    };
    Effect::new(move || {
        if let Some(area) = area.get() {
            browser::focus(&area);
        }
    });
    view! {
        <form class="editor" on:submit=move |event: SubmitEvent| { event.prevent_default(); send() }>
            <label class="unseen" for=format!("edit-{id}")>"What you say instead"</label>
            <textarea class="field" id=format!("edit-{id}") rows="4" dir="auto" required enterkeyhint=keys::enter_hint() node_ref=area on:keydown=pressed>{text}</textarea>
            <p class="editor__row">
                <button type="button" class="button button--quiet" on:click=move |_| leave()>"Cancel"</button>
                <button class="button" disabled=move || busy.get()>"Send"</button>
            </p>
        </form>
    }
}
