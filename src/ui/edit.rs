//! Editing one's own message. The former text is kept as another version.

use super::field;
use super::icon::{self, Icon};
use super::keys;
use crate::api;
use crate::browser;
use crate::model::MessageId;
use crate::ui::page::PageState;
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

/// The editor replaces the message's text and begins with it.
#[component]
pub fn Editor(id: MessageId, text: String, editing: RwSignal<bool>) -> impl IntoView {
    let page = PageState::here();
    let area = NodeRef::<html::Textarea>::new();
    let busy = RwSignal::new(false);
    // Unchanged text keeps its id, so that sending it again is idempotent.
    let tried = StoredValue::new((String::new(), MessageId::new()));
    let leave = move || {
        editing.set(false);
        spawn_local(async move {
            tick().await; // Until the button is drawn again.
            if browser::is_unfocused() {
                browser::focus_id(&button(id));
            }
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
        page.following.set(true);
        page.attempt(async move {
            let sent = api::edit(id, new, text, Some(field::model()).filter(|model| !model.is_empty())).await;
            busy.try_set(false);
            // The edited message may have replaced this row already.
            sent.map(|_| editing.try_set(false))
        });
    };
    let pressed = move |event: KeyboardEvent| {
        if keys::sends(&event) {
            event.prevent_default();
            send();
        } else if event.key() == "Escape" && !keys::composes(&event) {
            // Escape closes the editor and must not stop the open reply as well.
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
