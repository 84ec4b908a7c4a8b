//! One message: a user's message in a soft block, or a reply on the page's background.

use super::edit::{Edit, Editor};
use super::reply::Reply;
use super::versions::Versions;
use super::when::{At, When};
use crate::model::{self, Access, MessageId, Role};
use crate::ui::message_images::pictures;
use crate::ui::page::PageState;
use crate::ui::route::anchor;
use leptos::prelude::*;

#[component]
pub fn Message(id: MessageId) -> impl IntoView {
    let page = PageState::here();
    let message = Memo::new(move |_| find(page, id));
    let role = message.with_untracked(|message| message.as_ref().map(|message| message.role));
    view! {
        <article class="message" id=anchor(id) data-role=role.map(Role::name)>
            {match role {
                Some(Role::Assistant | Role::Agent) => view! { <Reply id message/> }.into_any(),
                _ => view! { <Said id message/> }.into_any(),
            }}
        </article>
    }
}

fn find(page: PageState, id: MessageId) -> Option<model::Message> {
    page.live.thread.with(|thread| thread.as_ref()?.messages.iter().find(|message| message.id == id).cloned())
}

/// A user's message, exactly as it was written.
#[component]
fn Said(id: MessageId, message: Memo<Option<model::Message>>) -> impl IntoView {
    let page = PageState::here();
    // They are sent with the message and never change.
    let author = message.with_untracked(|it| it.as_ref().and_then(|it| it.author.clone()));
    let author = author.filter(|author| page.is_other(author.id)).map(|author| author.name);
    let is_mine = author.is_none();
    // A public link does not name the authors, and a reader with the public link is none of them.
    let speaker = if page.me.with_value(Option::is_none) { "A person" } else { "You" };
    let html = message.with_untracked(|it| it.as_ref().map(|it| pictures(&anchor(id), &it.images)).unwrap_or_default());
    let pictures = (!html.is_empty()).then(|| view! { <ul class="pictures" aria-label="Images" inner_html=html></ul> });
    let text = move || message.with(|message| message.as_ref().map(|message| message.text.clone()).unwrap_or_default());
    let editing = RwSignal::new(false);
    let may_edit = move || is_mine && !editing.get() && page.access() != Access::Reader;
    view! {
        {match author {
            Some(name) => view! { <h2 class="author"><bdi>{name}</bdi><span class="unseen">" said"</span></h2> }.into_any(),
            None => view! { <h2 class="unseen">{speaker}" said"</h2> }.into_any(),
        }}
        <When message/>
        {pictures}
        {move || match editing.get() {
            true => view! { <Editor id text=untrack(text) editing/> }.into_any(),
            false => view! { <div class="said"><p dir="auto">{text}</p></div> }.into_any(),
        }}
        <footer class="actions actions--said">
            <At message/>
            <Versions id message/>
            {move || may_edit().then(|| view! { <Edit id editing/> })}
        </footer>
    }
}
