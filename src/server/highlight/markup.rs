//! HTML and XML: tags, attributes, and the scripts and styles between them.

use super::{Spans, class, languages, lexer};

pub(super) fn read(text: &str, spans: &mut Spans) {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        spans.push(class::NONE, &rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            let (comment, behind) = split_behind(rest, "-->");
            spans.push(class::COMMENT, comment);
            rest = behind;
            continue;
        }
        let (name, behind) = tag(rest, spans);
        rest = embedded(name, behind, spans);
    }
    spans.push(class::NONE, rest);
}

/// Writes the tag that `text` starts with. Returns its name, if it opens an element, and the rest.
fn tag<'a>(text: &'a str, spans: &mut Spans) -> (&'a str, &'a str) {
    let is_mark = |c: char| "</!?".contains(c);
    let marks = text.len() - text.trim_start_matches(is_mark).len();
    let is_name = |c: char| c.is_alphanumeric() || "-_:.".contains(c);
    let end = text[marks..].find(|c| !is_name(c)).map_or(text.len(), |length| marks + length);
    if end == marks {
        // A sign of its own, as in `a < b`.
        spans.push(class::NONE, &text[..marks]);
        return ("", &text[marks..]);
    }
    spans.push(class::PUNCTUATION, &text[..marks]);
    spans.push(class::TYPE, &text[marks..end]);
    let name = if marks == 1 { &text[marks..end] } else { "" };
    let mut rest = &text[end..];
    while let Some(first) = rest.chars().next().filter(|&c| c != '<') {
        let (class, length) = match first {
            '>' => (class::PUNCTUATION, 1),
            '"' | '\'' => (class::STRING, rest[1..].find(first).map_or(rest.len(), |length| length + 2)),
            '=' => (class::OPERATOR, 1),
            '/' | '?' => (class::PUNCTUATION, 1),
            _ => (class::ATTRIBUTE, rest.find(['<', '>', '"', '\'', '=', '/', '?']).unwrap_or(rest.len())),
        };
        spans.push(class, &rest[..length]);
        rest = &rest[length..];
        if first == '>' {
            break;
        }
    }
    (name, rest)
}

/// Writes the content of a script or a style. Returns the rest.
fn embedded<'a>(name: &str, text: &'a str, spans: &mut Spans) -> &'a str {
    let (end, language) = match name {
        "script" => ("</script", "js"),
        "style" => ("</style", "css"),
        _ => return text,
    };
    let (code, behind) = text.split_at(text.find(end).unwrap_or(text.len()));
    if let Some(language) = languages::find(language) {
        lexer::read(language, code, spans);
    }
    behind
}

fn split_behind<'a>(text: &'a str, end: &str) -> (&'a str, &'a str) {
    text.split_at(text.find(end).map_or(text.len(), |at| at + end.len()))
}
