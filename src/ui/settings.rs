//! The settings in the instructions panel: the model's parameters, and the tokens used.

use super::advanced::Advanced;
use crate::api;
use crate::contract::Spent;
use crate::ui::labels;
use crate::ui::page::PageState;
use leptos::prelude::*;
use leptos::task::spawn_local;

#[component]
pub fn Settings(form: &'static str, opened: ReadSignal<u32>) -> impl IntoView {
    view! {
        <Advanced form/>
        <Used opened/>
    }
}

/// Fetched each time the panel is opened, since it changes with every reply, and for the next route if the panel is
/// still open.
#[component]
fn Used(opened: ReadSignal<u32>) -> impl IntoView {
    let page = PageState::here();
    let spent = RwSignal::new(None::<Spent>);
    Effect::new(move || {
        let conversation = page.place.get().conversation();
        if opened.get() == 0 {
            return;
        }
        spawn_local(async move {
            // Not worth a notice: opening the panel fetches it again.
            if let Ok(found) = api::spent(conversation).await {
                spent.try_set(Some(found));
            }
        });
    });
    let here = move || spent.with(|spent| spent.as_ref().and_then(|spent| spent.conversation));
    let today = move || spent.with(|spent| spent.as_ref().map(|spent| spent.today));
    view! {
        <div class="used" hidden=move || today().is_none()>
            <p hidden=move || here().is_none()>"This conversation: "{move || here().map(labels::used)}</p>
            <p>"All your conversations today: "{move || today().map(labels::used)}</p>
        </div>
    }
}
