//! What can be done with a block of code: its lines wrapped, and its text kept as a file. Code is plain HTML, so one listener
//! above it handles the buttons (event delegation).

use super::copy::copy_code;
use crate::browser;
use crate::ui::page::PageState;
use leptos::ev::MouseEvent;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// The ends of files by the languages that a fence names, where they differ.
const ENDS: [(&str, &str); 16] = [
    ("bash", "sh"),
    ("c#", "cs"),
    ("c++", "cpp"),
    ("csharp", "cs"),
    ("dockerfile", "Dockerfile"),
    ("javascript", "js"),
    ("jsx", "jsx"),
    ("kotlin", "kt"),
    ("markdown", "md"),
    ("perl", "pl"),
    ("python", "py"),
    ("ruby", "rb"),
    ("rust", "rs"),
    ("shell", "sh"),
    ("typescript", "ts"),
    ("yml", "yaml"),
];
/// The end of a file whose language nobody named, or that has another name.
const TEXT: &str = "txt";

/// A press somewhere in the messages.
pub fn pressed(page: PageState, event: &MouseEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(button) = target.and_then(|target| target.closest(".code button").ok().flatten()) else { return };
    let Some(block) = button.closest("figure").ok().flatten() else { return };
    if button.has_attribute("data-wrap") {
        let wraps = block.toggle_attribute("data-wraps").unwrap_or_default();
        let _ = button.set_attribute("aria-pressed", if wraps { "true" } else { "false" });
    } else if button.has_attribute("data-save") {
        save(&block);
    } else {
        copy_code(page, button, &block);
    }
}

fn save(block: &Element) {
    let text = |selector| block.query_selector(selector).ok().flatten().and_then(|part| part.text_content());
    let (Some(code), language) = (text("code"), text("figcaption > span").unwrap_or_default()) else { return };
    browser::save(&code, &["code.", end(&language)].concat());
}

/// The end of a file in this language. Many languages are named by it.
fn end(language: &str) -> &str {
    let known = ENDS.iter().find(|(name, _)| language.eq_ignore_ascii_case(name));
    let is_end = (1..=5).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphanumeric());
    known.map_or(if is_end { language } else { TEXT }, |(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_as_its_language_s_files_do() {
        for (language, wanted) in [
            ("Rust", "rs"),
            ("python", "py"),
            ("c++", "cpp"),
            ("toml", "toml"),
            ("", "txt"),
            ("../x", "txt"),
            ("elixir", "txt"),
        ] {
            assert_eq!(end(language), wanted, "{language}");
        }
    }
}
