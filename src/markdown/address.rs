//! The allowed targets of links: http, https and mailto, to a host that is displayed unambiguously.
//!
//! Browsers repair addresses (they skip tabs, take `\` for `/`, decode hosts), so nothing is repaired here: a string
//! that is not plainly an address is not linked.

use super::punycode;
use pulldown_cmark::LinkType;

/// Longer addresses are not linked. Browsers allow more, but users do not write them.
const MAX_ADDRESS_BYTES: usize = 2048;

/// An address that is safe to link to.
pub(super) struct Address {
    /// In ASCII, for the attribute (still to be escaped).
    pub(super) href: String,
    /// Its target, in ASCII: a host, or the recipient of mail.
    pub(super) host: String,
    /// Whether its text hides its target: the host is not ASCII, or there were hidden characters.
    pub(super) is_disguised: bool,
}

impl Address {
    /// `raw` as the parser gives it, entities and backslashes already resolved.
    pub(super) fn parse(raw: &str) -> Option<Self> {
        if raw.len() > MAX_ADDRESS_BYTES {
            return None;
        }
        let shown: String = raw.chars().filter(|&c| !is_hidden(c)).collect();
        let (scheme, rest) = shown.trim().split_once(':')?;
        let (href, host, is_ascii) = match scheme.to_ascii_lowercase().as_str() {
            scheme @ ("http" | "https") => web(scheme, rest.strip_prefix("//")?)?,
            "mailto" => mail(rest)?,
            _ => return None,
        };
        Some(Self { href, host, is_disguised: !is_ascii || shown.len() != raw.len() })
    }

    /// The link's target, if it is an address.
    pub(super) fn of_link(kind: LinkType, destination: &str) -> Option<Self> {
        match kind {
            LinkType::Email => Self::parse(&["mailto:", destination].concat()),
            _ => Self::parse(destination),
        }
    }

    /// Whether it is on a web server, as an image's address must be.
    pub(super) fn is_web(&self) -> bool {
        self.href.starts_with("http")
    }

    /// The text to show for this address if its text was `raw`.
    pub(super) fn text<'a>(&'a self, raw: &'a str) -> &'a str {
        if self.is_disguised { &self.href } else { raw }
    }
}

/// The address, its host, and whether that was ASCII.
fn web(scheme: &str, rest: &str) -> Option<(String, String, bool)> {
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    };
    let mut host = ascii_host(name)?;
    if let Some(port) = port {
        port.parse::<u16>().ok()?;
        host.push(':');
        host.push_str(port);
    }
    let mut href = [scheme, "://", &host].concat();
    push_encoded(&mut href, tail);
    Some((href, host, name.is_ascii()))
}

fn mail(rest: &str) -> Option<(String, String, bool)> {
    let (receiver, _) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let (name, domain) = receiver.rsplit_once('@')?;
    if name.is_empty() || domain.is_empty() {
        return None;
    }
    let mut host = String::new();
    push_encoded(&mut host, receiver);
    let mut href = String::from("mailto:");
    push_encoded(&mut href, rest);
    Some((href, host, receiver.is_ascii()))
}

/// The host in lower-case ASCII. Names and passwords before it (`bank.example@evil.example`) are refused, and so is
/// every character that a browser would decode or treat as a separator.
fn ascii_host(name: &str) -> Option<String> {
    if let Some(six) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let is_six = six.contains(':') && six.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
        return is_six.then(|| name.to_ascii_lowercase());
    }
    let labels: Option<Vec<String>> = name.strip_suffix('.').unwrap_or(name).split('.').map(ascii_label).collect();
    labels.map(|labels| labels.join("."))
}

fn ascii_label(label: &str) -> Option<String> {
    let is_plain = |c: char| {
        if c.is_ascii() { c.is_ascii_alphanumeric() || "-_".contains(c) } else { c.is_alphanumeric() }
    };
    if label.is_empty() || !label.chars().all(is_plain) {
        return None;
    }
    let lower = label.to_lowercase();
    if lower.is_ascii() { Some(lower) } else { punycode::encode(&lower) }
}

/// Percent-encodes everything that is not printable ASCII or needs quoting.
fn push_encoded(out: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            out.push(char::from(byte));
            continue;
        }
        out.push('%');
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Characters that show nothing or turn the text around: controls, and Unicode's default-ignorable ones (zero-width,
/// bidirectional, variation selectors, tags).
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
