//! The keys that do something, as a table, and the choice to do without single ones.

use super::shown::Shown;
use crate::browser::storage;
use crate::ui::keys::{OFF, SINGLE_KEYS};
use crate::ui::parts::dialog::Dialog;
use leptos::prelude::*;

/// The keys, what they do, and where.
const KEYS: [(&str, &str); 12] = [
    ("Enter", "Send the message; while a reply is written, stop it first"),
    ("Shift + Enter", "Break the line"),
    ("Ctrl + Enter", "Send the message, on touch keyboards as well"),
    ("Alt + Enter", "While a reply is written: send the message when it is done"),
    ("↑", "In an empty field: change your last message"),
    ("Esc", "Close what is open, or else stop the reply"),
    ("Ctrl + K", "Search, and everything else by a word"),
    ("/", "Go to the message field"),
    ("a … z", "Outside of fields: begin to write a message"),
    ("↑ ↓ Home End", "In a menu or a list of results: move"),
    ("Alt + Enter", "In the list of models: make it a favourite, or no more"),
    ("?", "Show these keys"),
];

#[component]
pub fn KeysList() -> impl IntoView {
    let shown = Shown::here();
    let has_single_keys = storage::get(SINGLE_KEYS).as_deref() != Some(OFF);
    let chosen = move |event| match event_target_checked(&event) {
        true => storage::remove(SINGLE_KEYS),
        false => storage::set(SINGLE_KEYS, OFF),
    };
    let rows = KEYS.map(|(keys, words)| view! { <tr><th scope="row"><kbd>{keys}</kbd></th><td>{words}</td></tr> });
    view! {
        <Dialog class="dialog" label="Keys" closed=move || shown.close()>
            <form class="dialog__body" method="dialog">
                <h2 tabindex="-1" autofocus>"Keys"</h2>
                <table class="keys"><tbody>{rows.collect_view()}</tbody></table>
                <label class="sure">
                    <input type="checkbox" checked=has_single_keys on:change=chosen/>
                    <span>"Single keys (/ and ?)"</span>
                </label>
                <button class="button button--quiet">"Close"</button>
            </form>
        </Dialog>
    }
}
