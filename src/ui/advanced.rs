//! The fields for how the model is to answer. Most people never need them, so they are folded away.

use crate::browser;
use crate::model::Parameters;
use crate::ui::page::PageState;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, HtmlSelectElement};

/// The ids of the fields, which are also the names that the form sends.
const TEMPERATURE: &str = "temperature";
const LONGEST: &str = "max_output_tokens";
const EFFORT: &str = "effort";

/// The efforts that the form offers; the API accepts every word that a provider has.
const EFFORTS: [&str; 3] = ["low", "medium", "high"];

#[component]
pub fn Advanced(form: &'static str) -> impl IntoView {
    let page = PageState::here();
    let saved = Memo::new(move |_| saved(page));
    // Sets only later changes, from another tab: what was typed before hydration stays.
    Effect::new(move |before: Option<Parameters>| {
        let saved = saved.get();
        if before.is_some_and(|before| before != saved) {
            write(&saved);
        }
        saved
    });
    let Parameters { temperature, max_output_tokens, effort } = saved.get_untracked();
    view! {
        <details class="advanced">
            <summary>"Advanced"</summary>
            <div class="advanced__fields">
                <label for=TEMPERATURE>"Temperature"</label>
                <input class="field" id=TEMPERATURE name=TEMPERATURE form=form type="number" min="0" max=Parameters::MAX_TEMPERATURE.to_string()
                    step="any" placeholder="as the model likes" value=temperature.map(|it| it.to_string())/>
                <label for=LONGEST>"Longest reply"</label>
                <input class="field" id=LONGEST name=LONGEST form=form type="number" min="1" max=Parameters::MAX_OUTPUT_TOKENS.to_string()
                    step="1" placeholder="in tokens" value=max_output_tokens.map(|it| it.to_string())/>
                <label for=EFFORT>"Effort"</label>
                <select class="field" id=EFFORT name=EFFORT form=form>{options(effort.as_deref())}</select>
                <p class="advanced__hint">"Not every model takes these. Empty means that it decides itself."</p>
            </div>
        </details>
    }
}

fn saved(page: PageState) -> Parameters {
    let of_thread =
        |thread: &Option<crate::event::Thread>| thread.as_ref().map(|it| it.conversation.parameters.clone());
    page.live.thread.with(of_thread).unwrap_or_default()
}

/// An effort that the form does not offer may still be in use, so it is among the options.
fn options(chosen: Option<&str>) -> Vec<AnyView> {
    let other = chosen.filter(|chosen| !EFFORTS.contains(chosen));
    let words = [""].into_iter().chain(EFFORTS).chain(other);
    let option = |word: &str| {
        let selected = word == chosen.unwrap_or_default();
        let shown = if word.is_empty() { "As the model likes" } else { word }.to_owned();
        view! { <option value=word.to_owned() selected=selected>{shown}</option> }.into_any()
    };
    words.map(option).collect()
}

/// What stands in the fields; none where they are not drawn. The server says what is wrong with it.
pub fn parameters() -> Option<Parameters> {
    let temperature = input(TEMPERATURE)?.value_as_number();
    let longest = input(LONGEST)?.value_as_number();
    let effort = effort()?.value();
    Some(Parameters {
        temperature: Some(temperature).filter(|it| it.is_finite()),
        max_output_tokens: Some(longest).filter(|it| it.is_finite()).map(|it| it as u32),
        effort: Some(effort).filter(|it| !it.is_empty()),
    })
}

fn write(parameters: &Parameters) {
    let Parameters { temperature, max_output_tokens, effort: word } = parameters;
    if let (Some(first), Some(second), Some(effort)) = (input(TEMPERATURE), input(LONGEST), effort()) {
        first.set_value(&temperature.map(|it| it.to_string()).unwrap_or_default());
        second.set_value(&max_output_tokens.map(|it| it.to_string()).unwrap_or_default());
        effort.set_value(word.as_deref().unwrap_or_default());
    }
}

fn input(id: &str) -> Option<HtmlInputElement> {
    browser::document().get_element_by_id(id)?.dyn_into().ok()
}

fn effort() -> Option<HtmlSelectElement> {
    browser::document().get_element_by_id(EFFORT)?.dyn_into().ok()
}
