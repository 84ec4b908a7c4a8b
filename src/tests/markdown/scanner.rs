//! Reads HTML as strictly as our renderer should write it. A browser forgives; this does not.

const TAGS: &str = "p h3 h4 h5 h6 blockquote ul ol li pre code figure figcaption span button div table thead tbody tr \
                    th td em strong del a br hr input kbd mark sub sup math mrow mi mn mo mtext mspace msub msup \
                    msubsup munder mover munderover mfrac msqrt mroot mtable mtr mtd";
const VOID: &str = "br hr input";
const ATTRIBUTES: &str = "dir class href rel target title type disabled checked aria-label tabindex role start scope data-copy data-save data-wrap aria-pressed aria-hidden \
                          display displaystyle scriptlevel mathvariant stretchy symmetric minsize maxsize largeop \
                          movablelimits linethickness width height depth";
const CLASSES: &str = "code copy plain table task note footnote host image-link wide widest left center right a c d f h i k n o p s t formula block tex \
                       align apart cases wall-left wall-right floor negated boxed tight";

fn is_one_of(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// Reads `html` as strictly as our renderer should write it, and returns its text with `<br>` and images of nothing.
pub(super) fn checked(html: &str) -> String {
    let (mut text, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, behind) = after.split_once('>').unwrap_or_else(|| panic!("an open tag in {html:?}"));
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "tags do not match in {html:?}");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(is_one_of(TAGS, name), "<{name}> in {html:?}");
        assert!(name != "a" || !open.contains(&"a"), "a link in a link in {html:?}");
        check_attributes(attributes, html);
        if !is_one_of(VOID, name) {
            open.push(name);
        }
    }
    text.push_str(rest);
    assert!(open.is_empty(), "{open:?} left open in {html:?}");
    assert!(!text.contains(['>', '"', '\'', '\0', '\u{2028}', '\u{2029}']), "unescaped text in {html:?}");
    unescape(&text)
}

/// How many nodes stand at the top.
pub(super) fn roots(html: &str) -> usize {
    let (mut depth, mut roots) = (0, usize::from(!html.starts_with('<')));
    for part in html.split('<').skip(1) {
        let name = part.split([' ', '>']).next().unwrap_or_default();
        if name.starts_with('/') {
            depth -= 1;
        } else {
            roots += usize::from(depth == 0);
            depth += usize::from(!is_one_of(VOID, name));
        }
        roots += usize::from(depth == 0 && !part.ends_with('>'));
    }
    roots
}

fn check_attributes(attributes: &str, html: &str) {
    let mut rest = attributes;
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find([' ', '=']).unwrap_or(rest.len()));
        assert!(is_one_of(ATTRIBUTES, name), "{name:?} in {html:?}");
        let Some(quoted) = after.strip_prefix("=\"") else {
            rest = after.trim_start_matches(' ');
            continue;
        };
        let (value, behind) = quoted.split_once('"').unwrap_or_else(|| panic!("an open value in {html:?}"));
        rest = behind.strip_prefix(' ').unwrap_or(behind);
        match name {
            "href" => {
                let is_safe = ["http://", "https://", "mailto:"].iter().any(|scheme| value.starts_with(scheme));
                assert!(is_safe && value.is_ascii() && !value.contains(char::is_whitespace), "{value:?} in {html:?}");
            }
            "class" => assert!(value.split(' ').all(|one| is_one_of(CLASSES, one)), "class {value:?} in {html:?}"),
            _ => {}
        }
    }
}

pub(super) fn unescape(text: &str) -> String {
    let parts: Vec<&str> = text.split('&').collect();
    let mut out = parts[0].to_owned();
    for part in &parts[1..] {
        let (entity, rest) = part.split_once(';').unwrap_or_else(|| panic!("a bare & in {text:?}"));
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            "#8232" => '\u{2028}',
            "#8233" => '\u{2029}',
            _ => panic!("&{entity}; in {text:?}"),
        });
        out.push_str(rest);
    }
    out
}
