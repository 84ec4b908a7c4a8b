//! A dialog over the page: the browser's own element. It keeps the focus inside, closes on Escape, and returns the focus
//! to what had it before.

use leptos::ev::MouseEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// `closed` is called once it is closed, in whatever way.
#[component]
pub fn Dialog(
    class: &'static str,
    label: &'static str,
    closed: impl Fn() + Copy + 'static,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        if let Some(dialog) = dialog.get() {
            let _ = dialog.show_modal();
        }
    });
    // A press beside it is one on the element itself: its content fills it.
    let pressed = move |event: MouseEvent| {
        let Some(dialog) = dialog.get_untracked() else { return };
        if event.target().is_some_and(|target| target == *dialog.unchecked_ref::<web_sys::EventTarget>()) {
            dialog.close();
        }
    };
    // The browser tells it a task later. By then another may have been opened in its place, or it itself again.
    let shut = move |_| {
        if dialog.get_untracked().is_some_and(|dialog| dialog.is_connected() && !dialog.open()) {
            closed();
        }
    };
    view! {
        <dialog class=class aria-label=label node_ref=dialog on:close=shut on:click=pressed>
            {children()}
        </dialog>
    }
}
