//! Our own icons: strokes on a 20 by 20 grid, in the colour of the text.

use leptos::prelude::*;

/// Where there is only the place of one.
pub const NONE: &str = "";
pub const MENU: &str = "M3 6h14M3 10h9M3 14h14";
pub const PLUS: &str = "M10 4v12M4 10h12";
pub const SEND: &str = "M10 16V4M5 9l5-5 5 5";
pub const STOP: &str = "M6 6h8v8H6z";
pub const SEARCH: &str = "M9 4a5 5 0 1 0 0 10a5 5 0 0 0 0-10M13 13l4 4";
pub const EXPORT: &str = "M10 3v9M6 8l4 4 4-4M4 16h12";
pub const DELETE: &str = "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11";
pub const KEYS: &str = "M3 6h14v9H3zM6 9h.01M10 9h.01M14 9h.01M7 12h6";
pub const CONVERSATION: &str = "M4 4h12v9H9l-4 3v-3H4z";
pub const DOWN: &str = "M10 4v12M5 11l5 5 5-5";
pub const PIN: &str = "M7 3h6l-1 6 3 3H5l3-3zM10 12v5";
pub const ARCHIVE: &str = "M3 4h14v4H3zM4 8v8h12V8M8 11h4";
pub const CLOSE: &str = "M5 5l10 10M15 5L5 15";
pub const PEOPLE: &str = "M7 9a3 3 0 1 0 0-.01M2 16a5 5 0 0 1 10 0M13 4a3 3 0 0 1 0 6M15 12a5 5 0 0 1 3 4";
pub const COPY: &str = "M7 7V4h9v9h-3M4 7h9v9H4z";
pub const RETRY: &str = "M15.5 8A6 6 0 1 0 16 11M16 4v4h-4";
pub const EDIT: &str = "M4 16l1-4 8-8 3 3-8 8zM11 6l3 3";
pub const EYE: &str = "M2 10q8-9 16 0q-8 9-16 0M10 8a2 2 0 1 0 0 4a2 2 0 0 0 0-4";
pub const FORK: &str = "M6 3v14M6 12q0-3 4-3t4-4M14 5l-2.5 2.5M14 5l2.5 2.5";
pub const STAR: &str = "M10 3l2 5 5 .4-4 3.3 1.3 5.3-4.3-3-4.3 3L7 11.7 3 8.4 8 8z";
pub const CONTINUE: &str = "M4 5l6 5-6 5M11 5l6 5-6 5";

/// An icon as HTML, which is a tenth of the code of a component: for what the first load draws.
pub fn html(path: &str) -> String {
    format!("<svg class=\"icon\" viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path d=\"{path}\"></path></svg>")
}

/// An icon beside a text, or inside a control that has an accessible name; never alone.
#[component]
pub fn Icon(path: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}
