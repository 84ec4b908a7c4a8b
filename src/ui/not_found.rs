//! The page for a conversation that cannot be shown, with a link to the start.

use crate::error::Problem;
use crate::markdown::escape;
use crate::model::Access;
use crate::ui::labels::NOTHING;
use crate::ui::page::PageState;
use leptos::prelude::*;

/// A conversation that cannot be shown: not there, not yours, or not now.
#[component]
pub fn Absent() -> impl IntoView {
    let page = PageState::here();
    let problem = page.absent.get_untracked().unwrap_or(Problem::NotFound);
    let head = if problem == Problem::NotFound { NOTHING } else { "Not just now" };
    view! { <Way head text=problem.to_string()/> }
}

#[component]
pub fn Deleted() -> impl IntoView {
    let text = match untrack(|| PageState::here().access()) {
        Access::Owner => "This conversation was deleted.",
        Access::Participant | Access::Reader | Access::Visitor | Access::Agent => {
            "This conversation was deleted, or is not shared with you any more."
        }
    };
    view! { <Way head="Gone" text/> }
}

#[component]
fn Way(head: &'static str, #[prop(into)] text: String) -> impl IntoView {
    let mut said = String::new();
    escape(&mut said, &text);
    // HTML as text is a tenth of the code of components.
    let html =
        format!("<h1>{head}</h1><p>{said}</p><p><a class=\"button\" href=\"/\">Start a new conversation</a></p>");
    view! { <section class="way" inner_html=html></section> }
}
