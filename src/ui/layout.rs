//! The page's layout: loads the first page's data, and loads the new route's when the address changes.

use super::composer::Composer;
use super::live::Live;
use super::notice::{Notice, Whisper};
use super::outbox::Outbox;
use super::sidebar::Sidebar;
use super::start::{Examples, Start};
use super::topbar::Topbar;
use crate::browser;
use crate::model::Preferences;
use crate::ui::autoscroll::JumpToLatest;
use crate::ui::drawer;
use crate::ui::escape_key::stop_on_escape;
use crate::ui::first_page::{First, InPage};
use crate::ui::keys::focus_field;
use crate::ui::labels;
use crate::ui::lazy;
use crate::ui::not_found::{Absent, Deleted};
use crate::ui::page::PageState;
use crate::ui::page::Shown;
use crate::ui::panel;
use crate::ui::presence::OthersHere;
use crate::ui::route::Route;
use leptos::prelude::*;
use leptos_meta::Title;

/// The page is rendered once its data is there: on the server before the answer, in the browser from the same data.
#[component]
pub fn Frame() -> impl IntoView {
    let live: Live = expect_context();
    let page = PageState::new(live);
    lazy::use_loaded(page);
    provide_context(page);
    let fetch = move |()| First::fetch(page.place.get_untracked());
    let first = Resource::<First, InPage>::new_with_options(|| (), fetch, false);
    page.address.listen();
    follow_the_address(page);
    live.connect();
    view! {
        <Suspense fallback=|| ()>
            {move || Suspend::new(async move {
                page.lay_out(first.await);
                view! { <Layout/> }
            })}
        </Suspense>
    }
}

/// In the browser: the first route is rendered already, each later one is loaded.
fn follow_the_address(page: PageState) {
    Effect::new(move |before: Option<Route>| {
        let place = page.place.get();
        match before {
            Some(before) if before != place => {
                if place.conversation().is_some() {
                    lazy::prepare(page);
                }
                page.go(place);
                drawer::close();
                focus_field();
            }
            _ => {}
        }
        place
    });
}

#[component]
fn Layout() -> impl IntoView {
    let page = PageState::here();
    // The server writes the head after the page's signals are disposed of, so that the title must be plain text by
    // then.
    let title = Memo::new(move |_| page.title());
    let knows_me = page.me.with_value(Option::is_some);
    let outbox = Outbox::new(page);
    provide_context(outbox);
    provide_context(outbox.images);
    Effect::new(move || page.awake.set(true));
    Effect::new(move || {
        page.live.preferences.with(|chosen| chosen.iter().for_each(look_as));
    });
    stop_on_escape(page);
    // The browser needs none of leptos_meta's code for it.
    if cfg!(target_family = "wasm") {
        Effect::new(move || browser::document().set_title(&labels::counted(page.unseen(), title.get())));
    } else {
        let _ = view! { <Title text=title.get_untracked()/> };
    }
    view! {
        <a class="skip" href="#text">"Skip to the message field"</a>
        <Whisper/>
        <div class="frame" data-awake=move || page.awake.get() data-folded=move || page.folded.get()>
            {knows_me.then(|| view! { <Sidebar/> })}
            <main class="page" id="main">
                <Topbar/>
                <Middle/>
                <div id=panel::PLACE></div>
                <Foot/>
            </main>
        </div>
        <Refresh/>
    }
}

/// The page looks as the account has chosen, here or in another of its browsers.
fn look_as(chosen: &Preferences) {
    let Some(root) = browser::document().document_element() else { return };
    for (name, value) in [("data-theme", &chosen.theme), ("data-text", &chosen.text), ("data-send", &chosen.send)] {
        let _ = root.set_attribute(name, value);
    }
}

#[component]
fn Middle() -> impl IntoView {
    let page = PageState::here();
    let shown = Memo::new(move |_| page.shown());
    let opening = || view! { <div class="opening" aria-busy="true"></div> }.into_any();
    move || match shown.get() {
        Shown::Start => view! { <Start/> }.into_any(),
        Shown::Thread(id) => page.draw.get().map_or_else(opening, |draw| (draw.conversation)(id)),
        Shown::Opening => opening(),
        Shown::Deleted => view! { <Deleted/> }.into_any(),
        Shown::Absent => view! { <Absent/> }.into_any(),
    }
}

/// The part that stays at the bottom of the window.
#[component]
fn Foot() -> impl IntoView {
    let page = PageState::here();
    let nothing_to_say = Memo::new(move |_| matches!(page.shown(), Shown::Deleted | Shown::Absent));
    let is_start = Memo::new(move |_| page.shown() == Shown::Start);
    view! {
        <div class="foot" id="latest" hidden=move || nothing_to_say.get()>
            <JumpToLatest/>
            <Notice/>
            <OthersHere/>
            <Composer/>
            {move || is_start.get().then(|| view! { <Examples/> })}
        </div>
    }
}

/// Without our code the page shows the text so far and looks again every two seconds while a reply is open.
///
/// A `meta` may only stand in the head; browsers heed it in the body as well, and only there can it follow the data.
/// Written as text, since a browser that runs scripts reads a `noscript` as text.
#[component]
fn Refresh() -> impl IntoView {
    let page = PageState::here();
    let open = untrack(|| page.open_reply().is_some());
    open.then(|| view! { <noscript inner_html=r#"<meta http-equiv="refresh" content="2">"#></noscript> })
}
