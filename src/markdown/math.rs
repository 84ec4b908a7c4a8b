//! Finds formulas (`\(…\)`, `\[…\]`, `$$…$$`, `$…$`), whose backslashes, stars and lines are no Markdown.
//!
//! A formula is not in code, has no blank line, and ends in the list item or quote, the heading or the cell that it
//! begins in. `$…$` could be money, so it has no blank inside its marks, no digit behind it, and stays on its line. While
//! the end of a formula is missing it is Markdown, and blocks behind its beginning may still become part of it.

use super::stand_in::{hide, shown};
use super::{OPTIONS, count_lines};
use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd};
use std::ops::Range;

/// The formulas in a text.
#[derive(Default)]
pub(super) struct Math {
    spans: Vec<Span>,
    /// The lines that begin blocks, as the parser sees the text with formulas taken for Markdown.
    starts: Option<Vec<usize>>,
    /// The line of the first formula that may still be closed.
    open: Option<usize>,
}

struct Span {
    range: Range<usize>,
    /// How many quotes it stands in.
    quotes: usize,
}

impl Math {
    pub(super) fn find(text: &str) -> Self {
        if !is_possible(text) {
            return Self::default();
        }
        let layout = Layout::of(text);
        let mut scan =
            Scan { text, layout: &layout, next_bound: 0, within: Vec::new(), blank: 0, none: [0; 3], open: None };
        let spans = scan.spans();
        let open = scan.open.map(|at| count_lines(&text[..at]));
        Self { spans, starts: Some(layout.starts), open }
    }

    /// The text with stand-ins for possible marks in formulas, if there are formulas.
    pub(super) fn hidden(&self, text: &str) -> Option<String> {
        let last = self.spans.last()?;
        let mut out = String::with_capacity(2 * text.len());
        let mut done = 0;
        for span in &self.spans {
            out.push_str(&text[done..span.range.start]);
            span.hide(&mut out, &text[span.range.clone()]);
            done = span.range.end;
        }
        out.push_str(&text[last.range.end..]);
        Some(out)
    }

    /// The formulas: where each stands in the text that [`hidden`](Self::hidden) makes of `text`, and as it was written.
    pub(super) fn formulas(&self, text: &str) -> Vec<(Range<usize>, String)> {
        let (mut at, mut done) = (0, 0);
        let place = |span: &Span| {
            let text = &text[span.range.clone()];
            let mut hidden = String::new();
            span.hide(&mut hidden, text);
            let start = at + span.range.start - done;
            (at, done) = (start + hidden.len(), span.range.end);
            (start..at, span.tex(text))
        };
        self.spans.iter().map(place).collect()
    }

    pub(super) fn is_settled(&self, line: usize) -> bool {
        self.open.is_none_or(|open| line <= open)
            && self.starts.as_ref().is_none_or(|starts| starts.binary_search(&line).is_ok())
    }
}

/// Whether there may be formulas in `text`. Cheap, and right when it says no.
pub(super) fn is_possible(text: &str) -> bool {
    text.contains("\\(") || text.contains("\\[") || text.matches('$').nth(1).is_some()
}

impl Span {
    fn hide(&self, out: &mut String, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            let mut rest = line;
            if number > 0 {
                out.push('\n');
                rest = self.without_prefix(line);
                out.push_str(&line[..line.len() - rest.len()]);
            }
            rest.chars().for_each(|c| hide(out, c));
        }
    }

    /// A line behind the first, without what belongs to the quote or list around the formula.
    fn without_prefix<'a>(&self, line: &'a str) -> &'a str {
        let mut rest = line.trim_start_matches([' ', '\t']);
        for _ in 0..self.quotes {
            rest = rest.strip_prefix('>').unwrap_or(rest).trim_start_matches([' ', '\t']);
        }
        rest
    }

    /// The formula as it was written, which stands in `text` as the parser gets it.
    fn tex(&self, text: &str) -> String {
        let (first, rest) = text.split_once('\n').map_or((text, None), |(first, rest)| (first, Some(rest)));
        let mut lines = vec![first];
        lines.extend(rest.iter().flat_map(|rest| rest.split('\n')).map(|line| self.without_prefix(line)));
        lines.join("\n").chars().filter_map(shown).collect()
    }
}

/// The end that a formula which begins in it must not cross.
struct Bound {
    range: Range<usize>,
    kind: BoundKind,
}

#[derive(PartialEq, Eq)]
enum BoundKind {
    Item,
    Quote,
    /// A heading or a cell.
    Line,
}

/// The parser's view of a text, with formulas parsed as Markdown.
#[derive(Default)]
struct Layout {
    code: Vec<Range<usize>>,
    /// Addresses: nothing in them begins or ends a formula.
    addresses: Vec<Range<usize>>,
    bounds: Vec<Bound>,
    starts: Vec<usize>,
}

impl Layout {
    fn of(text: &str) -> Self {
        let mut layout = Self::default();
        let parser = Parser::new_ext(text, OPTIONS).into_offset_iter();
        layout.addresses.extend(parser.reference_definitions().iter().map(|(_, definition)| definition.span.clone()));
        let (mut depth, mut line, mut counted, mut shown) = (0, 0, 0, 0);
        for (event, range) in parser {
            if depth == 0 {
                line += count_lines(&text[counted..range.start]);
                counted = range.start;
                layout.starts.push(line);
            }
            match &event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            layout.take(text, event, range, &mut shown);
        }
        layout.addresses.sort_unstable_by_key(|range| range.start);
        layout
    }

    fn take(&mut self, text: &str, event: Event<'_>, range: Range<usize>, shown: &mut usize) {
        let kind = match event {
            Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => {
                *shown = range.end;
                return self.code.push(range);
            }
            Event::Start(Tag::Link { link_type: LinkType::Autolink | LinkType::Email, .. }) => {
                return self.addresses.push(range);
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                return self.addresses.push((*shown).max(range.start)..range.end);
            }
            Event::Start(Tag::Item) => BoundKind::Item,
            Event::Start(Tag::BlockQuote(_)) => BoundKind::Quote,
            Event::Start(Tag::TableCell) => BoundKind::Line,
            Event::Start(Tag::Heading { .. }) if text[range.start..].trim_start().starts_with('#') => BoundKind::Line,
            Event::Start(_) => return,
            _ => return *shown = range.end.max(*shown),
        };
        self.bounds.push(Bound { range, kind });
    }

    /// The end of the code or the address that stands at `at`.
    fn opaque(&self, at: usize) -> Option<usize> {
        end_of(&self.code, at).or_else(|| end_of(&self.addresses, at))
    }

    /// Where the first code behind `at` begins.
    fn next_code(&self, at: usize) -> Option<usize> {
        self.code.get(self.code.partition_point(|code| code.start < at)).map(|code| code.start)
    }
}

fn end_of(ranges: &[Range<usize>], at: usize) -> Option<usize> {
    let before = ranges[..ranges.partition_point(|range| range.start <= at)].last()?;
    before.contains(&at).then_some(before.end)
}

/// How a formula is marked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Round,
    Square,
    Dollars,
    Dollar,
}

impl Kind {
    /// How the formula ends.
    fn close(self) -> &'static str {
        match self {
            Self::Round => "\\)",
            Self::Square => "\\]",
            Self::Dollars => "$$",
            Self::Dollar => "$",
        }
    }
}

/// The kind of formula that a backslash or a dollar may begin, and the mark's length.
fn opener(text: &str) -> (Option<Kind>, usize) {
    let dollars = text.len() - text.trim_start_matches('$').len();
    match text.as_bytes() {
        [b'\\', b'(', ..] => (Some(Kind::Round), 2),
        [b'\\', b'[', ..] => (Some(Kind::Square), 2),
        [b'\\', next, ..] => (None, if next.is_ascii_punctuation() { 2 } else { 1 }),
        _ => match dollars {
            1 => (Some(Kind::Dollar), 1),
            2 => (Some(Kind::Dollars), 2),
            _ => (None, dollars.max(1)),
        },
    }
}

struct Scan<'a> {
    text: &'a str,
    layout: &'a Layout,
    next_bound: usize,
    /// The bounds around the offset.
    within: Vec<&'a Bound>,
    /// Where the next blank line begins, once the place is before it.
    blank: usize,
    /// Up to where there is no end of each kind, so that no text is searched twice.
    none: [usize; 3],
    open: Option<usize>,
}

impl Scan<'_> {
    fn spans(&mut self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut at = 0;
        while let Some(found) = self.text[at..].find(['\\', '$']) {
            at += found;
            if let Some(end) = self.layout.opaque(at) {
                at = end;
                continue;
            }
            self.enter(at);
            let (kind, length) = opener(&self.text[at..]);
            let end = kind.and_then(|kind| if kind == Kind::Dollar { self.inline(at) } else { self.block(at, kind) });
            if let Some(end) = end {
                let quotes = self.within.iter().filter(|bound| bound.kind == BoundKind::Quote).count();
                spans.push(Span { range: at..end, quotes });
            }
            at = end.unwrap_or(at + length);
        }
        spans
    }

    /// Takes note of the items, quotes and cells that `at` stands in.
    fn enter(&mut self, at: usize) {
        while let Some(bound) = self.layout.bounds.get(self.next_bound).filter(|bound| bound.range.start <= at) {
            self.within.retain(|outer| bound.range.start < outer.range.end);
            self.within.push(bound);
            self.next_bound += 1;
        }
        while self.within.last().is_some_and(|bound| bound.range.end <= at) {
            self.within.pop();
        }
        if self.blank <= at {
            self.blank = blank_line(self.text, at);
        }
    }

    /// The end of the `$…$` that begins at `at`.
    fn inline(&self, at: usize) -> Option<usize> {
        let limit = self.bound().min(self.layout.next_code(at).unwrap_or(self.text.len()));
        let line = &self.text[at + 1..limit.max(at + 1)];
        let line = &line[..line.find('\n').unwrap_or(line.len())];
        let mut length = 0;
        let content = loop {
            length += line[length..].find(['\\', '$'])?;
            if line[length..].starts_with('$') {
                break &line[..length];
            }
            length += 1 + line[length + 1..].chars().next().map_or(0, char::len_utf8);
        };
        let end = at + 1 + length;
        let behind = self.text[end + 1..].chars().next();
        let is_money = behind.is_some_and(|c| c.is_ascii_digit() || c == '$') || !is_formula(content);
        (!is_money && self.layout.opaque(end).is_none()).then_some(end + 1)
    }

    /// The end of the formula that begins at `at` and may have several lines.
    fn block(&mut self, at: usize, kind: Kind) -> Option<usize> {
        let code = self.layout.next_code(at).unwrap_or(self.text.len());
        let firm = self.blank.min(code);
        let limit = firm.min(self.bound());
        if limit <= self.none[kind as usize] {
            return None;
        }
        match self.close(at + 2, limit, kind.close()) {
            Some(end) if kind == Kind::Dollars && !self.may_break(at, end) => None,
            Some(end) => Some(end).filter(|end| !self.text[at + 2..end - 2].trim().is_empty()),
            None => {
                self.none[kind as usize] = limit;
                let is_line = self.within.last().is_some_and(|bound| bound.kind == BoundKind::Line);
                if !is_line && firm == self.text.len() && self.text[limit..].trim().is_empty() {
                    self.open.get_or_insert(at);
                }
                None
            }
        }
    }

    fn close(&self, from: usize, limit: usize, close: &str) -> Option<usize> {
        let mut at = from;
        while let Some(found) = self.text[..limit].get(at..)?.find(['\\', '$']) {
            at += found;
            if self.text[at..limit].starts_with(close) && self.layout.opaque(at).is_none() {
                return Some(at + close.len());
            }
            let is_pair = self.text[at..limit].starts_with('\\');
            at += 1;
            if is_pair {
                at += self.text[at..limit].chars().next().map_or(0, char::len_utf8);
            }
        }
        None
    }

    /// Whether dollars with several lines between them stand at the beginning or the end of a line, so that they are
    /// no prices.
    fn may_break(&self, at: usize, end: usize) -> bool {
        let before = self.text[..at].trim_end_matches(|c: char| " \t>-+*.)".contains(c) || c.is_ascii_digit());
        let behind = self.text[at + 2..].trim_start_matches([' ', '\t']);
        !self.text[at..end].contains('\n') || before.is_empty() || before.ends_with('\n') || behind.starts_with('\n')
    }

    fn bound(&self) -> usize {
        self.within.last().map_or(self.text.len(), |bound| bound.range.end)
    }
}

/// Whether the text between two dollars can be a formula: `$HOME** and **$` and `$5 and $` cannot.
fn is_formula(content: &str) -> bool {
    let inner = content.trim_end_matches(['*', '_', '~', '(', '[', '{', '"', '\'']);
    let is_opened = inner.len() < content.len() && (inner.is_empty() || inner.ends_with(char::is_whitespace));
    !content.is_empty()
        && !content.starts_with(char::is_whitespace)
        && !content.ends_with(char::is_whitespace)
        && !is_opened
}

/// Where the first blank line behind `at` begins.
fn blank_line(text: &str, at: usize) -> usize {
    let mut start = at;
    while let Some(newline) = text[start..].find('\n') {
        start += newline + 1;
        let line = &text[start..start + text[start..].find('\n').unwrap_or(text.len() - start)];
        // The text after the last line end may be more of that line.
        if start < text.len() && line.trim_start_matches(|c: char| c == '>' || c.is_whitespace()).is_empty() {
            return start;
        }
    }
    text.len()
}
