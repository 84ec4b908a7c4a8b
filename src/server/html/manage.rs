//! What can be done with one conversation, as a page: for browsers without our code. In the app it is a menu.

use super::form::{Field, Hidden};
use super::{Sheet, Width};
use crate::model::Access;
use crate::server::html::Notice;
use crate::server::principal::Owner;
use crate::server::store::conversations::Stored;
use leptos::prelude::*;

pub fn page(owner: Option<Owner>, stored: Stored) -> Sheet {
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
        </p>
        {owners}
    };
    let said = Notice::default();
    Sheet { title: "Manage a conversation".into(), width: Width::Text, owner, said, fields: &[], body: body.into_any() }
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
