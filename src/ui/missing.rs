//! What is not there, with a way out.

use super::desk::Desk;
use crate::error::Problem;
use leptos::prelude::*;
use leptos_meta::Title;

/// At no address of ours.
#[component]
pub(crate) fn Missing() -> impl IntoView {
    view! {
        <Title text="Nothing here · Rivulet"/>
        <main class="page page--alone">
            <Way head="Nothing here" text="This address leads nowhere. Perhaps a letter of it was lost on the way."/>
        </main>
    }
}

/// A conversation that cannot be shown: not there, not yours, or not now.
#[component]
pub(crate) fn Absent() -> impl IntoView {
    let desk = Desk::here();
    let problem = desk.absent.get_untracked().unwrap_or(Problem::NotFound);
    let head = if problem == Problem::NotFound { "Nothing here" } else { "Not just now" };
    view! {
        <Title text=format!("{head} · Rivulet")/>
        <Way head text=problem.to_string()/>
    }
}

#[component]
pub(crate) fn Deleted() -> impl IntoView {
    view! { <Way head="Gone" text="This conversation was deleted."/> }
}

#[component]
fn Way(head: &'static str, #[prop(into)] text: String) -> impl IntoView {
    view! {
        <section class="way">
            <h1>{head}</h1>
            <p>{text}</p>
            <p><a class="button" href="/">"Start a new conversation"</a></p>
        </section>
    }
}
