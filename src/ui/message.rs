//! One message: a person's words in a soft block, or a reply on the bare page.

use super::desk::Desk;
use super::edit::{Edit, Editor};
use super::pictures::pictures;
use super::reply::Reply;
use super::versions::Versions;
use super::when::When;
use crate::model::{self, Access, MessageId, Role};
use leptos::prelude::*;

/// The row's place in the document, for links and for scrolling.
pub fn anchor(id: MessageId) -> String {
    format!("m-{id}")
}

#[component]
pub fn Message(id: MessageId) -> impl IntoView {
    let desk = Desk::here();
    let message = Memo::new(move |_| find(desk, id));
    let role = message.with_untracked(|message| message.as_ref().map(|message| message.role));
    view! {
        <article class="message" id=anchor(id) data-role=role.map(Role::name)>
            {match role {
                Some(Role::Assistant) => view! { <Reply id message/> }.into_any(),
                _ => view! { <Said id message/> }.into_any(),
            }}
        </article>
    }
}

fn find(desk: Desk, id: MessageId) -> Option<model::Message> {
    desk.live.thread.with(|thread| thread.as_ref()?.messages.iter().find(|message| message.id == id).cloned())
}

/// A person's words, exactly as they were written.
#[component]
fn Said(id: MessageId, message: Memo<Option<model::Message>>) -> impl IntoView {
    let desk = Desk::here();
    // They are sent with the message and never change.
    let author = message.with_untracked(|it| it.as_ref().and_then(|it| it.author.clone()));
    let author = author.filter(|author| desk.is_other(author.id)).map(|author| author.name);
    let is_mine = author.is_none();
    // By a public link nobody is told who speaks, and it is not whoever reads along.
    let speaker = if desk.me.with_value(Option::is_none) { "A person" } else { "You" };
    let html = message.with_untracked(|it| it.as_ref().map(|it| pictures(&anchor(id), &it.images)).unwrap_or_default());
    let pictures = (!html.is_empty()).then(|| view! { <ul class="pictures" aria-label="Images" inner_html=html></ul> });
    let text = move || message.with(|message| message.as_ref().map(|message| message.text.clone()).unwrap_or_default());
    let editing = RwSignal::new(false);
    let may_edit = move || is_mine && !editing.get() && desk.access() != Access::Reader;
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
            <Versions id message/>
            {move || may_edit().then(|| view! { <Edit id editing/> })}
        </footer>
    }
}
