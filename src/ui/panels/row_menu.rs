//! The menu of a conversation in the list, the field for its new title, and its deletion with a way back.

use super::shown::Shown;
use crate::contract::{Changes, Placement};
use crate::error::Problem;
use crate::event::Event;
use crate::model::{Conversation, ConversationId};
use crate::ui::drawer;
use crate::ui::icon;
use crate::ui::keys;
use crate::ui::labels;
use crate::ui::page::PageState;
use crate::ui::panel::Panel;
use crate::ui::parts::menu::{Act, Item, Menu};
use crate::ui::parts::toast::Undo;
use crate::ui::route::Route;
use crate::{api, browser};
use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html;
use leptos::portal::Portal;
use leptos::prelude::*;
use leptos::task::{spawn_local, tick};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The row's link to its conversation.
fn link(id: ConversationId) -> Option<Element> {
    let selector = format!(".entry__link[href=\"/c/{id}\"]");
    browser::document().query_selector(&selector).ok().flatten()
}

/// The row, and what opens its menu.
fn row(id: ConversationId) -> Option<(Element, HtmlElement)> {
    let row = link(id)?.closest(".entry").ok()??;
    let opener = row.query_selector(".entry__more").ok()??.dyn_into().ok()?;
    Some((row, opener))
}

fn listed(page: PageState, id: ConversationId) -> Option<Conversation> {
    page.live.list.with_untracked(|list| list.iter().find(|conversation| conversation.id == id).cloned())
}

#[component]
pub fn RowMenu(id: ConversationId, undo: RwSignal<Option<Undo>>) -> impl IntoView {
    let (page, shown) = (PageState::here(), Shown::here());
    // Deleted or pushed off the list meanwhile.
    let (Some(conversation), Some((row, opener))) = (listed(page, id), row(id)) else { return ().into_any() };
    let is_theirs = conversation.owner.as_ref().is_some_and(|owner| page.is_other(owner.id));
    let label = format!("Options for “{}”", labels::name(&conversation));
    let item = |words, icon, act| Item { words, icon, act, is_grave: false };
    let export = item("Export", icon::EXPORT, Act::Download(format!("/c/{id}/export")));
    let is_pinned = conversation.standing.pinned == Some(true);
    let pin = Callback::new(move |()| pin(page, id, !is_pinned));
    let pin = item(if is_pinned { "Unpin" } else { "Pin" }, icon::PIN, Act::Do(pin));
    let put_away = {
        let conversation = conversation.clone();
        Callback::new(move |()| put_away(page, &conversation, undo))
    };
    let put_away = item("Put away", icon::ARCHIVE, Act::Do(put_away));
    let share = Callback::new(move |()| shown.open(Panel::Sharing(id)));
    let items = match is_theirs {
        true => vec![pin, item("People, and leaving", icon::PEOPLE, Act::Do(share)), export, put_away],
        false => {
            let rename = Callback::new(move |()| shown.open(Panel::Rename(id)));
            let delete = Callback::new(move |()| delete(page, &conversation, undo));
            vec![
                item("Rename", icon::EDIT, Act::Do(rename)),
                pin,
                item("Share", icon::PEOPLE, Act::Do(share)),
                export,
                put_away,
                Item { is_grave: true, ..item("Delete", icon::DELETE, Act::Do(delete)) },
            ]
        }
    };
    let closed = move || {
        if shown.get() == Some(Panel::Menu(id)) {
            shown.close();
        }
    };
    view! { <Menu label opener mount=row items closed/> }.into_any()
}

/// The field is in the place of the row's title. Enter and leaving the field save it, Escape does not.
#[component]
pub fn Rename(id: ConversationId) -> impl IntoView {
    let (page, shown) = (PageState::here(), Shown::here());
    let (Some(conversation), Some((row, _))) = (listed(page, id), row(id)) else { return ().into_any() };
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(field) = field.get() {
            browser::focus(&field);
            field.select();
        }
    });
    let before = StoredValue::new(conversation.title);
    let leave = move || {
        if shown.get() == Some(Panel::Rename(id)) {
            shown.close();
        }
    };
    let save = move |returns: bool| {
        let title = field.get_untracked().map(|field| field.value()).unwrap_or_default();
        let is_changed = !title.trim().is_empty() && before.with_value(|before| *before != title);
        leave();
        spawn_local(async move {
            if is_changed {
                rename(page, id, title).await;
            }
            if returns {
                refocus_row(id).await;
            }
        });
    };
    let pressed = move |event: KeyboardEvent| {
        if event.key() == "Escape" && !keys::composes(&event) {
            // It closes the field and must not stop the open reply as well.
            event.stop_propagation();
            event.prevent_default();
            leave();
            focus_row(id);
        }
    };
    let submitted = move |event: SubmitEvent| {
        event.prevent_default();
        save(true);
    };
    let left = move |_| {
        if shown.get() == Some(Panel::Rename(id)) {
            save(false);
        }
    };
    view! {
        <Portal mount=row>
            <form class="rename" on:submit=submitted on:keydown=pressed>
                <label class="unseen" for="new-title">"Title"</label>
                <input class="field" id="new-title" dir="auto" maxlength="200" autocomplete="off"
                    value=before.get_value() node_ref=field on:blur=left/>
            </form>
        </Portal>
    }
    .into_any()
}

fn focus_row(id: ConversationId) {
    if let Some(link) = link(id) {
        browser::focus(&link);
    }
}

/// Gives the row the focus that went with what was pressed, unless the user has moved on since.
async fn refocus_row(id: ConversationId) {
    tick().await;
    if browser::is_unfocused() {
        focus_row(id);
    }
}

async fn rename(page: PageState, id: ConversationId, title: String) {
    page.notice.set(String::new());
    match api::change(id, Changes { title: Some(title), ..Changes::default() }).await {
        Ok(conversation) => {
            page.live.listed_event(&Event::Conversation { conversation: Box::new(conversation) });
            page.say("Renamed.");
        }
        Err(problem) => page.notice.set(problem.to_string()),
    }
}

fn pin(page: PageState, id: ConversationId, is_pinned: bool) {
    page.attempt(async move {
        place(page, id, Placement { pinned: Some(is_pinned), archived: None }).await?;
        page.say(if is_pinned { "Pinned." } else { "No longer pinned." });
        refocus_row(id).await;
        Ok(())
    });
}

async fn place(page: PageState, id: ConversationId, placement: Placement) -> Result<(), Problem> {
    let conversation = Box::new(api::place(id, placement).await?);
    page.live.listed_event(&Event::Conversation { conversation });
    Ok(())
}

/// Takes the conversation out of the list, and offers to put it back.
fn put_away(page: PageState, conversation: &Conversation, undo: RwSignal<Option<Undo>>) {
    let (id, name) = (conversation.id, labels::name(conversation));
    page.attempt(async move {
        place(page, id, Placement { pinned: None, archived: Some(true) }).await?;
        let back = Callback::new(move |()| {
            page.attempt(async move {
                place(page, id, Placement { pinned: None, archived: Some(false) }).await?;
                page.say("It is back.");
                refocus_row(id).await;
                Ok(())
            });
        });
        undo.set(Some(Undo { words: format!("“{name}” is in your archive."), undo: back }));
        focus_after().await;
        Ok(())
    });
}

/// Deletes the conversation, and offers to bring it back.
fn delete(page: PageState, conversation: &Conversation, undo: RwSignal<Option<Undo>>) {
    let (id, name) = (conversation.id, labels::name(conversation));
    page.attempt(async move {
        api::delete(id).await?;
        let was_open = page.place.get_untracked() == Route::Conversation(id);
        if was_open {
            page.address.go(Route::Start);
        }
        page.live.listed_event(&Event::Deleted { conversation: id });
        let back = Callback::new(move |()| page.attempt(bring_back(page, id, was_open)));
        undo.set(Some(Undo { words: format!("“{name}” is deleted."), undo: back }));
        focus_after().await;
        Ok(())
    });
}

/// The row is gone: the focus goes to the list where that is over the page, else to the message field; unless the user has
/// moved on since.
async fn focus_after() {
    // The field may be hidden until the start page is drawn.
    tick().await;
    if !browser::is_unfocused() {
        return;
    }
    let first = browser::document().query_selector(".sidebar__new").ok().flatten();
    match first.filter(|_| drawer::is_open()) {
        Some(first) => browser::focus(&first),
        None => keys::focus_field(),
    }
}

async fn bring_back(page: PageState, id: ConversationId, was_open: bool) -> Result<(), Problem> {
    let conversation = api::bring_back(id).await?;
    page.live.listed_event(&Event::Conversation { conversation: Box::new(conversation) });
    page.say("It is back.");
    if was_open {
        page.address.go(Route::Conversation(id));
    } else {
        refocus_row(id).await;
    }
    Ok(())
}
