//! The models to choose from, for the next message or for another reply to one: under their providers, with what they
//! cost and can read.

use crate::contract::{Changes, Offer, PreferencesChange};
use crate::event::Event;
use crate::model::{MessageId, Model};
use crate::ui::chosen_model::{chosen, pick};
use crate::ui::page::{ModelFor, PageState};
use crate::ui::panel::{PICKER, PLACE, again, take_typed};
use crate::ui::parts::listbox::{Choice, Listbox};
use crate::ui::{keys, lazy};
use crate::{api, browser};
use leptos::mount::mount_to;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::Cell;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

thread_local! {
    /// Whether the list's place is drawn. A browser's page has one thread.
    static IS_DRAWN: Cell<bool> = const { Cell::new(false) };
}

/// Draws the list where `choosing` says that it is open, from now on.
pub fn open(page: PageState) {
    if !IS_DRAWN.get() {
        IS_DRAWN.set(draw(page).is_some());
    }
}

fn draw(page: PageState) -> Option<()> {
    let place = browser::document().get_element_by_id(PLACE)?.dyn_into().ok()?;
    let owner = Owner::new_root(None);
    owner.with(|| {
        let offers = RwSignal::new(Vec::new());
        provide_context(page);
        load(offers);
        mount_to(place, move || move || page.choosing.get().map(|asked| view! { <Models asked offers/> })).forget();
    });
    // For as long as the page is there.
    std::mem::forget(owner);
    Some(())
}

/// What is known of the models. Not retried: they can be chosen without.
fn load(offers: RwSignal<Vec<Offer>>) {
    spawn_local(async move {
        if let Ok(known) = api::offers().await {
            offers.set(known);
        }
    });
}

#[component]
fn Models(asked: ModelFor, offers: RwSignal<Vec<Offer>>) -> impl IntoView {
    let page = PageState::here();
    let choices = Signal::derive(move || offers.with(|offers| choices(page, offers)));
    let choose = Callback::new(move |model: String| match asked {
        None => pick(page, model),
        Some(reply) => retry_with(page, reply, model),
    });
    let label = if asked.is_some() { "Try with" } else { "Model" };
    let chosen = untrack(|| chosen(page));
    let typed = take_typed();
    opener(asked).map(|opener| {
        view! { <Listbox label opener choices chosen typed choose favour=Callback::new(move |id| favour(page, id)) closed=move || page.choosing.set(None)/> }
    })
}

/// The control that opened the list.
fn opener(asked: ModelFor) -> Option<HtmlElement> {
    let id = asked.map_or_else(|| PICKER.to_owned(), again);
    browser::document().get_element_by_id(&id)?.dyn_into().ok()
}

/// Another reply by this model, which the conversation goes on with.
fn retry_with(page: PageState, reply: MessageId, model: String) {
    let Some(id) = page.place.get_untracked().conversation() else { return };
    page.following.set(true);
    page.attempt(async move {
        let changes = Changes { model: Some(model), ..Changes::default() };
        (lazy::now().await?.change)(id, changes).await?;
        api::retry(reply).await
    });
    keys::focus_field();
}

/// Has a model offered first, or no more.
fn favour(page: PageState, id: String) {
    let mut favourites =
        page.live.preferences.with_untracked(|it| it.as_ref().map(|it| it.favourites.clone())).unwrap_or_default();
    let before = favourites.len();
    favourites.retain(|known| *known != id);
    let is_new = favourites.len() == before;
    if is_new {
        favourites.push(id);
    }
    page.attempt(async move {
        let change = PreferencesChange { favourites: Some(favourites), ..PreferencesChange::default() };
        let preferences = Box::new(api::prefer(change).await?);
        page.live.listed_event(&Event::Preferences { preferences });
        page.say(if is_new { "It is a favourite." } else { "It is no favourite any more." });
        Ok(())
    });
}

/// The favourites, then the others in the order of their providers, and each provider's in the order of the settings.
fn choices(page: PageState, offers: &[Offer]) -> Vec<Choice> {
    let models = page.models.get();
    let mut providers: Vec<&str> = Vec::new();
    for model in &models {
        if !providers.contains(&model.provider.as_str()) {
            providers.push(&model.provider);
        }
    }
    let of = |provider: &&str| models.iter().filter(move |model| model.provider == **provider).collect::<Vec<_>>();
    let choice = |model: &Model| Choice {
        id: model.id.clone(),
        words: model.name.clone(),
        group: model.provider.clone(),
        aside: offers.iter().find(|offer| offer.id == model.id).map(|offer| offer.about.clone()).unwrap_or_default(),
        sees: model.images,
        is_favourite: false,
    };
    let favourites = page.live.preferences.with(|it| it.as_ref().map(|it| it.favourites.clone())).unwrap_or_default();
    let first = favourites.iter().filter_map(|id| models.iter().find(|model| model.id == *id));
    let first = first.map(|model| Choice { group: "Favourites".into(), is_favourite: true, ..choice(model) });
    let others = providers.iter().flat_map(of).filter(|model| !favourites.contains(&model.id)).map(choice);
    first.chain(others).collect()
}
