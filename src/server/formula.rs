//! Formulas as MathML. Browsers set it by themselves, so they load nothing for it; while a reply streams they show the
//! TeX, and the formulas come with the colours of its code (`highlight`).
//!
//! The TeX comes from a model and may be anything. `pulldown-latex` reads it, and what it writes is not trusted either:
//! `allowed` lets through the elements and attributes of a list and refuses everything else. What is refused, unknown or
//! too large stays TeX, as it was written.

mod allowed;

use crate::markdown::escape;
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};
use std::convert::Infallible;
use std::thread::JoinHandle;

/// Longer ones stay TeX: the longest derivations of lectures have a quarter of it.
const MAX_TEX_BYTES: usize = 4 << 10;
/// Groups within each other, before they are parsed: each is searched for its end again by all that stand around it.
const MAX_NESTING: usize = 64;
/// What the parser may make of a formula: nothing but macros makes more than a few events of a byte.
const MAX_EVENTS: usize = 4 * MAX_TEX_BYTES;

/// The parser calls itself for each command that is another's argument, as in `\sqrt\hat a`: 2 KiB of stack each, and ten
/// times as much in a debug build. Enough for a formula of nothing else; only what is used of it is taken.
const STACK_BYTES: usize = 32 << 20;

/// Commands that define others, a few bytes of which could become megabytes; and one that stands for any character, also
/// for those that the parser's crate does not expect.
const REFUSED: [&str; 8] = [
    "\\def",
    "\\let",
    "\\futurelet",
    "\\newcommand",
    "\\renewcommand",
    "\\providecommand",
    "\\DeclareMathOperator",
    "\\char",
];

/// Stands before a group that gets a frame: for private use in Unicode, and in no list of `allowed`.
const FRAMED: char = '\u{e000}';

/// What formulas use and the parser does not know. A number at the edge stands behind its formula, and a name that only
/// other formulas would refer to is left out.
const KNOWN: &str = concat!(
    "\\newcommand{\\boxed}[1]{{\u{e000}{\\displaystyle #1}}}",
    "\\newcommand{\\tag}[1]{\\qquad(\\mathrm{#1})}",
    "\\newcommand{\\label}[1]{}",
    "\\def\\nonumber{}\\def\\notag{}",
);

/// The HTML of a formula with its marks (`\(…\)`, `\[…\]`, `$$…$$` or `$…$`), or nothing where it stays TeX.
///
/// The TeX is part of it, so that it is found and copied: the style sheet lays it over the formula, unseen.
pub fn set(formula: &str) -> Option<String> {
    let (tex, mode) = inside(formula)?;
    let too_much = tex.len() > MAX_TEX_BYTES || nesting(tex) > MAX_NESTING;
    if too_much || REFUSED.iter().any(|command| tex.contains(command)) {
        return None;
    }
    let mathml = mathml(tex, mode)?;
    let mut html = String::with_capacity(2 * mathml.len());
    html.push_str(match mode {
        DisplayMode::Block => {
            r#"<span class="formula block" dir="ltr" tabindex="0" role="group" aria-label="Formula">"#
        }
        DisplayMode::Inline => r#"<span class="formula" dir="ltr">"#,
    });
    html.push_str(r#"<span class="tex" aria-hidden="true">"#);
    escape(&mut html, formula);
    html.push_str("</span>");
    allowed::write(&mut html, &mathml)?;
    html.push_str("</span>");
    Some(html)
}

/// The TeX between the marks, and how it is set.
fn inside(formula: &str) -> Option<(&str, DisplayMode)> {
    const MARKS: [(&str, &str, DisplayMode); 4] = [
        ("\\(", "\\)", DisplayMode::Inline),
        ("\\[", "\\]", DisplayMode::Block),
        ("$$", "$$", DisplayMode::Block),
        ("$", "$", DisplayMode::Inline),
    ];
    let (open, close, mode) = MARKS.into_iter().find(|(open, ..)| formula.starts_with(open))?;
    Some((formula.strip_prefix(open)?.strip_suffix(close)?, mode))
}

/// How deep groups, brackets that grow and environments stand within each other.
fn nesting(tex: &str) -> usize {
    let opening = ["{", "\\left", "\\begin"].iter().flat_map(|open| tex.match_indices(open)).map(|(at, _)| (at, true));
    let closing =
        ["}", "\\right", "\\end"].iter().flat_map(|close| tex.match_indices(close)).map(|(at, _)| (at, false));
    let mut marks: Vec<(usize, bool)> = opening.chain(closing).collect();
    marks.sort_unstable();
    let (mut depth, mut deepest) = (0_usize, 0);
    for (_, is_opening) in marks {
        depth = if is_opening { depth + 1 } else { depth.saturating_sub(1) };
        deepest = deepest.max(depth);
    }
    deepest
}

/// MathML as the parser's crate writes it; none for TeX with an error in it.
///
/// A thread of its own has the stack, and ends alone where an assertion of the crate about itself fails: that must not
/// take the whole page with it. A thread takes some twenty microseconds.
fn mathml(tex: &str, mode: DisplayMode) -> Option<String> {
    let source = [KNOWN, tex].concat();
    let thread = std::thread::Builder::new().name("formula".into()).stack_size(STACK_BYTES);
    let written = thread.spawn(move || write(&source, mode)).map(JoinHandle::join);
    if let Ok(Ok(mathml)) = written {
        return mathml;
    }
    tracing::error!(bytes = tex.len(), "A formula could not be set, and is shown as TeX");
    None
}

fn write(source: &str, display_mode: DisplayMode) -> Option<String> {
    let storage = Storage::new();
    let events: Vec<_> = Parser::new(source, &storage).take(MAX_EVENTS + 1).collect::<Result<_, _>>().ok()?;
    if events.len() > MAX_EVENTS {
        return None;
    }
    let mut out = String::new();
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    push_mathml(&mut out, events.into_iter().map(Ok::<_, Infallible>), config).ok()?;
    Some(out)
}
