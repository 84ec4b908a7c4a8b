//! One conversation in the list, with its actions.

use super::icon::{self, Icon};
use crate::browser;
use crate::contract::Changes;
use crate::model::{Conversation, ConversationId};
use crate::ui::labels;
use crate::ui::lazy;
use crate::ui::page::PageState;
use crate::ui::route::Route;
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

#[component]
pub fn Entry(conversation: Conversation) -> impl IntoView {
    let page = PageState::here();
    let id = conversation.id;
    let place = Route::Conversation(id);
    let current = Memo::new(move |_| page.place.get() == place);
    let name = labels::name(&conversation);
    let is_shared = conversation.owner.is_some();
    let is_theirs = conversation.owner.is_some_and(|owner| page.is_other(owner.id));
    view! {
        <li class="entry">
            <a class="entry__link" href=place.path() aria-current=move || current.get().then_some("page")>
                {is_shared.then(|| view! { <Icon path=icon::PEOPLE/><span class="unseen">"Shared: "</span> })}
                <span class="entry__title" dir="auto">{name.clone()}</span>
            </a>
            <details class="menu" name="entry">
                <summary aria-label=format!("{} “{name}”", if is_theirs { "Leave" } else { "Rename or delete" })><Icon path=icon::MORE/></summary>
                <div class="menu__panel">
                    {if is_theirs {
                        view! { <a href=sharing(id)>"People, and leaving"</a> }.into_any()
                    } else {
                        view! { <Rename id title=conversation.title/><Delete id/> }.into_any()
                    }}
                </div>
            </details>
        </li>
    }
}

/// The page for sharing and leaving a conversation. The server renders it.
pub fn sharing(id: ConversationId) -> String {
    format!("/c/{id}/sharing")
}

#[component]
fn Rename(id: ConversationId, title: String) -> impl IntoView {
    let page = PageState::here();
    let field = NodeRef::<leptos::html::Input>::new();
    let rename = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(title) = field.get_untracked().map(|field| field.value()) else { return };
        page.attempt(async move {
            let change = lazy::now().await?.change;
            change(id, Changes { title: Some(title), ..Changes::default() }).await
        });
    };
    view! {
        <form class="menu__form" method="post" action="/forms/change" on:submit=rename>
            <input type="hidden" name="conversation" value=id.to_string()/>
            <label class="unseen" for=format!("title-{id}")>"Title"</label>
            <input class="field" id=format!("title-{id}") name="title" dir="auto" value=title maxlength="200" required node_ref=field/>
            <button class="button button--quiet">"Rename"</button>
        </form>
    }
}

/// Asks for confirmation, in place.
#[component]
fn Delete(id: ConversationId) -> impl IntoView {
    let page = PageState::here();
    let delete = move |event: SubmitEvent| {
        event.prevent_default();
        page.attempt(async move {
            (lazy::now().await?.delete)(id).await?;
            page.whisper.set("Deleted.".into());
            if page.place.get_untracked() == Route::Conversation(id) {
                page.address.go(Route::Start);
            }
            browser::focus_id("text");
            Ok(())
        });
    };
    view! {
        <details class="sure">
            <summary>"Delete…"</summary>
            <form class="menu__form" method="post" action="/forms/delete" on:submit=delete>
                <p>"Delete it for good, with all its messages?"</p>
                <input type="hidden" name="conversation" value=id.to_string()/>
                <button class="button button--danger">"Delete for good"</button>
            </form>
        </details>
    }
}
