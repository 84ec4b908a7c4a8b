//! A provider's own words, made fit to be shown: one line, cut to length, without web pages and without secrets.

use crate::markdown::is_hidden;

/// The longest excerpt, in characters: a provider's reason is one or two sentences.
pub(super) const LONGEST: usize = 300;
/// The end of an excerpt that was cut.
pub(super) const CUT: &str = "…”";
/// The replacement of a secret.
pub(super) const HIDDEN: &str = "[hidden]";
/// The shortest beginning of a secret that is redacted, in bytes. Shorter ones are found in any text.
pub(super) const SHORTEST_START: usize = 6;

/// The words in quotation marks; none when they are blank or a web page.
pub(super) fn quote(words: &str) -> Option<String> {
    let words = tidy(words);
    if words.is_empty() || has_markup(&words) {
        return None;
    }
    if words.chars().nth(LONGEST).is_none() {
        return Some(format!("“{words}”"));
    }
    let start: String = words.chars().take(LONGEST).collect();
    Some(format!("“{start}{CUT}"))
}

/// The message without `secret`, wherever an excerpt repeats it. An excerpt that was cut in the middle of the secret
/// must be at the message's end.
pub(super) fn hide(message: String, secret: &str) -> String {
    let secret = tidy(secret);
    let message = message.replace(&secret, HIDDEN);
    let Some(shown) = message.strip_suffix(CUT) else { return message };
    let starts = secret.char_indices().map(|(end, _)| &secret[..end]).take(LONGEST + 1);
    let cut = starts.filter(|start| SHORTEST_START <= start.len() && shown.ends_with(start)).last();
    match cut {
        Some(start) => format!("{}{HIDDEN}{CUT}", &shown[..shown.len() - start.len()]),
        None => message,
    }
}

/// Without characters that hide or turn text, and with single spaces in place of control characters.
pub(super) fn tidy(words: &str) -> String {
    let blank = |character: char| character.is_whitespace() || character.is_control();
    let shown: String = words.chars().filter(|character| blank(*character) || !is_hidden(*character)).collect();
    shown.split(blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether there is a tag, a comment or a document type in it.
fn has_markup(words: &str) -> bool {
    let opens = |next: char| next.is_ascii_alphabetic() || next == '/' || next == '!';
    words.split('<').skip(1).any(|rest| rest.starts_with(opens))
}
