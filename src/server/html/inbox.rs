//! The inbox: the conversations of an agent's sites, and one of them. Drawn by the server, with forms that work without code.
//! `inbox.js` follows what happens, and has what changed drawn anew.

mod details;
mod list;
mod thread;

use super::conversation::{self, Shown};
use super::navigation;
use crate::contract::site::{InboxRow, SiteName};
use crate::error::Problem;
use crate::event::Snapshot;
use crate::model::{AccountId, ConversationId, SiteId};
use crate::server::principal::Owner;
use crate::server::store::desk::details::Details;
use axum::response::{IntoResponse, Response};
use leptos::prelude::*;
use std::collections::BTreeMap;

/// A part of the page. The script asks for one where only that has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    Whole,
    List,
    Thread,
}

impl Part {
    /// As it stands in an address.
    pub fn of(name: Option<&str>) -> Self {
        match name {
            Some("list") => Self::List,
            Some("thread") => Self::Thread,
            _ => Self::Whole,
        }
    }
}

/// Where somebody is in the inbox.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub queue: String,
    /// One site only.
    pub site: Option<SiteId>,
    pub open: Option<ConversationId>,
}

impl Place {
    /// The address of a list, or of a conversation beside it.
    fn href(&self, conversation: Option<ConversationId>) -> String {
        let path = conversation.map(|id| format!("/{id}")).unwrap_or_default();
        let site = self.site.map(|site| format!("&site={site}")).unwrap_or_default();
        format!("/inbox{path}?queue={}{site}", self.queue)
    }
}

/// The conversations of a queue.
pub struct Listed {
    pub rows: Vec<InboxRow>,
    pub counts: BTreeMap<String, u64>,
    pub next: Option<String>,
    pub sites: Vec<SiteName>,
}

/// The conversation that is open.
pub struct Opened {
    pub snapshot: Snapshot,
    pub shown: Vec<Shown>,
    pub details: Details,
}

/// What the page shows.
pub struct Page {
    pub owner: Owner,
    pub me: AccountId,
    pub part: Part,
    pub place: Place,
    pub listed: Listed,
    pub opened: Option<Opened>,
    pub problem: Option<Problem>,
    /// What was typed in a form that was refused.
    pub typed: String,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let problem = self.problem.clone();
        conversation::answer(problem.as_ref(), document(self))
    }
}

fn document(page: Page) -> impl IntoView {
    let Page { owner, me, part, place, listed, opened, problem, typed } = page;
    let waiting = listed.counts.get("waiting").copied().unwrap_or_default();
    let title = if waiting == 0 { "Inbox".to_owned() } else { format!("({waiting}) Inbox") };
    let class = if place.open.is_some() { "inbox inbox--open" } else { "inbox" };
    let list = (part != Part::Thread).then(|| list::list(&place, &listed, me));
    let opened = (part != Part::List).then(|| match opened {
        Some(opened) => thread::thread(&place, opened, me, (problem, typed)).into_any(),
        None => thread::nothing(&listed).into_any(),
    });
    if part != Part::Whole {
        return view! { <title>{title}</title><main class=class id="inbox">{list}{opened}</main> }.into_any();
    }
    view! {
        <html lang="en">
            <head>{conversation::head(title, "/inbox.css", "/inbox.js")}</head>
            <body class="inbox-page">
                <a class="skip" href="#thread">"Skip to the conversation"</a>
                <header class="masthead">
                    <h1 class="inbox-title"><a class="brand" href="/">"Rivulet"</a>" "<span>"Inbox"</span></h1>
                    <p class="line-state" id="broken" role="status" hidden></p>
                    {navigation(owner)}
                </header>
                <main class=class id="inbox">{list}{opened}</main>
                {keys()}
            </body>
        </html>
    }
    .into_any()
}

/// The keys, and what each does. `inbox.js` has the same.
const KEYS: [(&str, &str); 10] = [
    ("j", "Next conversation"),
    ("k", "Previous conversation"),
    ("Enter", "Open it"),
    ("t", "Take over"),
    ("h", "Hand back to the assistant"),
    ("r", "Release it: others can take it"),
    ("e", "Close (asks once)"),
    ("/", "Write an answer"),
    ("Escape", "Back to the list"),
    ("?", "Show these keys"),
];

fn keys() -> impl IntoView {
    let rows = KEYS.map(|(key, does)| view! { <tr><th scope="row"><kbd>{key}</kbd></th><td>{does}</td></tr> });
    view! {
        <dialog class="keys" id="keys" aria-labelledby="keys-title">
            <h2 id="keys-title">"Keys"</h2>
            <table><tbody>{rows}<tr><th scope="row"><kbd>"Ctrl"</kbd>" "<kbd>"Enter"</kbd></th><td>"Send, from the field"</td></tr></tbody></table>
            <label class="sure"><input type="checkbox" id="keys-on"/><span>"Single letters do this"</span></label>
            <form method="dialog"><button class="button button--quiet">"Close"</button></form>
        </dialog>
    }
}
