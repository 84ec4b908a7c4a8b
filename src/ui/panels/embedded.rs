//! A page of the server's in a dialog: sharing, the archive. It is the page that browsers without our code get, and its forms
//! do what they do there; what they lead to is shown in the dialog.

use super::shown::Shown;
use crate::browser::{self, page::Fetched};
use crate::error::Problem;
use crate::ui::page::PageState;
use crate::ui::panel::Panel;
use crate::ui::parts::dialog::Dialog;
use crate::ui::route::sharing;
use leptos::ev::{MouseEvent, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use std::future::Future;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// The style sheet of the server's pages.
const STYLE: &str = "/sheet.css";
/// How long a button says that it has copied.
const SAID_MS: u32 = 1_600;

/// A page of the server's, by the panel that shows it.
pub fn sheet(panel: Panel) -> AnyView {
    let (label, path, home) = match panel {
        Panel::Sharing(id) => ("Sharing", sharing(id), "/sharing"),
        Panel::Archive => ("Archive", "/archive".into(), "/archive"),
        _ => ("Settings", "/settings".into(), "/settings"),
    };
    view! { <Embedded label path home/> }.into_any()
}

/// `home`: pages whose address has this in it are shown here, and all others in place of this page.
#[component]
fn Embedded(label: &'static str, path: String, home: &'static str) -> impl IntoView {
    let (page, shown) = (PageState::here(), Shown::here());
    let place = NodeRef::<html::Div>::new();
    let is_busy = RwSignal::new(true);
    style();
    let show = move |fetching: std::pin::Pin<Box<dyn Future<Output = Option<Fetched>>>>, is_first: bool| {
        is_busy.set(true);
        spawn_local(async move {
            let fetched = fetching.await;
            let Some(place) = place.try_get_untracked().flatten() else { return };
            is_busy.set(false);
            match fetched {
                Some(Fetched { address, main: Some(main) }) if address.contains(home) => {
                    draw(&place, &main, is_first).await
                }
                Some(fetched) => browser::leave_for(&fetched.address),
                None => page.notice.set(Problem::Offline.to_string()),
            }
        });
    };
    Effect::new(move || {
        let path = path.clone();
        show(Box::pin(async move { browser::page::page(&path).await }), true);
    });
    let submitted = move |event: SubmitEvent| {
        let form = event.target().and_then(|form| form.dyn_into::<Element>().ok());
        // The dialog's own form closes it.
        let Some(form) = form.filter(|form| form.get_attribute("method").as_deref() != Some("dialog")) else { return };
        event.prevent_default();
        if !is_busy.get_untracked() {
            show(Box::pin(async move { browser::page::send(&form).await }), false);
        }
    };
    let pressed = move |event: MouseEvent| copy(page, &event);
    view! {
        <Dialog class="dialog embedded" label closed=move || shown.close()>
            <form method="dialog" class="embedded__close"><button class="plain" aria-label="Close">"✕"</button></form>
            <div class="sheet" node_ref=place aria-busy=move || is_busy.get().to_string() on:submit=submitted on:click=pressed></div>
        </Dialog>
    }
}

/// Loads the style of the server's pages, once.
fn style() {
    let document = browser::document();
    if document.query_selector(&format!("link[href=\"{STYLE}\"]")).is_ok_and(|link| link.is_some()) {
        return;
    }
    if let (Some(head), Ok(link)) = (document.head(), document.create_element("link")) {
        let _ = link.set_attribute("rel", "stylesheet");
        let _ = link.set_attribute("href", STYLE);
        let _ = head.append_child(&link);
    }
}

/// What a page of settings says about the look of pages is so for this one too.
fn look(place: &Element) {
    let (Some(chosen), Some(root)) =
        (place.query_selector("[data-look]").ok().flatten(), browser::document().document_element())
    else {
        return;
    };
    for name in ["data-theme", "data-text", "data-send"] {
        let _ = match chosen.get_attribute(name) {
            Some(value) => root.set_attribute(name, &value),
            None => root.remove_attribute(name),
        };
    }
}

async fn draw(place: &Element, main: &str, is_first: bool) {
    place.set_inner_html(main);
    look(place);
    // A secret that is shown once is copied by a press.
    if let Some(secret) = place.query_selector(".token").ok().flatten() {
        let _ = secret.insert_adjacent_html(
            "afterend",
            " <button type=\"button\" class=\"button button--quiet\" data-secret>Copy</button>",
        );
    }
    tick().await;
    let next = ["[autofocus]", "[aria-invalid=true]", "[role=alert]", "h1"].into_iter();
    let next = next.filter_map(|selector| place.query_selector(selector).ok().flatten()).next();
    if let Some(next) = next.filter(|_| !is_first) {
        // What was pressed is gone.
        let _ = next.set_attribute("tabindex", "-1");
        browser::focus(&next);
    }
}

fn copy(page: PageState, event: &MouseEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(button) = target.filter(|target| target.has_attribute("data-secret")) else { return };
    let Some(secret) = button.previous_element_sibling().and_then(|secret| secret.text_content()) else { return };
    spawn_local(async move {
        let done = browser::copy(&secret).await;
        page.say(if done { "Copied." } else { "The browser did not allow copying." });
        button.set_text_content(Some(if done { "Copied" } else { "Not copied" }));
        browser::sleep(SAID_MS).await;
        button.set_text_content(Some("Copy"));
    });
}
