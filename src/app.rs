//! The document, and the app in it.

use crate::ui::frame::Frame;
use crate::ui::live::Live;
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};

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
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The start page and a conversation are one page at two addresses: going from one to the other keeps the composer,
/// the list and the stream.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_context(Live::new());
    view! {
        <Frame/>
    }
}
