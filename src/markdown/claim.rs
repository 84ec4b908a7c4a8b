//! Which host the text of a link seems to name. False positives are preferred: `Node.js` could be a host, and the
//! real host beside it does no harm.

use super::address::is_hidden;

/// Whether the text of a link to `host` seems to name another host.
pub(super) fn contradicts(text: &str, host: &str) -> bool {
    folded(text).split_whitespace().any(|word| names_another(word, host))
}

/// `text` as a browser would read it for a host: in lower case, without what cannot be seen, with plain dots.
///
/// This is as much of Unicode's compatibility forms (NFKC) as matters here. Letters in another form stay what they are:
/// the text names a host with them as well, and then another one than the address has.
fn folded(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{2024}'
        | '\u{3002}'
        | '\u{fe52}'
        | '\u{ff0e}'
        | '\u{ff61}'
        | '\u{2488}'..='\u{249b}'
        | '\u{33c2}'
        | '\u{33d8}'
        | '\u{1f100}' => '.',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().filter(|&c| c.is_whitespace() || !is_hidden(c)).map(plain).collect::<String>().to_lowercase()
}

/// Whether a word contains text that reads as a host other than `host`, with a port, or a recipient of mail before it.
fn names_another(word: &str, host: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "-_.:@[]".contains(c);
    let mut rest = word;
    loop {
        rest = rest.trim_start_matches(|c| !is_part(c));
        if rest.is_empty() {
            return false;
        }
        let (token, behind) = rest.split_at(rest.find(|c| !is_part(c)).unwrap_or(rest.len()));
        let name = token.trim_matches(['.', ':', '@', '-', '_']);
        let name = if name.contains("]:") { name } else { name.trim_matches(['[', ']']) };
        if name.split('@').any(reads_as_host) {
            if !is_same(name, host) {
                return true;
            }
            // The rest of an address is its path.
            if behind.starts_with(['/', '?', '#']) {
                return false;
            }
        }
        rest = behind;
    }
}

/// `localhost`, an IP address, or labels with dots between them; with a port or without.
fn reads_as_host(name: &str) -> bool {
    let colons = name.matches(':').count();
    if colons > 1 {
        return name.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.[]".contains(&byte));
    }
    let host = without_port(name);
    let mut labels = host.split('.');
    host == "localhost"
        || labels.next().is_some_and(|label| !label.is_empty()) && labels.next().is_some_and(|label| !label.is_empty())
}

fn is_same(name: &str, host: &str) -> bool {
    let bare = |host: &str| host.trim_matches(['[', ']']).trim_start_matches("www.").to_owned();
    let domain = host.rsplit_once('@').map_or(host, |(_, domain)| domain);
    [host, domain, without_port(domain)].iter().any(|host| bare(host) == bare(name))
}

fn without_port(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { name }
        }
        _ => name,
    }
}
