//! Search as one types, and everything that the page can do by a word: a text field with a list of choices (the combobox
//! of the ARIA Authoring Practices).

use super::shown::Shown;
use crate::contract::{Found, FoundList};
use crate::error::Problem;
use crate::model::ConversationId;
use crate::ui::icon::{self, Icon};
use crate::ui::keys;
use crate::ui::labels::{self, marked};
use crate::ui::page::PageState;
use crate::ui::panel::{Panel, take_typed};
use crate::ui::parts::dialog::Dialog;
use crate::ui::route::{Route, sharing};
use crate::{api, browser};
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The pause after a keystroke before the server is asked.
const PAUSE_MS: u32 = 120;
/// Conversations that are named before a word is typed.
const RECENT: usize = 7;

/// A choice in the list.
#[derive(Clone, PartialEq)]
struct Choice {
    words: Marked,
    /// The text around the words that were found.
    excerpt: Option<Marked>,
    icon: &'static str,
    act: Act,
}

/// The parts of a text, each with whether it was searched for.
type Marked = Vec<(bool, String)>;

/// What a choice does.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Show(Route),
    Instructions,
    Keys,
    Leave(Place),
}

/// A page that the server draws.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Search,
    Settings,
    Archive,
    Account,
    Sharing(ConversationId),
    /// And what it is exported as.
    Export(ConversationId, &'static str),
}

#[component]
pub fn Palette() -> impl IntoView {
    let (page, shown) = (PageState::here(), Shown::here());
    let query = RwSignal::new(take_typed());
    let found = RwSignal::new(FoundList::default());
    let said = RwSignal::new(String::new());
    search_as_one_types(query, found, said);
    let actions = Memo::new(move |_| actions(page, &query.get()));
    let hits = Memo::new(move |_| hits(page, &query.get(), &found.get()));
    let at = RwSignal::new(0_usize);
    let all = move || actions.get().into_iter().chain(hits.get()).collect::<Vec<_>>();
    let close = move || shown.close();
    let choose = move |number: usize| {
        let Some(choice) = untrack(all).get(number).cloned() else { return };
        close();
        match choice.act {
            Act::Keys => shown.open(Panel::Keys),
            Act::Leave(Place::Sharing(id)) => shown.open(Panel::Sharing(id)),
            Act::Leave(Place::Archive) => shown.open(Panel::Archive),
            Act::Leave(Place::Settings) => shown.open(Panel::Settings),
            act => run(page, act, &query.get_untracked()),
        }
    };
    let pressed = move |event: KeyboardEvent| {
        let count = untrack(all).len().max(1);
        let here = at.get_untracked();
        // The keys are those of what is being composed.
        if keys::composes(&event) {
            return;
        }
        match event.key().as_str() {
            "ArrowDown" => at.set((here + 1) % count),
            "ArrowUp" => at.set((here + count - 1) % count),
            "Enter" => choose(here),
            _ => return,
        }
        event.prevent_default();
        reveal(at.get_untracked());
    };
    let typed = move |event| {
        at.set(0);
        query.set(event_target_value(&event));
    };
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(field) = field.get() {
            browser::focus_at_end(&field);
        }
    });
    let group = move |label: &'static str, first: Signal<usize>, choices: Memo<Vec<Choice>>| {
        view! {
            <ul role="group" aria-label=label hidden=move || choices.with(Vec::is_empty)>
                {move || {
                    let first = first.get();
                    let draw = |(index, choice)| option(choice, first + index, at, choose);
                    choices.get().into_iter().enumerate().map(draw).collect_view()
                }}
            </ul>
        }
    };
    let behind = Signal::derive(move || actions.with(Vec::len));
    view! {
        <Dialog class="dialog palette" label="Search and commands" closed=close>
            <input class="palette__field" type="text" role="combobox" aria-label="Search, or say what to do" placeholder="Search, or say what to do"
                aria-expanded="true" aria-controls="choices" aria-autocomplete="list" autocomplete="off" spellcheck="false" dir="auto"
                aria-activedescendant=move || format!("choice-{}", at.get()) value=query.get_untracked() node_ref=field on:keydown=pressed on:input=typed/>
            <div class="palette__choices" id="choices" role="listbox" aria-label="Choices">
                {group("Commands", Signal::derive(|| 0), actions)}
                {group("Conversations", behind, hits)}
            </div>
            <p class="palette__said" role="status">{move || said.get()}</p>
        </Dialog>
    }
}

fn option(
    choice: Choice,
    number: usize,
    at: RwSignal<usize>,
    choose: impl Fn(usize) + Copy + 'static,
) -> impl IntoView {
    let Choice { words, excerpt, icon, .. } = choice;
    let parts = |parts: Marked| {
        parts.into_iter().map(|(is_hit, part)| match is_hit {
            true => view! { <mark>{part}</mark> }.into_any(),
            false => part.into_any(),
        })
    };
    view! {
        <li role="option" id=format!("choice-{number}") aria-selected=move || (at.get() == number).to_string()
            on:pointermove=move |_| at.set(number) on:click=move |_| choose(number)>
            <Icon path=icon/>
            <span class="palette__words" dir="auto">{parts(words).collect_view()}</span>
            {excerpt.map(|text| view! { <span class="palette__excerpt" dir="auto">{parts(text).collect_view()}</span> })}
        </li>
    }
}

fn reveal(number: usize) {
    if let Some(choice) = browser::document().get_element_by_id(&format!("choice-{number}")) {
        browser::reveal(&choice);
    }
}

/// The commands whose words begin with what is typed.
fn actions(page: PageState, query: &str) -> Vec<Choice> {
    let mut all = vec![("New conversation", icon::PLUS, Act::Show(Route::Start))];
    let here = page.place.get_untracked().conversation();
    if here.is_none() || page.access() == crate::model::Access::Owner {
        all.push(("Instructions and settings", icon::EDIT, Act::Instructions));
    }
    if let Some(id) = here {
        all.push(("Share this conversation", icon::PEOPLE, Act::Leave(Place::Sharing(id))));
        for (words, kind) in [
            ("Export this conversation as Markdown", "markdown"),
            ("Export this conversation as a page in one file", "html"),
            ("Export this conversation as JSON", "json"),
        ] {
            all.push((words, icon::EXPORT, Act::Leave(Place::Export(id, kind))));
        }
    }
    all.push(("Archive: conversations that were put away", icon::ARCHIVE, Act::Leave(Place::Archive)));
    all.push(("Settings: theme, size of text, key that sends", icon::KEYS, Act::Leave(Place::Settings)));
    all.push(("Account", icon::PEOPLE, Act::Leave(Place::Account)));
    all.push(("Keys", icon::KEYS, Act::Keys));
    if !query.trim().is_empty() {
        all.push(("Search on a page of its own", icon::SEARCH, Act::Leave(Place::Search)));
    }
    let typed = query.trim().to_lowercase();
    let fits = |words: &str, act: Act| {
        let is_search = act == Act::Leave(Place::Search);
        is_search
            || words.to_lowercase().split(' ').any(|word| word.starts_with(&typed))
            || words.to_lowercase().starts_with(&typed)
    };
    let choice = |(words, icon, act): (&str, &'static str, Act)| Choice {
        words: vec![(false, words.to_owned())],
        excerpt: None,
        icon,
        act,
    };
    all.into_iter().filter(|(words, _, act)| fits(words, *act)).map(choice).collect()
}

/// The conversations that were found; the newest ones before a word is typed.
fn hits(page: PageState, query: &str, found: &FoundList) -> Vec<Choice> {
    let choice = |words: &str, excerpt: Option<&str>, id: ConversationId| Choice {
        words: marked(words, query),
        excerpt: excerpt.map(|text| marked(text, query)),
        icon: icon::CONVERSATION,
        act: Act::Show(Route::Conversation(id)),
    };
    if query.trim().is_empty() {
        return page
            .live
            .list
            .with(|list| list.iter().take(RECENT).map(|known| choice(&labels::name(known), None, known.id)).collect());
    }
    let mut before = None;
    let hit = |Found { conversation, title, excerpt }: &Found| {
        let title = if title.is_empty() { "New conversation" } else { title };
        // Under one title stands all that was found in its conversation.
        match (before.replace(*conversation) == Some(*conversation), excerpt) {
            (true, Some(excerpt)) => Choice { icon: icon::NONE, ..choice(excerpt, None, *conversation) },
            _ => choice(title, excerpt.as_deref(), *conversation),
        }
    };
    found.hits.iter().map(hit).collect()
}

fn run(page: PageState, act: Act, query: &str) {
    let account =
        if page.me.with_value(|me| me.as_ref().is_some_and(|me| me.name.is_some())) { "/account" } else { "/sign-in" };
    match act {
        Act::Show(route) => page.address.go(route),
        Act::Keys => {}
        Act::Instructions => {
            if let Some(summary) = browser::document().query_selector(".instructions > summary").ok().flatten() {
                browser::focus(&summary);
                browser::click(&summary);
            }
        }
        Act::Leave(Place::Account) => browser::leave_for(account),
        Act::Leave(Place::Archive) => browser::leave_for("/archive"),
        Act::Leave(Place::Settings) => browser::leave_for("/settings"),
        Act::Leave(Place::Sharing(id)) => browser::leave_for(&sharing(id)),
        Act::Leave(Place::Export(id, kind)) => browser::leave_for(&format!("/c/{id}/export?as={kind}")),
        Act::Leave(Place::Search) => {
            let query: String = js_sys::encode_uri_component(query.trim()).into();
            browser::leave_for(&format!("/search?q={query}"));
        }
    }
}

/// Asks the server after a pause in the typing; an answer that is not to the newest words is dropped.
fn search_as_one_types(query: RwSignal<String>, found: RwSignal<FoundList>, said: RwSignal<String>) {
    let newest = StoredValue::new(0_u32);
    on_cleanup(move || {
        newest.try_update_value(|newest| *newest = u32::MAX);
    });
    Effect::new(move || {
        let words = query.get().trim().to_owned();
        let Some(number) = newest.try_update_value(|newest| {
            *newest += 1;
            *newest
        }) else {
            return;
        };
        let is_newest = move || newest.try_get_value() == Some(number);
        said.set(String::new());
        if words.is_empty() {
            return found.set(FoundList::default());
        }
        spawn_local(async move {
            loop {
                browser::sleep(PAUSE_MS).await;
                if !is_newest() {
                    return;
                }
                let answer = api::search(words.clone()).await;
                if !is_newest() {
                    return;
                }
                match answer {
                    // The search for the former words is still running.
                    Err(Problem::TooMany { .. }) => {}
                    Ok(list) => {
                        said.set(outcome(&list));
                        return found.set(list);
                    }
                    Err(problem) => return said.set(problem.to_string()),
                }
            }
        });
    });
}

fn outcome(list: &FoundList) -> String {
    match (list.hits.len(), list.has_more) {
        (0, false) => "Nothing was found.".into(),
        (0, true) => "Nothing in the newest conversations. The search page looks through older ones.".into(),
        (1, _) => "One result.".into(),
        (count, false) => format!("{count} results."),
        (count, true) => format!("{count} results, and more on the search page."),
    }
}
