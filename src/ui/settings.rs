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
    view! { <div class="used" inner_html=move || spent.with(|spent| spent.as_ref().map(used).unwrap_or_default())></div> }
}

/// HTML as text is a tenth of the code of components.
fn used(spent: &Spent) -> String {
    let line = |words: &str, usage| ["<p>", words, ": ", &labels::used(usage), "</p>"].concat();
    let here = spent.conversation.map(|usage| line("This conversation", usage)).unwrap_or_default();
    here + &line("All your conversations today", spent.today)
}
