//! Colours for code, as spans with a few short classes. The browser ships no highlighter: it asks for this when a reply
//! has ended.
//!
//! The grammars are Sublime's, as `bat` has them. Their hundreds of scopes are folded into a dozen classes; what those
//! look like is the stylesheet's matter.

use crate::markdown;
use std::{
    cell::Cell,
    collections::HashMap,
    mem,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};
use syntect::{
    parsing::{ParseState, Scope, ScopeStack, SyntaxSet},
    util::LinesWithEndings,
};

/// Longer blocks stay plain: nobody reads them for their colours, and they take half a second.
const MAX_BLOCK_BYTES: usize = 64 * 1024;

/// All blocks of a text together.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// A line as long is minified or data. The grammars' expressions may take quadratic time on it.
const MAX_LINE_BYTES: usize = 1000;

/// Past this a block stays plain, and so do blocks that follow. It guards against grammars that backtrack; the sizes
/// above keep to a fraction of it.
const MAX_TIME: Duration = Duration::from_secs(2);

/// Languages whose compiled expressions are kept: each takes 3 to 50 MB, and a tenth of a second to compile again.
const MAX_LANGUAGES: usize = 6;

/// Finished blocks that are kept, so that a page costs its colours once. Twice as much at the most.
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;

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

static SCOPES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let scope =
        |(name, class): &(&str, &'static str)| Scope::new(name).ok().map(|scope| (scope, *class));
    CLASSES.iter().filter_map(scope).collect()
});

static GRAMMARS: LazyLock<Mutex<Grammars>> = LazyLock::new(Mutex::default);

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

/// The HTML of `text`, code coloured. The same as [`markdown::render`] but for the spans inside `<code>`.
///
/// New code may take some tenths of a second: call this where blocking is allowed.
pub fn render(text: &str) -> String {
    let deadline = Instant::now() + MAX_TIME;
    let left = Cell::new(MAX_TEXT_BYTES);
    markdown::render_with(text, &|language, text| {
        left.set(left.get().checked_sub(text.len())?);
        if Instant::now() > deadline { None } else { code(language, text) }
    })
}

/// The HTML for the inside of `<code>`. None for languages that nobody knows and for blocks that would take too long.
pub fn code(language: &str, text: &str) -> Option<String> {
    if text.len() > MAX_BLOCK_BYTES {
        return None;
    }
    let key = format!("{}:{language}{text}", language.len());
    if let Some(html) = lock(&KEPT).get(&key) {
        return html;
    }
    let grammar = lock(&GRAMMARS).find(language);
    let html = grammar.and_then(|(syntaxes, name)| colour(&syntaxes, &name, text));
    lock(&KEPT).put(key, html.clone());
    html
}

fn colour(syntaxes: &SyntaxSet, name: &str, text: &str) -> Option<String> {
    let deadline = Instant::now() + MAX_TIME;
    let mut parser = ParseState::new(syntaxes.find_syntax_by_name(name)?);
    let mut scopes = ScopeStack::new();
    let mut spans = Spans::default();
    for line in LinesWithEndings::from(text) {
        if line.len() > MAX_LINE_BYTES || Instant::now() > deadline {
            return None;
        }
        let mut done = 0;
        for (at, change) in parser.parse_line(line, syntaxes).ok()? {
            spans.push(class(&scopes), line.get(done..at)?);
            scopes.apply(&change).ok()?;
            done = at;
        }
        spans.push(class(&scopes), line.get(done..)?);
    }
    Some(spans.finish())
}

fn lock<T>(mutex: &Mutex<T>) -> impl std::ops::DerefMut<Target = T> {
    // Both hold what can be made again; a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The grammars, and the languages that they have been used for. They compile what they need and never forget it, so
/// that they are read anew (3 ms) before it gets too much.
#[derive(Default)]
struct Grammars {
    syntaxes: Option<Arc<SyntaxSet>>,
    used: Vec<String>,
}

impl Grammars {
    /// The grammars and the name of the one for the word behind a fence. Plain text is no language.
    fn find(&mut self, language: &str) -> Option<(Arc<SyntaxSet>, String)> {
        let language = language.to_ascii_lowercase();
        let token = match language.as_str() {
            "jsonc" | "json5" => "json",
            "shell" | "console" | "shell-session" | "zsh" => "bash",
            token => token,
        };
        let read = || Arc::new(two_face::syntax::extra_newlines());
        let name = self.syntaxes.get_or_insert_with(read).find_syntax_by_token(token)?.name.clone();
        if name == "Plain Text" {
            return None;
        }
        if !self.used.contains(&name) {
            if self.used.len() == MAX_LANGUAGES {
                *self = Self::default();
            }
            self.used.push(name.clone());
        }
        Some((Arc::clone(self.syntaxes.get_or_insert_with(read)), name))
    }
}

/// Coloured blocks by language and text, also those that could not be coloured. The older half goes when the newer is
/// full.
#[derive(Default)]
struct Kept {
    newer: HashMap<String, Option<String>>,
    newer_bytes: usize,
    older: HashMap<String, Option<String>>,
}

impl Kept {
    fn get(&mut self, key: &str) -> Option<Option<String>> {
        if let Some((key, html)) = self.older.remove_entry(key) {
            self.put(key, html);
        }
        self.newer.get(key).cloned()
    }

    fn put(&mut self, key: String, html: Option<String>) {
        let bytes = key.len() + html.as_ref().map_or(0, String::len);
        if self.newer_bytes + bytes > MAX_KEPT_BYTES {
            self.older = mem::take(&mut self.newer);
            self.newer_bytes = 0;
        }
        self.newer_bytes += bytes;
        self.newer.insert(key, html);
    }
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
