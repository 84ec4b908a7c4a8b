//! The document, and the app in it.

use crate::ui::layout::Frame;
use crate::ui::live::Live;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use std::sync::LazyLock;

/// The id of the element that holds the app. Elements that others add beside it are ignored.
pub const ROOT: &str = "app";

/// The document around the app. Only the server draws it.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let style = format!("/{}/rivulet.css", options.site_pkg_dir);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <meta name="robots" content="noindex"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f7f2e8" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#0f1722" media="(prefers-color-scheme: dark)"/>
                <meta name="description" content="An AI chat whose replies are never lost."/>
                <link rel="icon" href="/favicon.ico" sizes="32x32"/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/icon-192.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <link rel="stylesheet" id="leptos" href=style/>
                <link rel="stylesheet" href="/print.css" media="print"/>
                <AutoReload options=options.clone()/>
                <Program options/>
                <MetaTags/>
            </head>
            <body>
                <div id=ROOT><App/></div>
                <div class="notice" id="simple" role="alert" hidden><p></p><a href="">"Try again"</a></div>
            </body>
        </html>
    }
}

/// The script that starts the program, without its comments and the blanks around its operators and brackets.
static START: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("app/start.js").lines().map(str::trim);
    let script = lines.filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join("\n");
    // It is in every page. None of its texts has an operator or a bracket in it.
    let operators = ["=>", "===", "!==", "=", "&&", "||", "??", "?", ":", "<", "+"];
    let script = operators.iter().fold(script, |script, operator| script.replace(&format!(" {operator} "), operator));
    let brackets = [(" (", "("), (" {", "{"), ("{ ", "{"), (" }", "}")];
    brackets.iter().fold(script, |script, (with_blank, bracket)| script.replace(with_blank, bracket))
});

/// Loads the program. leptos' own script would do nothing if that fails, or if the page was changed on its way.
#[component]
fn Program(options: LeptosOptions) -> impl IntoView {
    let folder = format!("/{}", options.site_pkg_dir);
    let nonce = use_nonce();
    view! {
        <link rel="modulepreload" href=format!("{folder}/rivulet.js") nonce=nonce.clone()/>
        <link rel="preload" href=format!("{folder}/rivulet.wasm") r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script type="module" nonce=nonce>{format!("({})({folder:?})", *START)}</script>
    }
}

/// The start page and a conversation are one page at two addresses: going from one to the other keeps the composer,
/// the list and the stream.
#[component]
pub fn App() -> impl IntoView {
    // Only the server writes the head.
    if !cfg!(target_family = "wasm") {
        provide_meta_context();
    }
    provide_context(Live::new());
    view! {
        <Frame/>
    }
}
