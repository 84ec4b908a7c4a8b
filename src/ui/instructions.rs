//! The system prompt of a conversation, called instructions in the interface.

use crate::contract::Changes;
use crate::ui::lazy::{self, prepare};
use crate::ui::page::PageState;
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;

/// On the start page the text goes along with the first message; later it has a form of its own.
#[component]
pub fn Instructions() -> impl IntoView {
    let page = PageState::here();
    let panel = NodeRef::<html::Details>::new();
    let (opened, set_opened) = signal(0);
    let toggled = move |_| {
        if panel.get_untracked().is_some_and(|panel| panel.open()) {
            prepare(page);
            set_opened.update(|count| *count += 1);
        }
    };
    let in_use = move || {
        page.live.thread.with(|thread| thread.as_ref().is_some_and(|thread| !thread.conversation.system.is_empty()))
    };
    let is_start = Memo::new(move |_| page.place.get().conversation().is_none());
    view! {
        <details class="instructions" node_ref=panel on:toggle=toggled>
            <summary>"Instructions"<span class="dot" hidden=move || !in_use()>" (in use)"</span></summary>
            {move || match is_start.get() {
                true => {
                    view! {
                        <div class="instructions__panel">
                            <Field form="composer" system=None/>
                            <More form="composer" opened/>
                        </div>
                    }
                        .into_any()
                }
                false => view! { <Form panel opened/> }.into_any(),
            }}
        </details>
    }
}

#[component]
fn Form(panel: NodeRef<html::Details>, opened: ReadSignal<u32>) -> impl IntoView {
    let page = PageState::here();
    let system = Memo::new(move |_| {
        page.live.thread.with(|thread| thread.as_ref().map(|it| it.conversation.system.clone()).unwrap_or_default())
    });
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(id) = page.place.get_untracked().conversation() else { return };
        let system = super::field::value("system");
        let parameters = page.draw.get_untracked().and_then(|draw| (draw.parameters)());
        page.attempt(async move {
            let changes = Changes { system: Some(system), parameters, ..Changes::default() };
            (lazy::now().await?.change)(id, changes).await?;
            page.say("Saved.");
            if let Some(panel) = panel.get_untracked() {
                panel.set_open(false);
            }
            Ok(())
        });
    };
    view! {
        <form class="instructions__panel" id="instructions" method="post" action="/forms/change" on:submit=save>
            <input type="hidden" name="conversation" value=move || page.form_conversation()/>
            <Field form="instructions" system=Some(system)/>
            <More form="instructions" opened/>
            <button class="button button--quiet">"Save"</button>
        </form>
    }
}

/// The rest of the panel, once its code is loaded.
#[component]
fn More(form: &'static str, opened: ReadSignal<u32>) -> impl IntoView {
    let page = PageState::here();
    move || page.draw.get().map(|draw| (draw.settings)(form, opened))
}

/// Bound to the saved value only where there is one: setting a value would overwrite what was typed before hydration.
#[component]
fn Field(form: &'static str, system: Option<Memo<String>>) -> impl IntoView {
    let field = NodeRef::<html::Textarea>::new();
    Effect::new(move |before: Option<String>| {
        let saved = system.map(|system| system.get()).unwrap_or_default();
        if let (Some(before), Some(field)) = (before, field.get())
            && before != saved
        {
            field.set_value(&saved);
        }
        saved
    });
    view! {
        <label for="system">"What the model should know and heed in this conversation"</label>
        <textarea class="field" id="system" name="system" form=form rows="5" dir="auto" node_ref=field placeholder="For example: answer briefly, in plain words.">
            {system.map(|system| system.get_untracked())}
        </textarea>
    }
}
