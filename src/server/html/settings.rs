//! The settings: how Rivulet looks, which key sends, what is announced, and what models are told everywhere. An account's
//! are kept with it; of a browser without one, the look is in a cookie. The app shows this page in a dialog.

use super::form::{Choice, Hidden, LongField};
use super::{Notice, Sheet, Width};
use crate::model::preferences::{ANNOUNCED, KEYS, TEXTS, THEMES};
use crate::model::{Model, Preferences};
use crate::server::preferences::MAX_INSTRUCTIONS;
use crate::server::principal::Owner;
use leptos::prelude::*;

/// The labels of what can be chosen, in the order of the values.
const THEME_LABELS: [&str; 3] = ["As the device", "Light", "Dark"];
const TEXT_LABELS: [&str; 3] = ["Normal", "Larger", "Largest"];
const KEY_LABELS: [&str; 2] = ["Enter", "Ctrl and Enter; Enter breaks the line"];
const ANNOUNCED_LABELS: [&str; 3] = ["Each step", "Only that it has ended", "Nothing"];

/// How pages look, as one browser or its account has chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    theme: &'static str,
    text: &'static str,
    send: &'static str,
}

fn known(options: &[&'static str], value: &str) -> &'static str {
    options.iter().find(|known| **known == value).unwrap_or(&options[0])
}

impl Look {
    /// Unknown values are as if nothing was chosen.
    pub fn new(theme: &str, text: &str, send: &str) -> Self {
        Self { theme: known(&THEMES, theme), text: known(&TEXTS, text), send: known(&KEYS, send) }
    }

    /// Of what an account has chosen.
    pub fn of(preferences: &Preferences) -> Self {
        Self::new(&preferences.theme, &preferences.text, &preferences.send)
    }

    /// Of the cookie's value, as [`Look::cookie`] writes it.
    pub fn of_cookie(value: &str) -> Self {
        let mut parts = value.split('.');
        let mut part = || parts.next().unwrap_or_default();
        Self::new(part(), part(), part())
    }

    pub fn cookie(self) -> String {
        [self.theme, self.text, self.send].join(".")
    }

    /// These choices, with all else as it is without one.
    pub fn preferences(self) -> Preferences {
        let [theme, text, send] = [self.theme, self.text, self.send].map(str::to_owned);
        Preferences { theme, text, send, ..Preferences::default() }
    }

    /// The attributes of a page's root element. None where nothing was chosen.
    pub fn attributes(self) -> Option<String> {
        let chosen = |name: &str, value: &str, options: &[&str]| {
            if value == options[0] { String::new() } else { format!(" data-{name}=\"{value}\"") }
        };
        let all = chosen("theme", self.theme, &THEMES)
            + &chosen("text", self.text, &TEXTS)
            + &chosen("send", self.send, &KEYS);
        Some(all).filter(|all| !all.is_empty())
    }
}

/// Who looks at the settings.
pub struct Reader {
    /// None for a guest, and where nobody is known.
    pub owner: Option<Owner>,
    pub has_account: bool,
}

/// `chosen` is what the account has chosen, or else the browser; `models` are those that can be favourites.
pub fn page(reader: Reader, chosen: Preferences, models: Vec<Model>, said: Notice) -> Sheet {
    let Reader { owner, has_account } = reader;
    let look = Look::of(&chosen);
    let shown = |value: &'static str, options: &[&str]| (value != options[0]).then_some(value);
    let options = |values: &[&'static str], labels: &[&'static str]| {
        values.iter().copied().zip(labels.iter().copied()).collect::<Vec<_>>()
    };
    let kept = if has_account {
        "These are kept with your account, for all your browsers."
    } else {
        "These are kept in this browser."
    };
    let account = has_account.then(|| {
        let announced = known(&ANNOUNCED, &chosen.announced);
        let instructions = chosen.instructions.clone().unwrap_or_default();
        view! {
            <Choice form="settings" name="announced" label="What screen readers announce of a reply"
                options=options(&ANNOUNCED, &ANNOUNCED_LABELS) chosen=announced/>
            <LongField form="settings" name="instructions" label="Your instructions for all conversations" value=instructions most=MAX_INSTRUCTIONS
                hint="Models are told this before a conversation's own instructions, in replies that you ask for. Nobody else sees it."
                said=said.clone()/>
        }
    });
    let body = view! {
        <form class="form" method="post" action="/settings" data-look="" data-theme=shown(look.theme, &THEMES)
            data-text=shown(look.text, &TEXTS) data-send=shown(look.send, &KEYS)>
            <Choice form="settings" name="theme" label="Theme" options=options(&THEMES, &THEME_LABELS) chosen=look.theme/>
            <Choice form="settings" name="text" label="Size of text" options=options(&TEXTS, &TEXT_LABELS) chosen=look.text/>
            <Choice form="settings" name="send" label="Key that sends, on keyboards" options=options(&KEYS, &KEY_LABELS) chosen=look.send/>
            {account}
            <p class="hint">{kept}</p>
            <button class="button">"Save"</button>
        </form>
        {has_account.then(|| view! { <Favourites ids=chosen.favourites models/> })}
        <More is_known=owner.is_some()/>
    };
    Sheet {
        title: "Settings".into(),
        width: Width::Narrow,
        owner,
        said,
        fields: &["settings/instructions"],
        body: body.into_any(),
    }
}

/// The models that are offered first.
#[component]
fn Favourites(ids: Vec<String>, models: Vec<Model>) -> impl IntoView {
    let one = |id: &str, is_favourite: bool| {
        let name = models.iter().find(|model| model.id == id).map_or_else(|| id.to_owned(), |model| model.name.clone());
        let (value, word) = if is_favourite { ("no", "Remove") } else { ("yes", "Add") };
        let label = format!("{word} {name}");
        view! {
            <li>
                <p dir="auto">{name}</p>
                <form method="post" action="/settings/favourite">
                    <Hidden name="model" value=id.to_owned()/>
                    <Hidden name="favourite" value=value.to_owned()/>
                    <button class="button button--quiet" aria-label=label>{word}</button>
                </form>
            </li>
        }
    };
    let chosen = ids.iter().map(|id| one(id, true)).collect_view();
    let others =
        models.iter().filter(|model| !ids.contains(&model.id)).map(|model| one(&model.id, false)).collect_view();
    view! {
        <h2>"Favourite models"</h2>
        <p class="hint">"These are offered first."</p>
        <ul class="rows">{chosen}</ul>
        <details>
            <summary>"Other models"</summary>
            <ul class="rows">{others}</ul>
        </details>
    }
}

#[component]
fn More(is_known: bool) -> impl IntoView {
    let account = if is_known {
        view! {
            <li><a href="/account">"Account: name, password, devices, tokens, usage"</a></li>
            <li><a href="/account#data">"Your data: take everything along, or delete it"</a></li>
        }
        .into_any()
    } else {
        view! {
            <li><a href="/sign-in">"Sign in, or keep your conversations under a name"</a></li>
            <li><a href="/account/delete">"Delete everything that is kept here of you"</a></li>
        }
        .into_any()
    };
    view! {
        <h2>"More"</h2>
        <ul class="rows">
            <li><a href="/archive">"Archive: conversations that were put away"</a></li>
            {account}
        </ul>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_values_come_into_a_page() {
        let look = Look::of_cookie("dark.\" onload=\"x.ctrl");
        assert_eq!(look.attributes().as_deref(), Some(" data-theme=\"dark\" data-send=\"ctrl\""));
        assert_eq!(Look::of_cookie(&look.cookie()), look);
        for nothing in ["", "auto.normal.enter", "....", "x.y.z"] {
            assert_eq!(Look::of_cookie(nothing).attributes(), None, "{nothing}");
        }
    }
}
