//! Markdown to HTML, on both sides with the same code: the server for what is stored, the browser for what streams in.
//!
//! The text comes from a model or a person and is trusted with nothing. Every tag of the output is written in
//! `page` and `link`; whatever else looks like HTML is text. Nothing loads by itself, nothing runs, links lead only to
//! http, https and mailto and say where. It must not know highlighters, views or the network.
//!
//! - `page` turns the parser's events into HTML, `link` those of links and images; `address` judges where they may lead,
//!   with `punycode` for foreign hosts, and `bare` finds addresses in text
//! - `gauge` tells from afar which texts would be dear to parse; they are shown as they are
//! - `blocks` renders a growing text without drawing again what is finished; `fence` is its open code block
//! - `title` makes a conversation's title out of its first message

mod address;
mod bare;
mod blocks;
mod fence;
mod gauge;
mod link;
mod page;
mod punycode;
mod title;

pub use address::is_hidden;
pub use blocks::Blocks;
pub use title::plain_title;

use gauge::Gauge;
use page::Page;
use pulldown_cmark::{Options, Parser, TextMergeWithOffset};
use std::borrow::Cow;

/// Longer texts are shown as they are: a reply ends at this size, so that only a mistake gets beyond it, and
/// parsing takes up to a hundred bytes of memory for each byte of text.
pub const MAX_RENDER_BYTES: usize = 1024 * 1024;

/// No smart punctuation, footnotes, maths or heading attributes: what is not switched on cannot be misused.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);

/// Turns `(language, code)` into HTML for the inside of `<code>`, or declines.
pub type Highlight<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// The HTML of `text`, without highlighting.
pub fn render(text: &str) -> String {
    render_with(text, &no_highlight)
}

/// The HTML of `text`; `highlight` is asked about each code block that names its language.
pub fn render_with(text: &str, highlight: Highlight<'_>) -> String {
    let text = normalized(text);
    if is_too_dear(&text) {
        return plain(&text);
    }
    blocks(&text, highlight).into_iter().map(|block| block.html).collect()
}

/// Whether highlighting may change anything: somewhere a fence is followed by a word. Cheap, and right when it says no.
pub fn has_code(text: &str) -> bool {
    ["```", "~~~"].iter().any(|fence| {
        text.match_indices(fence).any(|(at, _)| {
            let info = text[at + fence.len()..].trim_start_matches(['`', '~', ' ', '\t']);
            info.starts_with(|first: char| first.is_ascii_alphanumeric())
        })
    })
}

/// Writes `text` so that HTML reads it back as exactly this text, in an element or in a quoted attribute.
///
/// NUL, which HTML cannot carry, becomes U+FFFD. The two separators that end a line in old scripts are escaped too, so
/// that the output can stand inside a script's string.
pub(crate) fn escape(out: &mut String, text: &str) {
    let mut done = 0;
    for (at, special) in text.match_indices(['&', '<', '>', '"', '\'', '\0', '\u{2028}', '\u{2029}']) {
        out.push_str(&text[done..at]);
        out.push_str(match special {
            "&" => "&amp;",
            "<" => "&lt;",
            ">" => "&gt;",
            "\"" => "&quot;",
            "'" => "&#39;",
            "\u{2028}" => "&#8232;",
            "\u{2029}" => "&#8233;",
            _ => "\u{fffd}",
        });
        done = at + special.len();
    }
    out.push_str(&text[done..]);
}

/// A block that stands at the top of a text, not inside another.
struct Block {
    /// Where its first line starts.
    start: usize,
    html: String,
}

fn blocks(text: &str, highlight: Highlight<'_>) -> Vec<Block> {
    let mut page = Page::new(highlight);
    let mut blocks = Vec::new();
    let mut start = 0;
    for (event, range) in TextMergeWithOffset::new(Parser::new_ext(text, OPTIONS).into_offset_iter()) {
        if page.is_at_top() {
            start = range.start;
        }
        page.take(event);
        if page.is_at_top() {
            blocks.push(Block { start: line_start(text, start), html: page.finish() });
        }
    }
    blocks
}

fn no_highlight(_language: &str, _code: &str) -> Option<String> {
    None
}

/// Lines end in `\n` alone, whatever they ended in: a text that grows so still only grows.
fn normalized(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}

fn is_too_dear(text: &str) -> bool {
    text.len() > MAX_RENDER_BYTES || text.lines().fold(Gauge::default(), Gauge::with).is_over()
}

/// The text as it stands, where Markdown would be too dear.
fn plain(text: &str) -> String {
    let mut html = String::from(page::PLAIN_START);
    escape(&mut html, text);
    html.push_str(page::PLAIN_END);
    html
}

fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}
