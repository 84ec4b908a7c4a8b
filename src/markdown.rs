//! Markdown to HTML, with the same code on both sides: the server renders stored messages, the browser streaming ones.
//!
//! The text comes from a model or a user and is not trusted. Every tag of the output is written in
//! `page`, `page/link` and `page/small`, those of formulas in `server/formula`; whatever else looks like HTML is text. Nothing loads by itself, nothing runs, links lead only to
//! http, https and mailto and say where. It must not know highlighters, views or the network.
//!
//! - `source` prepares a text for the parser where readers expect something else than CommonMark, with `math` for
//!   formulas, `cjk` for scripts without blanks, and `stand_in` for marks that are none
//! - `page` turns the parser's events into HTML, `page/link` those of links and images; `address` decides where they may
//!   lead, with `punycode` for international hosts, and `claim` which host a link's text seems to name; `autolink`
//!   finds addresses in text; `page/small` knows the few tags that are more than text
//! - `complexity` estimates which texts would be too slow to parse; they are shown as plain text
//! - `blocks` renders a growing text without rendering its finished blocks again; `fence` is its open code block, and
//!   `unfinished` completes the marks at its end
//! - `title` makes a conversation's title out of its first message

mod address;
mod autolink;
mod blocks;
mod cjk;
mod claim;
mod complexity;
mod fence;
mod math;
mod page;
mod punycode;
pub(crate) mod source;
mod stand_in;
mod title;
mod unfinished;

pub use address::is_hidden;
pub use blocks::Blocks;
pub use title::plain_title;

use complexity::Gauge;
use page::Page;
use pulldown_cmark::{Options, TextMergeWithOffset};
use source::Source;
use std::borrow::Cow;

/// Longer texts are shown as plain text: replies are limited to this size, so that only a bug exceeds it, and
/// parsing takes up to a hundred bytes of memory for each byte of text.
pub const MAX_RENDER_BYTES: usize = 1024 * 1024;

/// A page shows this much of a text, and leads to the rest: more than a model says in one answer (128,000 tokens), and
/// parsed and laid out in moments.
pub const MAX_SHOWN_BYTES: usize = 512 << 10;

/// HTML without colours that a text may become, for each of its bytes. Prose takes 1 or 2, the smallest cells and tasks
/// 11; beyond that are texts made for it, such as 200 bytes for an empty code block of 6.
const MAX_GROWTH: usize = 8;
/// HTML that a text may become besides, so that short texts may be made of small cells.
const FREE_HTML_BYTES: usize = 64 << 10;

/// No smart punctuation, maths (`math` finds more of them) or heading attributes: a disabled feature cannot be misused. `GFM` only
/// enables alerts (`> [!NOTE]`).
const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_GFM);

/// What the server makes of code and formulas. A type and not a function, so that the browser's program, which has
/// neither, has nothing of it.
pub trait Finish {
    /// Whether any formula does not stay as it is written.
    const SETS_FORMULAS: bool;

    /// The HTML for the inside of `<code>`, or nothing where the code has no colours.
    fn code(&self, language: &str, code: &str) -> Option<String>;

    /// The HTML of a formula with its marks, or nothing where it stays as it is written.
    fn formula(&self, tex: &str) -> Option<String>;
}

/// Code without colours, formulas as they are written.
pub struct Plain;

impl Finish for Plain {
    const SETS_FORMULAS: bool = false;

    fn code(&self, _language: &str, _code: &str) -> Option<String> {
        None
    }

    fn formula(&self, _tex: &str) -> Option<String> {
        None
    }
}

/// The HTML of `text`, without colours and formulas.
pub fn render(text: &str) -> String {
    render_with(text, &Plain)
}

/// The HTML of `text`; `finish` is asked about each code block that names its language, and about each formula.
pub fn render_with(text: &str, finish: &impl Finish) -> String {
    let text = normalized(text);
    if is_too_dear(&text) {
        return plain(&text);
    }
    match render_blocks(&text, finish, most_html(&text)) {
        Some(blocks) => blocks.into_iter().map(|block| block.html).collect(),
        None => plain(&text),
    }
}

/// The part of a text that a page shows: its beginning, which stays the same while the text grows.
pub fn shown(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_SHOWN_BYTES)]
}

/// Whether the server's [`Finish`] may change anything: somewhere a fence is followed by a word, or a formula may begin.
/// Cheap, and right when it says no.
pub fn is_unfinished(text: &str) -> bool {
    math::is_possible(text) || has_code(text)
}

fn has_code(text: &str) -> bool {
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
    /// Whether it begins a block whatever is added to the text.
    is_settled: bool,
}

/// The blocks of `text`; none where their HTML, without colours, has more than `most` bytes.
fn render_blocks(text: &str, finish: &impl Finish, most: usize) -> Option<Vec<Block>> {
    let source = Source::new(text);
    let mut page = Page::new(finish);
    let mut blocks = Vec::new();
    let (mut start, mut line, mut counted) = (0, 0, 0);
    for (event, range) in TextMergeWithOffset::new(source.events(finish)) {
        if page.is_at_top() {
            // Offsets in the source differ from those in the text; the line numbers are equal.
            let lines = source.lines(counted, range.start);
            start = skip_lines(text, start, lines);
            line += lines;
            counted = range.start;
        }
        page.take(event);
        if most < page.plain_bytes() {
            return None;
        }
        if page.is_at_top() {
            blocks.push(Block { start, html: page.finish(), is_settled: source.is_settled(line) });
        }
    }
    Some(blocks)
}

/// The HTML that `text` may become before it is shown as it stands.
fn most_html(text: &str) -> usize {
    text.len() * MAX_GROWTH + FREE_HTML_BYTES
}

/// Lines end in `\n` alone, whatever they ended in: a text that grows so still only grows. The characters of
/// `stand_in` become U+FFFD; they are noncharacters in Unicode.
fn normalized(text: &str) -> Cow<'_, str> {
    let lines = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if stand_in::has_reserved(&lines) { Cow::Owned(lines.replace(stand_in::is_reserved, "\u{fffd}")) } else { lines }
}

fn is_too_dear(text: &str) -> bool {
    text.len() > MAX_RENDER_BYTES || text.lines().fold(Gauge::default(), Gauge::with).is_over()
}

/// The text without Markdown, for texts that would be too slow to parse.
fn plain(text: &str) -> String {
    let mut html = String::from(page::PLAIN_START);
    escape(&mut html, text);
    html.push_str(page::PLAIN_END);
    html
}

fn count_lines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

/// The start of the line that is `lines` lines after the one that begins at `start`.
fn skip_lines(text: &str, start: usize, lines: usize) -> usize {
    let Some(last) = lines.checked_sub(1) else { return start };
    text[start..].match_indices('\n').nth(last).map_or(text.len(), |(newline, _)| start + newline + 1)
}
