//! The caller's conversations, newest first, under the days of their last messages. Beside the page where there is room,
//! else a drawer over it. Head and foot stay, the list between them scrolls.
//!
//! The drawer is a popover: the browser itself opens it, closes it on Escape and on a press outside, and gives the
//! focus back, with or without our code.

use crate::api;
use crate::browser::{self, Listener};
use crate::model::{Conversation, ConversationId};
use crate::ui::days::Now;
use crate::ui::drawer;
use crate::ui::page::PageState;
use crate::ui::sidebar_entry::Entry;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Older conversations are loaded when the end of the list is this near, in CSS pixels.
const NEAR_END_PX: i32 = 600;
/// The id of the element that scrolls.
const LIST: &str = "list";

/// What stays above the list. HTML as text is a tenth of the code of components.
const HEAD: &str = r#"<div class="sidebar__head"><a class="brand" href="/">Rivulet</a><button class="plain sidebar__close" popovertarget="sidebar" popovertargetaction="hide" aria-label="Close the list"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M5 5l10 10M15 5L5 15"></path></svg></button><button class="plain sidebar__fold" data-script data-fold="yes" aria-label="Fold the list away" title="Fold the list away"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M3 4h14v12H3zM8 4v12M14 8l-2 2 2 2"></path></svg></button><button class="plain sidebar__unfold" data-script data-fold="no" aria-label="Keep the list beside the page" title="Keep the list beside the page"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M3 4h14v12H3zM8 4v12M12 8l2 2-2 2"></path></svg></button></div><a class="button sidebar__new" href="/"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M10 4v12M4 10h12"></path></svg>New conversation</a><a class="sidebar__search" href="/search" data-panel aria-keyshortcuts="Control+K"><svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M9 4a5 5 0 1 0 0 10a5 5 0 0 0 0-10M13 13l4 4"></path></svg>Search<kbd data-script aria-hidden="true">Ctrl K</kbd></a>"#;

#[component]
pub fn Sidebar() -> impl IntoView {
    let page = PageState::here();
    Effect::new(move || {
        let (Some(drawer), Some(list)) = (drawer::element(), browser::document().get_element_by_id(LIST)) else {
            return;
        };
        let toggled = Listener::new(&drawer, "toggle", move |_| {
            page.address.drawer_toggled(drawer::is_column() || !drawer::is_open());
        });
        let scrolling = list.clone();
        let scrolled = Listener::new(&list, "scroll", move |_| {
            if scrolling.scroll_height() - scrolling.scroll_top() - scrolling.client_height() < NEAR_END_PX {
                load_more(page);
            }
        });
        let listeners = StoredValue::new_local((toggled, scrolled));
        on_cleanup(move || listeners.dispose());
    });
    view! {
        <nav class="sidebar" id=drawer::ID popover="auto" aria-label="Conversations">
            <div class="sidebar__top" inner_html=HEAD></div>
            <Entries/>
            <Account/>
        </nav>
    }
}

/// The links to the account's page, which for guests is another, and to the settings. The server renders all of these.
#[component]
fn Account() -> impl IntoView {
    let me = PageState::here().me.get_value();
    let inbox = me.as_ref().and_then(|me| me.waiting).map(|waiting| {
        let label = if waiting == 0 { "Inbox".to_owned() } else { format!("Inbox ({waiting} waiting)") };
        view! { <a class="sidebar__settings" href="/inbox" rel="external">{label}</a> }
    });
    let (href, name) = match me.and_then(|me| me.name) {
        Some(name) => ("/account", name),
        None => ("/sign-in", "Sign in".into()),
    };
    view! {
        <div class="sidebar__foot">
            <a class="sidebar__account" href=href>{name}</a>
            {inbox}
            <a class="sidebar__settings" href="/settings" data-panel>"Settings"</a>
        </div>
    }
}

/// A row of the list.
enum Row {
    /// The heading of the days that follow.
    Days(String),
    Entry(Box<Conversation>),
}

impl Row {
    /// A conversation that is renamed or shared is drawn anew.
    fn key(&self) -> (Option<ConversationId>, String, bool) {
        match self {
            Self::Days(heading) => (None, heading.clone(), false),
            Self::Entry(conversation) => {
                (Some(conversation.id), conversation.title.clone(), conversation.owner.is_some())
            }
        }
    }
}

#[component]
fn Entries() -> impl IntoView {
    let page = PageState::here();
    let live = page.live;
    let empty = Memo::new(move |_| live.list.with(Vec::is_empty));
    let rows = move || live.list.with(|list| under_headings(list, now(page)));
    view! {
        <div class="sidebar__list" id=LIST>
            <ul class="entries">
                <For each=rows key=Row::key let:row>
                    {match row {
                        Row::Days(heading) => view! { <li class="entries__days"><h2>{heading}</h2></li> }.into_any(),
                        Row::Entry(conversation) => view! { <Entry conversation=*conversation/> }.into_any(),
                    }}
                </For>
            </ul>
            <p class="sidebar__empty" hidden=move || !empty.get()>"Your conversations will be kept here."</p>
            <More/>
        </div>
    }
}

/// The server's clock in the reader's time zone. Until hydration it is the server's zone and the time at which it has
/// made the page.
fn now(page: PageState) -> Now {
    if page.awake.get() {
        let behind_minutes = js_sys::Date::new_0().get_timezone_offset() as i64;
        return Now { ms: page.server_now_ms() as i64, behind_minutes };
    }
    let made_at_ms = page.first_message.get().map(|id| id.made_at_ms()).unwrap_or_default();
    Now { ms: made_at_ms as i64, behind_minutes: 0 }
}

/// The pinned ones first, the others under their days.
fn under_headings(list: &[Conversation], now: Now) -> Vec<Row> {
    let mut rows = Vec::with_capacity(list.len());
    let mut last = String::new();
    let is_pinned = |conversation: &&Conversation| conversation.standing.pinned == Some(true);
    for conversation in list.iter().filter(is_pinned).chain(list.iter().filter(|it| !is_pinned(it))) {
        let heading = match is_pinned(&conversation) {
            true => "Pinned".into(),
            false => now.heading(&conversation.updated_at),
        };
        if heading != last {
            rows.push(Row::Days(heading.clone()));
            last = heading;
        }
        rows.push(Row::Entry(Box::new(conversation.clone())));
    }
    rows
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
