//! Colours for code, as spans with a few short classes, and formulas (`formula`). The browser ships neither: it asks for
//! this when a reply has ended.
//!
//! A lexer of our own, because code comes from a model and may be anything: every character is read a bounded number of
//! times. Grammars of regular expressions colour more, but syntect with Sublime's needs up to 50 MB for a language and
//! never returns from `x /*` in JavaScript (trishume/syntect#706); nothing can stop it then.
//!
//! `languages` is the table of their differences, which drives `lexer`; `markup` and `diff` read what is not a
//! programming language.

mod diff;
mod languages;
mod lexer;
mod markup;

use super::formula;
use crate::markdown::{self, Finish};
use std::cell::Cell;

/// Longer blocks are not coloured: few read them for colours, and each coloured word is an element in the browser.
const MAX_BLOCK_BYTES: usize = 64 * 1024;

/// Limit for the HTML of coloured code in one page; the code after it stays plain. Some languages grow to twenty times
/// their text when each sign has a colour of its own.
const MAX_COLOURED_BYTES: usize = 2 << 20;

/// Limit for the HTML of formulas in one page; those after it stay TeX. A page of nothing but formulas takes a quarter of it.
const MAX_FORMULA_BYTES: usize = 2 << 20;
/// What a formula that cannot be set counts as, besides its TeX: about the HTML of a short one. To try takes as long as
/// to set, so a page has some four thousand of them.
const ATTEMPT_BYTES: usize = 512;

/// How much code may still be coloured on a page, and how much of it may be formulas.
pub struct Colours {
    code: Cell<usize>,
    formulas: Cell<usize>,
}

impl Default for Colours {
    fn default() -> Self {
        Self { code: Cell::new(MAX_COLOURED_BYTES), formulas: Cell::new(MAX_FORMULA_BYTES) }
    }
}

impl Colours {
    /// Whether another formula of the page would be set.
    pub fn may_set(&self) -> bool {
        0 < self.formulas.get()
    }
}

impl Finish for Colours {
    const SETS_FORMULAS: bool = true;

    fn code(&self, language: &str, text: &str) -> Option<String> {
        if self.code.get() < text.len() {
            return None;
        }
        let html = code(language, text)?;
        self.code.set(self.code.get().saturating_sub(html.len()));
        Some(html)
    }

    fn formula(&self, tex: &str) -> Option<String> {
        if !self.may_set() {
            return None;
        }
        let html = formula::set(tex);
        let cost = html.as_ref().map_or(ATTEMPT_BYTES + 16 * tex.len(), |html| html.len().max(ATTEMPT_BYTES));
        self.formulas.set(self.formulas.get().saturating_sub(cost));
        html
    }
}

/// The class of a piece of code. The stylesheet has one rule for each.
mod class {
    pub(super) const NONE: &str = "";
    /// An attribute, a key, a variable with a sign, a decorator.
    pub(super) const ATTRIBUTE: &str = "a";
    pub(super) const COMMENT: &str = "c";
    pub(super) const DELETED: &str = "d";
    pub(super) const FUNCTION: &str = "f";
    pub(super) const HEADING: &str = "h";
    pub(super) const INSERTED: &str = "i";
    pub(super) const KEYWORD: &str = "k";
    /// A number, or a constant that the language predefines.
    pub(super) const NUMBER: &str = "n";
    pub(super) const OPERATOR: &str = "o";
    pub(super) const PUNCTUATION: &str = "p";
    pub(super) const STRING: &str = "s";
    /// A type, or a tag.
    pub(super) const TYPE: &str = "t";
}

/// The HTML of `text` with its code coloured and its formulas set: [`markdown::render`] with more inside.
pub fn render(text: &str) -> String {
    render_within(text, &Colours::default())
}

/// The HTML of `text`, with as much of its code and formulas as `colours` has left.
pub fn render_within(text: &str, colours: &Colours) -> String {
    markdown::render_with(text, colours)
}

/// The HTML for the inside of `<code>`. None for unknown languages and for blocks that are too long.
pub fn code(language: &str, text: &str) -> Option<String> {
    if text.len() > MAX_BLOCK_BYTES {
        return None;
    }
    let name = language.to_ascii_lowercase();
    let mut spans = Spans::default();
    match name.as_str() {
        "html" | "xml" | "svg" | "xhtml" | "vue" | "svelte" => markup::read(text, &mut spans),
        "diff" | "patch" => diff::read(text, &mut spans),
        name => lexer::read(languages::find(name)?, text, &mut spans),
    }
    Some(spans.finish())
}

/// HTML that is written piece by piece; neighbours of one class share a span.
#[derive(Default)]
struct Spans {
    html: String,
    class: &'static str,
}

impl Spans {
    fn push(&mut self, class: &'static str, text: &str) {
        let visible = text.trim_start();
        // Blanks have no colour: they do not end the span before them.
        markdown::escape(&mut self.html, &text[..text.len() - visible.len()]);
        if class != self.class && !visible.is_empty() {
            self.end();
            if !class.is_empty() {
                self.html.extend(["<span class=\"", class, "\">"]);
            }
            self.class = class;
        }
        markdown::escape(&mut self.html, visible);
    }

    fn end(&mut self) {
        if !self.class.is_empty() {
            self.html.push_str("</span>");
        }
    }

    fn finish(mut self) -> String {
        self.end();
        self.html
    }
}
