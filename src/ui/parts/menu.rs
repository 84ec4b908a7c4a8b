//! A popover menu. The browser closes it on Escape and on a press outside, and returns the focus; the arrow keys, Home,
//! End and the first letter of an entry move in it.

use crate::browser::{self, place_beside, was_hidden};
use crate::ui::icon::Icon;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::portal::Portal;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// An entry.
#[derive(Clone)]
pub struct Item {
    pub words: &'static str,
    pub icon: &'static str,
    pub act: Act,
    /// Whether it takes something away.
    pub is_grave: bool,
}

/// What an entry does.
#[derive(Clone)]
pub enum Act {
    /// Leads to an address.
    Go(String),
    /// Downloads from an address.
    Download(String),
    Do(Callback<()>),
}

/// The menu of `opener`, drawn in `mount`: an open popover stays open only around its own.
#[component]
pub fn Menu(
    label: String,
    opener: HtmlElement,
    mount: Element,
    items: Vec<Item>,
    closed: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let menu = NodeRef::<html::Div>::new();
    let opener = StoredValue::new_local(opener);
    Effect::new(move || {
        let Some(menu) = menu.get() else { return };
        // Focused, so that the browser gives the focus back to it.
        opener.with_value(|opener| browser::focus(opener));
        let _ = menu.show_popover();
        opener.with_value(|opener| place_beside(&menu, opener));
        step(&menu, |_, _| 0);
    });
    let toggled = move |_| {
        if menu.get_untracked().is_some_and(|menu| was_hidden(&menu)) {
            closed();
        }
    };
    let pressed = move |event: KeyboardEvent| {
        if let Some(menu) = menu.get_untracked() {
            press(&menu, &event);
        }
    };
    let hide = move || {
        if let Some(menu) = menu.get_untracked() {
            let _ = menu.hide_popover();
        }
    };
    let items = StoredValue::new(items);
    view! {
        <Portal mount>
            <div class="menu" role="menu" aria-label=label.clone() popover="auto" node_ref=menu on:toggle=toggled on:keydown=pressed>
                {items.get_value().into_iter().map(|item| entry(item, hide)).collect_view()}
            </div>
        </Portal>
    }
}

fn entry(item: Item, hide: impl Fn() + Copy + 'static) -> AnyView {
    let Item { words, icon, act, is_grave } = item;
    let grave = is_grave.then_some("");
    let inner = view! { <Icon path=icon/><span>{words}</span> };
    match act {
        Act::Go(href) => view! { <a role="menuitem" tabindex="-1" href=href data-grave=grave>{inner}</a> }.into_any(),
        Act::Download(href) => {
            view! { <a role="menuitem" tabindex="-1" href=href download on:click=move |_| hide()>{inner}</a> }
                .into_any()
        }
        Act::Do(run) => {
            let pressed = move |_| {
                hide();
                run.run(());
            };
            view! { <button type="button" role="menuitem" tabindex="-1" data-grave=grave on:click=pressed>{inner}</button> }
                .into_any()
        }
    }
}

/// Moves the focus to the entry that `to` names, by the number of the focused one and how many there are.
fn step(menu: &Element, to: impl Fn(usize, usize) -> usize) {
    let entries = entries(menu);
    let here = browser::document().active_element();
    let at = entries.iter().position(|entry| here.as_ref() == Some(entry)).unwrap_or_default();
    if let Some(entry) = entries.get(to(at, entries.len())) {
        browser::focus(entry);
    }
}

fn entries(menu: &Element) -> Vec<Element> {
    let Ok(found) = menu.query_selector_all("[role=menuitem]") else { return Vec::new() };
    (0..found.length()).filter_map(|at| found.get(at)?.dyn_into().ok()).collect()
}

fn press(menu: &Element, event: &KeyboardEvent) {
    match event.key().as_str() {
        "ArrowDown" => step(menu, |at, count| (at + 1) % count.max(1)),
        "ArrowUp" => step(menu, |at, count| (at + count.max(1) - 1) % count.max(1)),
        "Home" => step(menu, |_, _| 0),
        "End" => step(menu, |_, count| count.saturating_sub(1)),
        "Tab" => {
            let _ = menu.unchecked_ref::<HtmlElement>().hide_popover();
            return;
        }
        // A link follows Enter by itself, but not the space bar.
        " " => {
            if let Some(entry) = browser::document().active_element() {
                entry.unchecked_ref::<HtmlElement>().click();
            }
        }
        letter if letter.chars().count() == 1 && !event.ctrl_key() && !event.meta_key() => begin_with(menu, letter),
        _ => return,
    }
    event.prevent_default();
    event.stop_propagation();
}

/// Moves the focus to the next entry that begins with this letter.
fn begin_with(menu: &Element, letter: &str) {
    let entries = entries(menu);
    let here = browser::document().active_element();
    let at = entries.iter().position(|entry| here.as_ref() == Some(entry)).unwrap_or_default();
    let begins =
        |entry: &&Element| entry.text_content().unwrap_or_default().to_lowercase().starts_with(&letter.to_lowercase());
    let next = entries.iter().cycle().skip(at + 1).take(entries.len()).find(begins);
    if let Some(entry) = next {
        browser::focus(entry);
    }
}
