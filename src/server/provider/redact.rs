//! Keys in a provider's words, found by their value: as they are, in other case, percent-encoded, and in base64, also
//! inside something longer.

use crate::server::provider::excerpt::{CUT, HIDDEN, SHORTEST_START};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

/// A byte of the message after percent-decoding, in small letters, and its position in the message.
struct Byte {
    value: u8,
    start: usize,
    end: usize,
}

/// The message without `key`, in any of these forms. Of a key that an excerpt's end has cut, the beginning is redacted.
pub(super) fn hide_key(message: String, key: &str) -> String {
    let forms = forms(key);
    let message = forms.iter().fold(message, |message, form| hide_whole(message, form));
    match message.strip_suffix(CUT) {
        Some(shown) => match forms.iter().filter_map(|form| start_of_cut(shown, form)).min() {
            Some(start) => format!("{}{HIDDEN}{CUT}", &shown[..start]),
            None => message,
        },
        None => message,
    }
}

/// The form of the key after [`decoded`].
fn forms(key: &str) -> Vec<Vec<u8>> {
    let standard = (0..3).map(|before| in_base64(key, before)).collect::<Vec<_>>();
    let for_urls = standard.iter().map(|text| text.replace('+', "-").replace('/', "_"));
    let all = [key.to_owned()].into_iter().chain(standard.iter().cloned()).chain(for_urls);
    let mut all: Vec<_> = all.map(|text| text.to_ascii_lowercase().into_bytes()).collect();
    all.retain(|form| SHORTEST_START <= form.len());
    all
}

/// The part of a base64 text that the key alone determines, with this many bytes before it in a group of three.
fn in_base64(key: &str, before: usize) -> String {
    let bytes = [&[0; 2][..before], key.as_bytes()].concat();
    let decided_by_others = (before * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    BASE64.encode(&bytes).get(decided_by_others..whole).unwrap_or_default().to_owned()
}

fn decoded(message: &str) -> Vec<Byte> {
    let bytes = message.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut start = 0;
    while start < bytes.len() {
        let (value, length) = match escaped(&bytes[start..]) {
            Some(value) => (value, 3),
            None => (bytes[start], 1),
        };
        decoded.push(Byte { value: value.to_ascii_lowercase(), start, end: start + length });
        start += length;
    }
    decoded
}

/// The byte that the text starts with, as `%XX`.
fn escaped(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn hide_whole(message: String, form: &[u8]) -> String {
    let bytes = decoded(&message);
    let mut shown = String::with_capacity(message.len());
    let (mut kept, mut place) = (0, 0);
    while let Some(candidate) = bytes.get(place..place + form.len()) {
        if !candidate.iter().map(|byte| byte.value).eq(form.iter().copied()) {
            place += 1;
            continue;
        }
        shown.push_str(&message[kept..candidate[0].start]);
        shown.push_str(HIDDEN);
        kept = candidate[form.len() - 1].end;
        place += form.len();
    }
    shown.push_str(&message[kept..]);
    shown
}

/// The position of the beginning of this form, if the text ends with one.
fn start_of_cut(shown: &str, form: &[u8]) -> Option<usize> {
    // An escape that was cut in two belongs to the key as well.
    let whole = shown.rfind('%').filter(|percent| shown.len() < percent + 3).unwrap_or(shown.len());
    let bytes = decoded(&shown[..whole]);
    let longest = form.len().min(bytes.len());
    (SHORTEST_START..=longest).rev().find_map(|length| {
        let tail = &bytes[bytes.len() - length..];
        tail.iter().map(|byte| byte.value).eq(form[..length].iter().copied()).then(|| tail[0].start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const KEY: &str = "sk-Proj-a1B2/c3?d4+e5";

    #[test]
    fn z42_a_key_is_hidden_however_it_is_written() {
        let each: String = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for written in [
            KEY.to_owned(),
            KEY.to_uppercase(),
            KEY.to_lowercase(),
            "sk-Proj-a1B2%2Fc3%3Fd4%2Be5".to_owned(),
            "SK-PROJ-A1B2%2fC3%3fD4%2bE5".to_owned(),
            each,
            STANDARD.encode(KEY).trim_end_matches('=').to_owned(),
            URL_SAFE_NO_PAD.encode(KEY),
        ] {
            let told = hide_key(format!("It said: “the key {written} is wrong”"), KEY);
            let rest = told.replace(HIDDEN, "");
            assert!(
                told.contains(HIDDEN) && rest.len() <= "It said: “the key  is wrong”".len() + 2,
                "{written}: {told}"
            );
        }
        for before in ["Bearer ", "u:", "x"] {
            let told = hide_key(STANDARD.encode(format!("{before}{KEY} and more")), KEY);
            assert!(told.contains(HIDDEN), "{told}");
        }
        let other = "It said: “100% of ünïcödé %zz stays”";
        assert_eq!(hide_key(other.into(), KEY), other);
    }

    #[test]
    fn z42_what_the_end_of_a_quote_left_of_a_key_is_hidden_too() {
        for cut in ["sk-Proj-a", "SK-PROJ", "sk-Proj-a1B2%2", "c2stUHJvai1hM", "c2stUHJvai"] {
            let told = hide_key(format!("It said: “wrong: {cut}…”"), KEY);
            assert!(told.contains(HIDDEN) && told.ends_with(CUT), "{cut}: {told}");
        }
        let other = "It said: “wrong: sk-a…”";
        assert_eq!(hide_key(other.into(), KEY), other);
    }
}
