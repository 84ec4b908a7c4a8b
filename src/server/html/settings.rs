//! The settings of one browser: how Rivulet looks there, and which key sends. They are in a cookie, so that each page has them
//! when it is drawn, also without code in the browser. The app shows this page in a dialog.

use super::form::Choice;
use super::{Notice, Sheet, Width};
use crate::server::principal::Owner;
use leptos::prelude::*;

/// The value that is kept, and the label shown. The first is what is so without a choice.
type Options = [(&'static str, &'static str)];

const THEMES: &Options = &[("auto", "As the device"), ("light", "Light"), ("dark", "Dark")];
const TEXTS: &Options = &[("normal", "Normal"), ("large", "Larger"), ("largest", "Largest")];
const KEYS: &Options = &[("enter", "Enter"), ("ctrl", "Ctrl and Enter; Enter breaks the line")];

/// What was chosen in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    theme: &'static str,
    text: &'static str,
    send: &'static str,
}

fn known(options: &Options, value: &str) -> &'static str {
    options.iter().find(|(known, _)| *known == value).unwrap_or(&options[0]).0
}

impl Look {
    /// Unknown values are as if nothing was chosen.
    pub fn new(theme: &str, text: &str, send: &str) -> Self {
        Self { theme: known(THEMES, theme), text: known(TEXTS, text), send: known(KEYS, send) }
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

    /// The attributes of a page's root element. None where nothing was chosen.
    pub fn attributes(self) -> Option<String> {
        let chosen = |name: &str, value: &str, options: &Options| {
            if value == options[0].0 { String::new() } else { format!(" data-{name}=\"{value}\"") }
        };
        let all =
            chosen("theme", self.theme, THEMES) + &chosen("text", self.text, TEXTS) + &chosen("send", self.send, KEYS);
        Some(all).filter(|all| !all.is_empty())
    }
}

pub fn page(owner: Option<Owner>, look: Look) -> Sheet {
    let is_known = owner.is_some();
    let shown = |value: &'static str, options: &Options| (value != options[0].0).then_some(value);
    let body = view! {
        <form class="form" method="post" action="/settings" data-look="" data-theme=shown(look.theme, THEMES)
            data-text=shown(look.text, TEXTS) data-send=shown(look.send, KEYS)>
            <Choice form="settings" name="theme" label="Theme" options=THEMES.to_vec() chosen=look.theme/>
            <Choice form="settings" name="text" label="Size of text" options=TEXTS.to_vec() chosen=look.text/>
            <Choice form="settings" name="send" label="Key that sends, on keyboards" options=KEYS.to_vec() chosen=look.send/>
            <p class="hint">"These are kept in this browser."</p>
            <button class="button">"Save"</button>
        </form>
        <h2>"More"</h2>
        <ul class="rows">
            <li><a href="/archive">"Archive: conversations that were put away"</a></li>
            {match is_known {
                true => view! {
                    <li><a href="/account">"Account: name, password, devices, tokens, usage"</a></li>
                    <li><a href="/account#data">"Your data: take everything along, or delete it"</a></li>
                }.into_any(),
                false => view! {
                    <li><a href="/sign-in">"Sign in, or keep your conversations under a name"</a></li>
                    <li><a href="/account/delete">"Delete everything that is kept here of you"</a></li>
                }.into_any(),
            }}
        </ul>
    };
    Sheet {
        title: "Settings".into(),
        width: Width::Narrow,
        owner,
        said: Notice::default(),
        fields: &[],
        body: body.into_any(),
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
