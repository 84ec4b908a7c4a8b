//! The fields for how the model is to answer. Most people never need them, so they are folded away.

use crate::browser;
use crate::markdown::escape;
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
    view! { <details class="advanced" inner_html=fields(form, &saved.get_untracked())></details> }
}

/// HTML as text is a tenth of the code of components.
fn fields(form: &str, saved: &Parameters) -> String {
    let Parameters { temperature, max_output_tokens, effort } = saved;
    let mut html = "<summary>Advanced</summary><div class=\"advanced__fields\">".to_owned();
    let temperature = temperature.map(decimal).unwrap_or_default();
    let longest = max_output_tokens.map(|it| it.to_string()).unwrap_or_default();
    let most = [(Parameters::MAX_TEMPERATURE as u32).to_string(), Parameters::MAX_OUTPUT_TOKENS.to_string()];
    for (id, label, range, placeholder, value) in [
        (TEMPERATURE, "Temperature", ["0", &most[0], "any"], "as the model likes", temperature),
        (LONGEST, "Longest reply", ["1", &most[1], "1"], "in tokens", longest),
    ] {
        let parts = [
            ("<label for=\"", id),
            ("\">", label),
            ("</label><input class=\"field\" type=\"number\" id=\"", id),
            ("\" name=\"", id),
            ("\" form=\"", form),
            ("\" min=\"", range[0]),
            ("\" max=\"", range[1]),
            ("\" step=\"", range[2]),
            ("\" placeholder=\"", placeholder),
            ("\" value=\"", &value),
        ];
        parts.iter().flat_map(|(html, word)| [html, word]).for_each(|part| html.push_str(part));
        html.push_str("\">");
    }
    let parts = ["<label for=\"", EFFORT, "\">Effort</label><select class=\"field\" id=\"", EFFORT];
    let more = ["\" name=\"", EFFORT, "\" form=\"", form, "\">"];
    parts.iter().chain(&more).for_each(|part| html.push_str(part));
    options(&mut html, effort.as_deref());
    html.push_str("</select><p class=\"advanced__hint\">Not every model takes these. Empty means that it decides itself.</p></div>");
    html
}

/// A number as it is typed. In the browser by the browser: the code for it is as long as all of this page's.
fn decimal(number: f64) -> String {
    if cfg!(target_family = "wasm") { browser::decimal(number) } else { number.to_string() }
}

fn saved(page: PageState) -> Parameters {
    let of_thread =
        |thread: &Option<crate::event::Thread>| thread.as_ref().map(|it| it.conversation.parameters.clone());
    page.live.thread.with(of_thread).unwrap_or_default()
}

/// An effort that the form does not offer may still be in use, so it is among the options.
fn options(html: &mut String, chosen: Option<&str>) {
    let other = chosen.filter(|chosen| !EFFORTS.contains(chosen));
    for word in [""].into_iter().chain(EFFORTS).chain(other) {
        html.push_str("<option value=\"");
        escape(html, word);
        html.push_str(if word == chosen.unwrap_or_default() { "\" selected>" } else { "\">" });
        escape(html, if word.is_empty() { "As the model likes" } else { word });
        html.push_str("</option>");
    }
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
        first.set_value(&temperature.map(decimal).unwrap_or_default());
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
