//! A conversation's title out of its first message.

use super::{Plain, address::is_hidden, normalized, source::Source};
use pulldown_cmark::Event;

/// The number of characters that fit in one line of the list.
const MAX_TITLE_CHARS: usize = 60;

/// The lines and characters that are searched: a title is found in the first few, or not at all.
const MAX_LINES: usize = 20;
const MAX_LINE_CHARS: usize = 500;

/// The first line of `text` with visible text, without Markdown's marks, at most 60 characters long.
///
/// Empty if the text holds nothing that can be seen. It is text, not HTML.
pub fn plain_title(text: &str) -> String {
    let title = text.lines().take(MAX_LINES).map(words).find(|title| !title.is_empty());
    shorten(title.unwrap_or_else(|| tidy(&first_chars(text, MAX_LINE_CHARS))))
}

/// The visible text of a line of Markdown.
fn words(line: &str) -> String {
    let line = first_chars(line, MAX_LINE_CHARS);
    let mut words = String::new();
    for (event, _) in Source::new(&normalized(&line)).events(&Plain) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                words.push_str(&text)
            }
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            _ => {}
        }
    }
    tidy(&words)
}

/// Single blanks, nothing hidden. Joiners are kept: emoji, Persian and Indic scripts need them.
fn tidy(text: &str) -> String {
    let is_joiner = |c| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0f}');
    let seen: String = text
        .chars()
        .filter(|&c| c.is_whitespace() || is_joiner(c) || !is_hidden(c))
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = seen.split(' ').filter(|word| !word.chars().all(is_joiner)).collect();
    words.join(" ")
}

/// Cut behind a word where there is one to cut at, with an ellipsis.
fn shorten(title: String) -> String {
    if title.chars().count() <= MAX_TITLE_CHARS {
        return title;
    }
    let head = first_chars(&title, MAX_TITLE_CHARS - 1);
    // A first word as long as that is not one word: languages without blanks are cut anywhere.
    let end = head.rfind(' ').filter(|&at| at >= head.len() / 2).unwrap_or(head.len());
    let mut short = head[..end].trim_end_matches([' ', ',', ';', ':', '.', '-', '\u{200d}']).to_owned();
    short.push('…');
    short
}

fn first_chars(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}
