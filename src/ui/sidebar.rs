//! The caller's conversations, newest first. Beside the page where there is room, else a drawer over it.
//!
//! The drawer is a popover: the browser itself opens it, closes it on Escape and on a press outside, and gives the
//! focus back, with or without our code.

use super::icon::{self, Icon};
use crate::ui::page::PageState;
use crate::ui::sidebar_entry::Entry;
use crate::{api, browser};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;

#[component]
pub fn Sidebar() -> impl IntoView {
    view! {
        <nav class="sidebar" id="sidebar" popover="auto" aria-label="Conversations">
            <div class="sidebar__head">
                <a class="brand" href="/">"Rivulet"</a>
                <button type="button" class="plain sidebar__close" popovertarget="sidebar" popovertargetaction="hide" aria-label="Close the list">
                    <Icon path=icon::CLOSE/>
                </button>
            </div>
            <a class="button sidebar__new" href="/"><Icon path=icon::PLUS/>"New conversation"</a>
            <a class="plain sidebar__more" href="/search">"Search"</a>
            <Entries/>
            <More/>
            <Account/>
        </nav>
    }
}

/// The link to the account's page; guests have a page of their own. The server renders both.
#[component]
fn Account() -> impl IntoView {
    let (href, name) = match PageState::here().me.get_value().and_then(|me| me.name) {
        Some(name) => ("/account", name),
        None => ("/sign-in", "Sign in".into()),
    };
    view! { <a class="sidebar__account" href=href>{name}</a> }
}

/// A conversation that is renamed or shared is drawn anew, which also closes its menu.
#[component]
fn Entries() -> impl IntoView {
    let live = PageState::here().live;
    let empty = Memo::new(move |_| live.list.with(Vec::is_empty));
    view! {
        <ul class="entries">
            <For each=move || live.list.get() key=|conversation| (conversation.id, conversation.title.clone(), conversation.owner.is_some()) let:conversation>
                <Entry conversation/>
            </For>
        </ul>
        <p class="sidebar__empty" hidden=move || !empty.get()>"Your conversations will be kept here."</p>
    }
}

#[component]
fn More() -> impl IntoView {
    let desk = PageState::here();
    let last = Memo::new(move |_| desk.live.list_next.with(Option::is_none));
    view! {
        <button type="button" class="plain sidebar__more" data-script hidden=move || last.get() on:click=move |_| load_more(desk)>
            "Show older ones"
        </button>
    }
}

fn load_more(desk: PageState) {
    // Taken, so that a second press before the answer sends no request.
    let Some(next) = desk.live.list_next.try_update(Option::take).flatten() else { return };
    spawn_local(async move {
        match api::conversations(Some(next.clone())).await {
            Ok(page) => desk.live.listed_more(page),
            Err(problem) => {
                desk.live.list_next.set(Some(next));
                desk.notice.set(problem.to_string());
            }
        }
    });
}

pub fn close_drawer() {
    if drawer_is_open()
        && let Some(drawer) = drawer()
    {
        let _ = drawer.hide_popover();
    }
}

pub fn drawer_is_open() -> bool {
    drawer().is_some_and(|drawer| drawer.matches(":popover-open").unwrap_or(false))
}

fn drawer() -> Option<web_sys::HtmlElement> {
    browser::document().get_element_by_id("sidebar")?.dyn_into().ok()
}
