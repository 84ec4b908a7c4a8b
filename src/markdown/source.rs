//! Prepares the text for the parser where readers expect something else than CommonMark.
//!
//! A character that must not be parsed as a mark is replaced by a stand-in, a character that Unicode reserves for use
//! within a program, and put back into the parser's events. Lines stay lines, so that a place is found again by its
//! line. All of it looks at one line, or at one character beside a mark, so that a text that grows is treated as one
//! that is there.
//!
//! - a `*` beside Chinese, Japanese or Korean can open and close emphasis: their punctuation has no blanks beside it
//! - a single `~` is a tilde; only `~~` strikes out
//! - a line that begins with a tag is a paragraph, so that what follows it is still Markdown
//! - a closing fence may have tabs behind it
//! - backslashes of a Windows path stay
//! - formulas stay as they are written: `math`
//! - a link to something that is no address is shown as it was written

use super::address::Address;
use super::cjk::is_cjk;
use super::math::Math;
use super::stand_in::{JOINER, hide, is_reserved, shown};
use super::{OPTIONS, count_lines};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, OffsetIter, Parser, Tag, TagEnd};
use std::borrow::Cow;
use std::ops::Range;

/// A text that is prepared for the parser.
pub(super) struct Source<'a> {
    text: Cow<'a, str>,
    math: Math,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let text = marked(text);
        let math = Math::find(&text);
        match math.hidden(&text) {
            Some(hidden) => Self { text: Cow::Owned(hidden), math },
            None => Self { text, math },
        }
    }

    /// The parser's events, with offsets in this text.
    pub(super) fn events(&self) -> Events<'_> {
        let is_changed = matches!(self.text, Cow::Owned(_));
        Events {
            parsed: Parser::new_ext(&self.text, OPTIONS).into_offset_iter(),
            text: &self.text,
            is_changed,
            links: Vec::new(),
        }
    }

    /// How many lines end before `place`, which is not before `from`.
    pub(super) fn lines(&self, from: usize, place: usize) -> usize {
        count_lines(&self.text[from..place])
    }

    /// Whether the block that begins with this line cannot become part of one before it, whatever text is added.
    pub(super) fn is_settled(&self, line: usize) -> bool {
        self.math.is_settled(line)
    }
}

/// A closing fence's line with blanks instead of the tabs after its marks; other lines unchanged.
pub(crate) fn without_tabs(line: &str) -> Cow<'_, str> {
    let marks = line.trim_start_matches(is_before_block);
    let Some(mark @ ('`' | '~')) = marks.chars().next() else { return Cow::Borrowed(line) };
    let run = marks.len() - marks.trim_start_matches(mark).len();
    let behind = marks.trim_start_matches(['`', '~']);
    if run < 3 || !behind.contains('\t') || !behind.trim_matches([' ', '\t', '\n']).is_empty() {
        return Cow::Borrowed(line);
    }
    Cow::Owned([&line[..line.len() - behind.len()], &behind.replace('\t', " ")].concat())
}

/// The prepared text, except for formulas.
fn marked(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for (at, mark) in text.match_indices(['*', '~', '`', '<', '\\']) {
        if at < done {
            continue;
        }
        let Some((range, with)) = change(text, at, mark) else { continue };
        out.push_str(&text[done..range.start]);
        out.push_str(&with);
        done = range.end;
    }
    if done == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// The replacement of the mark at `at`, and the length that it replaces.
fn change(text: &str, at: usize, mark: &str) -> Option<(Range<usize>, String)> {
    match mark {
        "\\" => path(text, at),
        "<" => (begins_line(text, at) && begins_tag(&text[at + 1..])).then(|| (at..at, JOINER.to_string())),
        _ if text[..at].ends_with(mark) => None,
        "*" => beside_cjk(text, at),
        _ => {
            let run = text[at..].len() - text[at..].trim_start_matches(mark).len();
            if run < 3 {
                let mut tilde = String::new();
                hide(&mut tilde, '~');
                return (mark == "~" && run == 1).then(|| (at..at + 1, tilde));
            }
            // Checked first: it is cheap, and only a line's first marks begin it.
            if !begins_line(text, at) {
                return None;
            }
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            match without_tabs(&text[at..end]) {
                Cow::Owned(line) => Some((at..end, line)),
                Cow::Borrowed(_) => None,
            }
        }
    }
}

/// Whether only marks of quotes and lists stand before `at` on its line.
fn begins_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches(is_before_block);
    before.is_empty() || before.ends_with('\n')
}

/// Whether this may stand before a block on its line: it indents, quotes or is part of a list's mark.
fn is_before_block(c: char) -> bool {
    " \t>-+*.)".contains(c) || c.is_ascii_digit()
}

fn begins_tag(behind: &str) -> bool {
    behind.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c))
}

/// Puts letters beside a run of stars, where one side of it is Chinese, Japanese or Korean.
fn beside_cjk(text: &str, at: usize) -> Option<(Range<usize>, String)> {
    let behind = text[at..].trim_start_matches('*');
    let end = text.len() - behind.len();
    let (before, after) = (text[..at].chars().next_back(), behind.chars().next());
    if !before.is_some_and(is_cjk) && !after.is_some_and(is_cjk) {
        return None;
    }
    let joiner = |beside: Option<char>| match beside {
        Some(c) if !c.is_whitespace() && c != '\\' => JOINER.to_string(),
        _ => String::new(),
    };
    Some((at..end, [&joiner(before), &text[at..end], &joiner(after)].concat()))
}

/// The rest of a Windows path, from the backslash behind its drive or in front of its server.
fn path(text: &str, at: usize) -> Option<(Range<usize>, String)> {
    let rest = &text[at..];
    if !follows_drive(&text[..at], rest) && !is_share(&text[..at], rest) {
        return None;
    }
    let is_end = |c: char| c.is_whitespace() || "|`\"<>".contains(c);
    let rest = &rest[..rest.find(is_end).unwrap_or(rest.len())];
    let mut hidden = String::new();
    let mut escaped = false;
    for c in rest.chars() {
        if escaped || c == '\\' {
            hide(&mut hidden, c);
        } else {
            hidden.push(c);
        }
        escaped = !escaped && c == '\\';
    }
    Some((at..at + rest.len(), hidden))
}

/// `C:` before, and a name behind. Two backslashes were meant as one.
fn follows_drive(before: &str, rest: &str) -> bool {
    let mut before = before.chars().rev();
    before.next() == Some(':')
        && before.next().is_some_and(|c| c.is_ascii_alphabetic())
        && !before.next().is_some_and(char::is_alphanumeric)
        && begins_name(&rest[1..])
}

/// `\\server\share`.
fn is_share(before: &str, rest: &str) -> bool {
    let is_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '\\');
    let Some(server) = rest.strip_prefix("\\\\").filter(|server| begins_name(server) && !is_word) else { return false };
    let share = server.trim_start_matches(|c: char| c.is_alphanumeric() || "_.-$".contains(c));
    share.strip_prefix('\\').is_some_and(begins_name)
}

fn begins_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || "_.%$*-".contains(c))
}

/// The parser's events, converted for display.
pub(super) struct Events<'a> {
    parsed: OffsetIter<'a>,
    text: &'a str,
    is_changed: bool,
    /// The open links; for one without an address, the offset up to which it was shown.
    links: Vec<Option<usize>>,
}

impl<'a> Events<'a> {
    /// `text` without stand-ins.
    fn clear<'b>(&self, text: CowStr<'b>) -> CowStr<'b> {
        match self.is_changed && text.contains(is_reserved) {
            true => text.chars().filter_map(shown).collect::<String>().into(),
            false => text,
        }
    }

    fn cleared(&self, event: Event<'a>) -> Event<'a> {
        match event {
            Event::Text(text) => Event::Text(self.clear(text)),
            Event::Code(text) => Event::Code(self.clear(text)),
            Event::Html(text) => Event::Html(self.clear(text)),
            Event::InlineHtml(text) => Event::InlineHtml(self.clear(text)),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(self.clear(info))))
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Link { link_type, dest_url: self.clear(dest_url), title, id })
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                Event::Start(Tag::Image { link_type, dest_url: self.clear(dest_url), title, id })
            }
            event => event,
        }
    }

    /// Whether this is a link to no address, or an image right behind a word: `list[0][1](x)`, `vec![1](x)`.
    fn opens_nothing(&self, tag: &Tag<'_>, start: usize) -> bool {
        match tag {
            Tag::Link { link_type, dest_url, .. } => Address::of_link(*link_type, dest_url).is_none(),
            Tag::Image { link_type, dest_url, .. } => {
                self.text[..start].ends_with(char::is_alphanumeric) && Address::of_link(*link_type, dest_url).is_none()
            }
            _ => false,
        }
    }

    /// The marks of `self.text` in this range as text.
    fn as_text(&self, range: Range<usize>) -> Event<'a> {
        let text: &'a str = self.text;
        Event::Text(self.clear(CowStr::Borrowed(&text[range])))
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = (Event<'a>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (event, range) = self.parsed.next()?;
        let mut event = self.cleared(event);
        match &event {
            Event::Start(tag @ (Tag::Link { .. } | Tag::Image { .. })) => {
                let opens_nothing = self.opens_nothing(tag, range.start);
                let inside = range.start + if matches!(tag, Tag::Image { .. }) { 2 } else { 1 };
                self.links.push(opens_nothing.then_some(inside));
                if opens_nothing {
                    event = self.as_text(range.start..inside);
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if let Some(inside) = self.links.pop().flatten() {
                    event = self.as_text(inside..range.end);
                }
                self.show(range.end);
            }
            Event::Start(_) => {}
            _ => self.show(range.end),
        }
        Some((event, range))
    }
}

impl Events<'_> {
    /// Notes the offset up to which the innermost link was shown.
    fn show(&mut self, end: usize) {
        if let Some(Some(inside)) = self.links.last_mut() {
            *inside = end.max(*inside);
        }
    }
}
