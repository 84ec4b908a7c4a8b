//! The start page, before the first message.

use super::chosen_model::default_model;
use super::outbox::Outbox;
use crate::ui::page::PageState;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// HTML as text is a tenth of the code of components.
const EXAMPLES: &str = "\
<li><button type=\"button\" class=\"example\">Explain how rivers shape a landscape, in five sentences.</button></li>\
<li><button type=\"button\" class=\"example\">Help me write a kind letter declining an invitation.</button></li>\
<li><button type=\"button\" class=\"example\">What should I ask before I rent a flat?</button></li>\
<li><button type=\"button\" class=\"example\">Write a small shell script that finds my largest files.</button></li>";

const GREETING: &str = "<h1>Where shall we begin?</h1><p>Ask anything. A reply keeps flowing when you close the tab, and is all here \
    when you come back.</p>";

#[component]
pub fn Start() -> impl IntoView {
    view! {
        <section class="start">
            <div class="start__greeting" inner_html=GREETING></div>
            <Unconfigured/>
        </section>
    }
}

/// Messages to begin with, below the field that a press fills.
#[component]
pub fn Examples() -> impl IntoView {
    let outbox: Outbox = expect_context();
    let pressed = move |event: MouseEvent| {
        let example = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let text = example.filter(|it| it.class_name() == "example").and_then(|it| it.text_content());
        if let Some(text) = text {
            outbox.write(&text);
        }
    };
    view! { <ul class="examples" data-script inner_html=EXAMPLES on:click=pressed></ul> }
}

const TOUR: &str = "No model is configured yet, so a short tour answers. Start Rivulet with <code>ANTHROPIC_API_KEY</code>, \
    <code>OPENAI_API_KEY</code> or <code>OPENAI_BASE_URL</code> set to talk to one.";

/// One line for the operator of a server without a model.
#[component]
fn Unconfigured() -> impl IntoView {
    let page = PageState::here();
    let is_tour = Memo::new(move |_| default_model(page).starts_with("demo/"));
    view! { <p class="start__tour" hidden=move || !is_tour.get() inner_html=TOUR></p> }
}
