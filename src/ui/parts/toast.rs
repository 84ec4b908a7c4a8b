//! A notice at the bottom of the page that something was done, with a button that undoes it.

use crate::browser;
use crate::ui::page::PageState;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// How long it can be undone from here. The server's time is longer, because the press has to get there.
const SHOWN_MS: u32 = 8_000;

/// What can be undone.
#[derive(Clone)]
pub struct Undo {
    pub words: String,
    pub undo: Callback<()>,
}

/// It is announced when it appears; the focus stays where it is.
#[component]
pub fn Toast(it: Undo, close: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let page = PageState::here();
    let Undo { words, undo } = it;
    page.say(&format!("{words} It can be undone for eight seconds."));
    let gone = StoredValue::new(false);
    on_cleanup(move || {
        gone.try_set_value(true);
    });
    let toast = NodeRef::<html::Div>::new();
    Effect::new(move || {
        // Above an open drawer.
        if let Some(toast) = toast.get() {
            let _ = toast.show_popover();
        }
    });
    Effect::new(move || {
        spawn_local(async move {
            browser::sleep(SHOWN_MS).await;
            // Another one may have taken its place.
            if gone.try_get_value() == Some(false) {
                close();
            }
        });
    });
    let pressed = move |_| {
        close();
        undo.run(());
    };
    view! {
        <div class="toast" role="group" aria-label="Undo" popover="manual" node_ref=toast>
            <p dir="auto">{words}</p>
            <button type="button" class="plain" on:click=pressed>"Undo"</button>
        </div>
    }
}
