//! The start page, before the first message.

use super::outbox::Outbox;
use super::picker::default_model;
use crate::ui::page::PageState;
use leptos::prelude::*;

const EXAMPLES: [&str; 4] = [
    "Explain how rivers shape a landscape, in five sentences.",
    "Help me write a kind letter declining an invitation.",
    "What should I ask before I rent a flat?",
    "Write a small shell script that finds my largest files.",
];

#[component]
pub fn Start() -> impl IntoView {
    view! {
        <section class="start">
            <h1>"Where shall we begin?"</h1>
            <p>"Ask anything. A reply keeps flowing when you close the tab, and is all here when you come back."</p>
            <Unconfigured/>
        </section>
    }
}

/// Messages to begin with, below the field that a press fills.
#[component]
pub fn Examples() -> impl IntoView {
    let outbox: Outbox = expect_context();
    let example = |example: &'static str| {
        view! { <li><button type="button" class="example" on:click=move |_| outbox.write(example)>{example}</button></li> }
    };
    view! { <ul class="examples" data-script>{EXAMPLES.map(example).collect_view()}</ul> }
}

/// One line for the operator of a server without a model.
#[component]
fn Unconfigured() -> impl IntoView {
    let page = PageState::here();
    let is_tour = Memo::new(move |_| default_model(page).starts_with("demo/"));
    view! {
        <p class="start__tour" hidden=move || !is_tour.get()>
            "No model is configured yet, so a short tour answers. Start Rivulet with "<code>"ANTHROPIC_API_KEY"</code>", "
            <code>"OPENAI_API_KEY"</code>" or "<code>"OPENAI_BASE_URL"</code>" set to talk to one."
        </p>
    }
}
