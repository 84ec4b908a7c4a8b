//! JSON as model APIs really send it: with halves of surrogate pairs, and with numbers in the place of text.
//!
//! A provider that cuts its text between two UTF-16 units writes `"\ud83d"`, which JSON's grammar allows and serde_json
//! rejects. The text around it must not be lost, so such a half becomes U+FFFD. And a token such as `1e3` comes as a
//! number from some servers: as a number it would be 1000.0, so it is read again as text.

use serde::de::DeserializeOwned;

/// Parses, and repairs the text only when needed.
///
/// # Errors
/// serde_json's error about text that stays invalid.
pub(super) fn parse<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json).or_else(|_| serde_json::from_str(&spell(&mend(json))))
}

/// Quotes every number whose notation would be lost: all except whole ones of 64 bits.
fn spell(json: &str) -> String {
    let mut spelled = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(start) = rest.find(|character: char| matches!(character, '"' | '-' | '0'..='9')) {
        let (before, token) = rest.split_at(start);
        let is_text = token.starts_with('"');
        let (token, after) = token.split_at(if is_text { text(token) } else { number(token) });
        spelled.push_str(before);
        if is_text || is_whole(token) {
            spelled.push_str(token);
        } else {
            spelled.extend(["\"", token, "\""]);
        }
        rest = after;
    }
    spelled.push_str(rest);
    spelled
}

/// The length of the quoted text at the front.
fn text(json: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    json.len()
}

/// The length of the number at the front.
fn number(json: &str) -> usize {
    json.find(|character: char| !matches!(character, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(json.len())
}

fn is_whole(number: &str) -> bool {
    number != "-0" && (number.parse::<u64>().is_ok() || number.parse::<i64>().is_ok())
}

/// Replaces every escaped half of a surrogate pair by an escaped U+FFFD.
fn mend(json: &str) -> String {
    let mut mended = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(backslash) = rest.find('\\') {
        mended.push_str(&rest[..backslash]);
        let escape = &rest[backslash..];
        let (length, half) = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(0xd800..=0xdfff), _) => (6, true),
            // The backslash and the character that it escapes, which may be another backslash.
            _ => (1 + escape[1..].chars().next().map_or(0, char::len_utf8), false),
        };
        mended.push_str(if half { "\\ufffd" } else { &escape[..length] });
        rest = &escape[length..];
    }
    mended.push_str(rest);
    mended
}

/// The UTF-16 unit that the text starts with, as `\uXXXX`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}
