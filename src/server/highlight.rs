//! Colours for code, as spans with a few short classes. The browser ships no highlighter: it asks for this when a reply
//! has ended.
//!
//! The grammars are Sublime's (of `bat`). Their hundreds of scopes are folded into a dozen classes; what the page looks
//! like is the stylesheet's matter.

use crate::markdown;
use std::{
    cell::Cell,
    sync::LazyLock,
    time::{Duration, Instant},
};
use syntect::{
    parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet},
    util::LinesWithEndings,
};

/// Longer blocks stay plain: nobody reads them coloured, and they take a tenth of a second.
const MAX_BLOCK_BYTES: usize = 64 * 1024;

/// All blocks of a text together.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// A line as long is minified or data. The grammars' expressions may take quadratic time on it.
const MAX_LINE_BYTES: usize = 1000;

/// Past this the rest stays plain. It guards against grammars that backtrack; the sizes above keep to a fraction of it.
const MAX_TIME: Duration = Duration::from_secs(1);

/// Which class a scope means, the first that fits. An empty class ends the search: what is inside is code again, though
/// a string stands around it.
const CLASSES: &[(&str, &str)] = &[
    ("comment", "c"),
    ("punctuation.definition.comment", "c"),
    ("punctuation.definition.string", "s"),
    ("meta.interpolation", ""),
    ("source", ""),
    ("constant.character.escape", "n"),
    ("string", "s"),
    ("constant", "n"),
    ("support.constant", "n"),
    ("variable.language", "n"),
    ("entity.name.function", "f"),
    ("variable.function", "f"),
    ("support.function", "f"),
    ("support.macro", "f"),
    ("variable.annotation", "a"),
    ("entity.other.attribute-name", "a"),
    ("support.type.property-name", "a"),
    ("entity.name.tag", "t"),
    ("entity.name.section", "h"),
    ("entity.name", "t"),
    ("entity.other.inherited-class", "t"),
    ("support.type", "t"),
    ("support.class", "t"),
    ("storage.type", "k"),
    ("storage.modifier", "k"),
    ("keyword.operator", "o"),
    ("keyword", "k"),
    ("markup.inserted", "i"),
    ("markup.deleted", "d"),
    ("markup.heading", "h"),
    ("markup.raw", "s"),
    ("punctuation", "p"),
];

/// Read when first needed.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

static SCOPES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let scope =
        |(name, class): &(&str, &'static str)| Scope::new(name).ok().map(|scope| (scope, *class));
    CLASSES.iter().filter_map(scope).collect()
});

/// The HTML of `text`, code coloured. The same as [`markdown::render`] but for the spans inside `<code>`.
///
/// This may take some tenths of a second: call it where blocking is allowed.
pub fn render(text: &str) -> String {
    let deadline = Instant::now() + MAX_TIME;
    let left = Cell::new(MAX_TEXT_BYTES);
    markdown::render_with(text, &|language, code| {
        left.set(left.get().checked_sub(code.len())?);
        colour(language, code, deadline)
    })
}

/// The HTML for the inside of `<code>`. None for languages that nobody knows and for blocks that would take too long.
pub fn code(language: &str, text: &str) -> Option<String> {
    colour(language, text, Instant::now() + MAX_TIME)
}

fn colour(language: &str, text: &str, deadline: Instant) -> Option<String> {
    if text.len() > MAX_BLOCK_BYTES {
        return None;
    }
    let mut parser = ParseState::new(syntax(language)?);
    let mut scopes = ScopeStack::new();
    let mut spans = Spans::default();
    for line in LinesWithEndings::from(text) {
        if line.len() > MAX_LINE_BYTES || Instant::now() > deadline {
            return None;
        }
        let mut done = 0;
        for (at, change) in parser.parse_line(line, &SYNTAXES).ok()? {
            spans.push(class(&scopes), line.get(done..at)?);
            scopes.apply(&change).ok()?;
            done = at;
        }
        spans.push(class(&scopes), line.get(done..)?);
    }
    Some(spans.finish())
}

/// The grammar for the name behind a fence. Plain text is no language.
fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let name = match language.to_ascii_lowercase().as_str() {
        "jsonc" | "json5" => "json".to_owned(),
        "shell" | "console" | "shell-session" => "bash".to_owned(),
        name => name.to_owned(),
    };
    SYNTAXES.find_syntax_by_token(&name).filter(|syntax| syntax.name != "Plain Text")
}

/// The class of the innermost scope that has one.
fn class(scopes: &ScopeStack) -> &'static str {
    let known = |scope: &Scope| SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope));
    scopes.as_slice().iter().rev().find_map(known).map_or("", |(_, class)| class)
}

/// HTML that is written piece by piece; neighbours of one class share a span.
#[derive(Default)]
struct Spans {
    html: String,
    class: &'static str,
}

impl Spans {
    fn push(&mut self, class: &'static str, text: &str) {
        if text.is_empty() {
            return;
        }
        // Blanks have no colour; in the span before, they do not end it.
        if class != self.class && !text.trim().is_empty() {
            self.end();
            if !class.is_empty() {
                self.html.extend(["<span class=\"", class, "\">"]);
            }
            self.class = class;
        }
        markdown::escape(&mut self.html, text);
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
