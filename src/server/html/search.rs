//! The page to search on. A link in the app leads here.

use super::form::Field;
use super::{Sheet, Width};
use crate::model::Role;
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::search::{Hit, HitMessage, Results, plain};
use crate::server::times::since;
use leptos::prelude::*;

/// The query, and its results.
pub struct SearchPage {
    /// None: a guest's page.
    pub owner: Option<Owner>,
    pub query: String,
    pub found: Option<Results>,
}

pub fn page(content: SearchPage, said: Notice) -> Sheet {
    let query = content.query.clone();
    let body = view! {
        <form class="form" method="get" action="/search" role="search">
            <Field form="search" name="q" label="All words, in a title or a message" kind="search" value=content.query said=said.clone() first=content.found.is_none()/>
            <button class="button">"Search"</button>
        </form>
        {content.found.map(|found| results(query, found))}
    };
    let fields = &["search/q"];
    Sheet { title: "Search".into(), width: Width::Text, owner: content.owner, said, fields, body: body.into_any() }
}

fn results(query: String, found: Results) -> impl IntoView {
    let words = match (found.hits.len(), &found.next) {
        (0, None) => "Nothing was found.",
        (0, Some(_)) => "Nothing yet. There is more to look through.",
        _ => "",
    };
    let nothing = (!words.is_empty()).then(|| view! { <p role="status">{words}</p> });
    let rows = found.hits.into_iter().map(hit).collect_view();
    let more = found.next.map(|next| {
        view! {
            <form method="get" action="/search">
                <input type="hidden" name="q" value=query/>
                <input type="hidden" name="cursor" value=next/>
                <button class="button button--quiet">"Search older conversations"</button>
            </form>
        }
    });
    view! {
        <section aria-label="Results">
            {nothing}
            <ul class="rows">{rows}</ul>
            {more}
        </section>
    }
}

fn hit(hit: Hit) -> impl IntoView {
    let href = format!("/c/{}", hit.conversation);
    let title = if hit.title.is_empty() { "Untitled".to_owned() } else { hit.title };
    view! { <li><p><a href=href dir="auto">{title}</a>{hit.message.map(said)}</p></li> }
}

fn said(message: HitMessage) -> impl IntoView {
    let who = match message.role {
        Role::User => "You",
        Role::Assistant => "The model",
        Role::Agent => "An agent",
    };
    let when = since(&message.created_at);
    view! { <span class="quiet" dir="auto">{plain(&message.excerpt)}</span><span class="quiet">{format!("{who}, {when}")}</span> }
}
