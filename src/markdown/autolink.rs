//! Finds addresses that stand in a text without any marks: `see https://example.com.`

use super::address::Address;
use super::cjk::is_cjk;

/// Characters that end an address, besides blanks and all Chinese, Japanese or Korean characters, which have no blank
/// before them: quotes and brackets that are not part of one.
const ENDS: &[char] = &['<', '>', '"', '`', '|', '“', '”', '‘', '’', '…'];

/// Characters that belong to the sentence at the end of an address.
const TRAILING: &[char] = &['?', '!', '.', ',', ':', ';', '*', '_', '~', '\''];

/// A piece of a text: in front of an address, and the address.
pub(super) struct Found<'a> {
    pub(super) before: &'a str,
    pub(super) raw: &'a str,
    pub(super) address: Address,
}

/// The addresses in `text`, and the rest after the last one.
pub(super) fn find(text: &str) -> (Vec<Found<'_>>, &str) {
    let mut found = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find("http").map(|at| from + at) {
        let raw = extent(&text[at..]);
        // Also if there is no address: reading the same characters again could take quadratic time.
        from = at + raw.len().max("http".len());
        let Some(address) = starts_here(&text[..at]).then(|| Address::parse(raw)).flatten() else {
            continue;
        };
        if address.is_web() {
            found.push(Found { before: &text[done..at], raw, address });
            done = from;
        }
    }
    (found, &text[done..])
}

/// An address does not start in a word, where words have blanks between them; and one behind `](` is a link that is
/// still being written.
fn starts_here(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric() && !is_cjk(c)) && !before.ends_with("](")
}

fn extent(text: &str) -> &str {
    let is_end = |c: char| c.is_whitespace() || c.is_control() || ENDS.contains(&c) || is_cjk(c);
    let mut raw = &text[..text.find(is_end).unwrap_or(text.len())];
    let mut open =
        [('(', ')'), ('[', ']'), ('{', '}')].map(|(open, close)| (close, count(raw, close), count(raw, open)));
    while let Some(last) = raw.chars().next_back() {
        // A closing bracket belongs to the address if the address opened it, as Wikipedia's do.
        let unopened = open.iter_mut().find(|(close, closed, opened)| *close == last && closed > opened);
        match unopened {
            Some((_, closed, _)) => *closed -= 1,
            None if TRAILING.contains(&last) => {}
            None => break,
        }
        raw = &raw[..raw.len() - last.len_utf8()];
    }
    raw
}

fn count(text: &str, bracket: char) -> usize {
    text.matches(bracket).count()
}
