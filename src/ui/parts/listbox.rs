//! A list to choose one from, with a field that filters it: the editable combobox of the ARIA Authoring Practices, in a
//! popover beside what opened it. The focus stays in the field while the arrow keys move in the list; Enter chooses. The
//! browser closes it on Escape and on a press outside, and returns the focus to what opened it.

use crate::browser::{self, place_beside, was_hidden};
use crate::ui::icon::{self, Icon};
use crate::ui::keys;
use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use web_sys::HtmlElement;

/// The id of the list, which the field names.
const LIST: &str = "listbox-choices";

/// What can be chosen.
#[derive(Clone, PartialEq)]
pub struct Choice {
    pub id: String,
    pub words: String,
    /// The heading that it stands under.
    pub group: String,
    /// What is known of it, at its end.
    pub aside: String,
    /// Whether images can be shown to it.
    pub sees: bool,
}

/// `choices` are in the order of their groups. `chosen` is the id of the one that is chosen already; `typed`, what they
/// are filtered by at first.
#[component]
pub fn Listbox(
    label: &'static str,
    opener: HtmlElement,
    choices: Signal<Vec<Choice>>,
    chosen: String,
    typed: String,
    choose: Callback<String>,
    closed: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let popover = NodeRef::<html::Div>::new();
    let field = NodeRef::<html::Input>::new();
    let query = RwSignal::new(typed);
    let shown = Memo::new(move |_| choices.with(|all| filtered(all, &query.get())));
    let first = shown.with_untracked(|shown| shown.iter().position(|choice| choice.id == chosen));
    let at = RwSignal::new(first.unwrap_or_default());
    open(popover, field, opener, at);
    let toggled = move |_| {
        if popover.get_untracked().is_some_and(|it| was_hidden(&it)) {
            closed();
        }
    };
    let take = move |number: usize| {
        let Some(choice) = shown.with_untracked(|shown| shown.get(number).cloned()) else { return };
        hide(popover);
        choose.run(choice.id);
    };
    let pressed = move |event: KeyboardEvent| match event.key().as_str() {
        // On from what opened it, which has the focus again.
        "Tab" => hide(popover),
        _ => press(&event, at, shown.with_untracked(Vec::len), take),
    };
    let typed = move |event| {
        at.set(0);
        query.set(event_target_value(&event));
    };
    let rows = move || {
        let rows = shown.get();
        groups(&rows).into_iter().map(|(start, end)| group(start, &rows[start..end], &chosen, at, take)).collect_view()
    };
    view! {
        <div class="listbox" role="dialog" aria-label=label popover="auto" node_ref=popover on:toggle=toggled>
            <input class="palette__field" type="text" role="combobox" aria-label=label placeholder="Filter" aria-expanded="true"
                aria-controls=LIST aria-autocomplete="list" autocomplete="off" spellcheck="false" dir="auto"
                aria-activedescendant=move || (at.get() < shown.with(Vec::len)).then(|| id(at.get()))
                value=query.get_untracked() node_ref=field on:keydown=pressed on:input=typed/>
            <div class="palette__choices" id=LIST role="listbox" aria-label=label>{rows}</div>
            <p class="palette__said" role="status">{move || shown.with(Vec::is_empty).then_some("Nothing has this in its name.")}</p>
        </div>
    }
}

/// Opens the popover beside what asks for it, once it is there, with what is chosen in view.
fn open(popover: NodeRef<html::Div>, field: NodeRef<html::Input>, opener: HtmlElement, at: RwSignal<usize>) {
    let opener = StoredValue::new_local(opener);
    Effect::new(move || {
        let (Some(popover), Some(field)) = (popover.get(), field.get()) else { return };
        // Focused, so that the browser gives the focus back to it.
        opener.with_value(|opener| browser::focus(opener));
        let _ = popover.show_popover();
        opener.with_value(|opener| place_beside(&popover, opener));
        browser::focus_at_end(&field);
        reveal(at.get_untracked());
    });
}

fn hide(popover: NodeRef<html::Div>) {
    if let Some(popover) = popover.get_untracked() {
        let _ = popover.hide_popover();
    }
}

fn press(event: &KeyboardEvent, at: RwSignal<usize>, count: usize, take: impl Fn(usize)) {
    let (here, last) = (at.get_untracked(), count.saturating_sub(1));
    // The keys are those of what is being composed.
    if keys::composes(event) {
        return;
    }
    match event.key().as_str() {
        "ArrowDown" => at.set(if here < last { here + 1 } else { 0 }),
        "ArrowUp" => at.set(here.checked_sub(1).unwrap_or(last)),
        "PageDown" => at.set((here + PAGE).min(last)),
        "PageUp" => at.set(here.saturating_sub(PAGE)),
        "Enter" => take(here),
        _ => return,
    }
    event.prevent_default();
    reveal(at.get_untracked());
}

/// How many choices Page Up and Page Down move by: about as many as are seen at one time.
const PAGE: usize = 8;

fn id(number: usize) -> String {
    format!("{LIST}-{number}")
}

fn reveal(number: usize) {
    if let Some(choice) = browser::document().get_element_by_id(&id(number)) {
        browser::reveal(&choice);
    }
}

/// Those that have each word of `query` in their name, their id or their group.
fn filtered(all: &[Choice], query: &str) -> Vec<Choice> {
    let query = query.to_lowercase();
    let fits = |choice: &&Choice| {
        let text = [choice.words.as_str(), &choice.id, &choice.group].join("\n").to_lowercase();
        query.split_whitespace().all(|word| text.contains(word))
    };
    all.iter().filter(fits).cloned().collect()
}

/// Where each group begins and ends.
fn groups(rows: &[Choice]) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        match groups.last_mut() {
            Some((start, end)) if rows[*start].group == row.group => *end = number + 1,
            _ => groups.push((number, number + 1)),
        }
    }
    groups
}

fn group(
    first: usize,
    rows: &[Choice],
    chosen: &str,
    at: RwSignal<usize>,
    take: impl Fn(usize) + Copy + 'static,
) -> AnyView {
    let label = rows[0].group.clone();
    let options = rows.iter().enumerate().map(|(index, row)| {
        let number = first + index;
        let Choice { words, aside, sees, .. } = row.clone();
        let is_chosen = row.id == chosen;
        view! {
            <li role="option" id=id(number) data-at=move || at.get() == number aria-selected=is_chosen.to_string()
                on:pointermove=move |_| at.set(number) on:click=move |_| take(number)>
                <span class="palette__words" dir="auto">{words}</span>
                {sees.then(|| view! { <span class="listbox__sees" title="Sees images"><Icon path=icon::EYE/><span class="unseen">"Sees images"</span></span> })}
                <span class="listbox__aside">{aside}</span>
            </li>
        }
    });
    view! { <ul role="group" aria-label=label>{options.collect_view()}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(id: &str, group: &str) -> Choice {
        let words = id.to_uppercase();
        Choice { id: id.into(), words, group: group.into(), aside: String::new(), sees: false }
    }

    #[test]
    fn a_filter_finds_each_word_in_name_id_or_heading() {
        let all = [choice("b/large-2", "beta"), choice("a/small", "alpha")];
        let ids = |query: &str| filtered(&all, query).into_iter().map(|choice| choice.id).collect::<Vec<_>>();
        assert_eq!(ids(""), ["b/large-2", "a/small"]);
        assert_eq!(ids("LARGE beta"), ["b/large-2"]);
        assert_eq!(ids(" alpha "), ["a/small"]);
        assert_eq!(ids("large alpha"), Vec::<String>::new());
    }

    #[test]
    fn neighbours_of_one_heading_are_a_group() {
        let all = [choice("a", "x"), choice("b", "x"), choice("c", "y")];
        assert_eq!(groups(&all), [(0, 2), (2, 3)]);
        assert_eq!(groups(&[]), []);
    }
}
