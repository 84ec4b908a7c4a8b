//! What can be done with one conversation, as a page: for browsers without our code. In the app it is a menu.

use super::form::{Field, Hidden};
use super::{Sheet, Width};
use crate::model::{Access, Conversation, Standing};
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::store::conversations::Stored;
use leptos::prelude::*;

pub fn page(owner: Option<Owner>, stored: Stored, standing: Standing) -> Sheet {
    let id = stored.id;
    let back = format!("/c/{id}");
    let title = if stored.title.is_empty() { "New conversation".to_owned() } else { stored.title };
    let owners = (stored.access == Access::Owner)
        .then(|| view! { <Rename id=id.to_string() title=title.clone()/><Delete id=id.to_string()/> });
    let share = if stored.access == Access::Owner { "Share it" } else { "People, and leaving" };
    let body = view! {
        <p class="lead">"The conversation "<a href=back dir="auto">{title}</a></p>
        <p class="row">
            <a class="button button--quiet" href=format!("/c/{id}/sharing")>{share}</a>
            <a class="button button--quiet" href=format!("/c/{id}/export") download>"Export as Markdown"</a>
            <a class="button button--quiet" href=format!("/c/{id}/export?as=html") download>"as a page"</a>
            <a class="button button--quiet" href=format!("/c/{id}/export?as=json") download>"as JSON"</a>
        </p>
        <form method="post" action="/forms/fork">
            <Hidden name="conversation" value=id.to_string()/>
            <button class="button button--quiet">"Copy into a new conversation"</button>
        </form>
        <Place id=id.to_string() standing/>
        {owners}
    };
    let said = Notice::default();
    Sheet { title: "Manage a conversation".into(), width: Width::Text, owner, said, fields: &[], body: body.into_any() }
}

/// Where it stands in the caller's list.
#[component]
fn Place(id: String, standing: Standing) -> impl IntoView {
    let one = |name: &'static str, is_so: Option<bool>, words: [&'static str; 2]| {
        let is_so = is_so.unwrap_or_default();
        let (value, word) = if is_so { ("no", words[1]) } else { ("yes", words[0]) };
        view! {
            <form method="post" action="/forms/place">
                <Hidden name="conversation" value=id.clone()/>
                <Hidden name=name value=value.to_owned()/>
                <button class="button button--quiet">{word}</button>
            </form>
        }
    };
    view! {
        <section aria-labelledby="place">
            <h2 id="place">"In your list"</h2>
            <div class="row">
                {one("pinned", standing.pinned, ["Pin to the top", "Unpin"])}
                {one("archived", standing.archived, ["Put away", "Put back"])}
            </div>
            <p class="quiet">"What you put away is kept in "<a href="/archive">"your archive"</a>"."</p>
        </section>
    }
}

/// The conversations that were put away.
pub fn archive(owner: Option<Owner>, items: Vec<Conversation>, next: Option<String>) -> Sheet {
    let nothing = items.is_empty().then(|| view! { <p role="status">"Nothing is put away."</p> });
    let row = |item: Conversation| {
        let title = if item.title.is_empty() { "New conversation".to_owned() } else { item.title };
        view! {
            <li>
                <p><a href=format!("/c/{}", item.id) dir="auto">{title}</a></p>
                <a class="button button--quiet" href=format!("/c/{}/manage", item.id)>"Manage"</a>
            </li>
        }
    };
    let more = next.map(|next| {
        view! {
            <form method="get" action="/archive">
                <input type="hidden" name="cursor" value=next/>
                <button class="button button--quiet">"Show older ones"</button>
            </form>
        }
    });
    let body = view! {
        {nothing}
        <ul class="rows">{items.into_iter().map(row).collect_view()}</ul>
        {more}
    };
    let said = Notice::default();
    Sheet { title: "Archive".into(), width: Width::Text, owner, said, fields: &[], body: body.into_any() }
}

#[component]
fn Rename(id: String, title: String) -> impl IntoView {
    view! {
        <section aria-labelledby="rename">
            <h2 id="rename">"Rename"</h2>
            <form class="form form--row" method="post" action="/forms/change">
                <Hidden name="conversation" value=id/>
                <Field form="rename" name="title" label="Title" value=title said=Notice::default()/>
                <button class="button button--quiet">"Rename"</button>
            </form>
        </section>
    }
}

#[component]
fn Delete(id: String) -> impl IntoView {
    view! {
        <section aria-labelledby="delete">
            <h2 id="delete">"Delete"</h2>
            <p class="quiet">"It goes for good, with all its messages, also for those it is shared with."</p>
            <form method="post" action="/forms/delete">
                <Hidden name="conversation" value=id/>
                <button class="button button--danger">"Delete for good"</button>
            </form>
        </section>
    }
}
