//! A checksum of a page's nodes as they were sent, appended to the page.
//!
//! The program in the browser takes over the nodes that the server drew, and finds them by their order. Extensions and
//! proxies insert others between them. So `src/app/start.js` computes a checksum of the nodes in the page, as this does
//! of the HTML, and where the two differ it has the page drawn anew.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use futures::{StreamExt, stream};

/// The app's root element. User text cannot contain it: there, `<` is escaped.
const ROOT: &[u8] = b"<div id=\"app\">";
/// Elements that are skipped, by the first word of their class: they hold HTML as text.
const OPAQUE_CLASSES: [&[u8]; 2] = [b"prose", b"pictures"];
/// Elements whose content is one text to a browser.
const OPAQUE_NAMES: [&[u8]; 2] = [b"textarea", b"noscript"];
/// Void elements, which have no end tag.
const VOID: [&[u8]; 8] = [b"input", b"br", b"img", b"hr", b"meta", b"link", b"source", b"wbr"];

/// Appends the checksum to a page of the app; everything else passes unchanged.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let content = response.headers().get(header::CONTENT_TYPE);
    if !content.is_some_and(|content| content.as_bytes().starts_with(b"text/html")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let start = Some((body.into_data_stream(), Shape::default()));
    // Fused: the compressor asks once more after the end.
    let told = stream::unfold(start, async |state| {
        let (mut body, mut shape) = state?;
        match body.next().await {
            Some(Ok(chunk)) => {
                shape.read(&chunk);
                Some((Ok(chunk), Some((body, shape))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => shape.meta().map(|meta| (Ok(Bytes::from(meta)), None)),
        }
    });
    Response::from_parts(parts, Body::from_stream(told.fuse()))
}

/// The reader's position.
#[derive(Clone, Copy, Default, PartialEq)]
enum At {
    #[default]
    Before,
    Inside,
    After,
}

/// Reads our own HTML only, in chunks as they come: every element has its end, every attribute its quotes.
#[derive(Default)]
struct Shape {
    at: At,
    hash: Hash,
    /// How many elements of the root are open.
    depth: usize,
    /// The depth of the element that is skipped.
    opaque: Option<usize>,
    /// The element whose content is text until its end.
    raw: Option<Vec<u8>>,
    /// Whether the last thing read was text.
    in_text: bool,
    /// A tag that has begun, whose end is in the next chunk.
    rest: Vec<u8>,
}

impl Shape {
    fn meta(&self) -> Option<String> {
        (self.at == At::After).then(|| format!("<meta name=\"shape\" content=\"{:x}\">", self.hash.0))
    }

    fn read(&mut self, chunk: &[u8]) {
        if self.at == At::After {
            return;
        }
        let mut html = std::mem::take(&mut self.rest);
        html.extend_from_slice(chunk);
        let mut html = &html[..];
        if self.at == At::Before {
            // Scripts stand before it, in which `<` begins no tag.
            let Some(root) = html.windows(ROOT.len()).position(|window| window == ROOT) else {
                self.rest = html[html.len().saturating_sub(ROOT.len() - 1)..].to_vec();
                return;
            };
            self.at = At::Inside;
            html = &html[root + ROOT.len()..];
        }
        while self.at != At::After {
            let text = html.iter().position(|byte| *byte == b'<').unwrap_or(html.len());
            if 0 < text {
                self.text();
            }
            html = &html[text..];
            let Some(end) = end_of_tag(html) else { break };
            self.tag(&html[..end]);
            html = &html[end..];
        }
        self.rest = html.to_vec();
    }

    fn text(&mut self) {
        if self.at == At::Inside && self.opaque.is_none() && !std::mem::replace(&mut self.in_text, true) {
            self.hash.add(b"#");
        }
    }

    fn tag(&mut self, tag: &[u8]) {
        let closed = tag.strip_prefix(b"</").map(name_of);
        if let Some(raw) = &self.raw
            && closed != Some(&raw[..])
        {
            return;
        }
        self.raw = None;
        match closed {
            Some(_) => self.close(),
            None if tag.starts_with(b"<!") => self.add(b"!"),
            None => self.open(tag),
        }
    }

    fn open(&mut self, tag: &[u8]) {
        let name = name_of(&tag[1..]);
        self.add(b"<");
        self.add(name);
        if VOID.contains(&name) || tag.ends_with(b"/>") {
            return self.add(b"/");
        }
        self.depth += 1;
        let is_raw = OPAQUE_NAMES.contains(&name);
        if self.opaque.is_none() && (is_raw || OPAQUE_CLASSES.contains(&class_of(tag))) {
            self.opaque = Some(self.depth);
        }
        if is_raw {
            self.raw = Some(name.to_vec());
        }
    }

    fn close(&mut self) {
        if self.depth == 0 {
            self.at = At::After;
            return;
        }
        if self.opaque == Some(self.depth) {
            self.opaque = None;
        }
        self.depth -= 1;
        self.add(b"/");
    }

    fn add(&mut self, word: &[u8]) {
        self.in_text = false;
        if self.opaque.is_none() {
            self.hash.add(word);
        }
    }
}

/// FNV-1a with 32 bits: a few lines in the browser, too. It detects accidents, not attacks: an attacker who can change
/// the page can change the checksum as well.
struct Hash(u32);

impl Default for Hash {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Hash {
    fn add(&mut self, word: &[u8]) {
        for byte in word {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
}

/// The length of the tag that `html` begins with; none where its end has not arrived yet.
fn end_of_tag(html: &[u8]) -> Option<usize> {
    if html.starts_with(b"<!--") {
        return html.windows(3).skip(4).position(|three| three == b"-->").map(|at| at + 7);
    }
    let mut quote = None;
    for (at, byte) in html.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn name_of(tag: &[u8]) -> &[u8] {
    let end = tag.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
    &tag[..end.unwrap_or(tag.len())]
}

/// The first word of an element's class; empty without one.
fn class_of(tag: &[u8]) -> &[u8] {
    const CLASS: &[u8] = b" class=\"";
    let Some(at) = tag.windows(CLASS.len()).position(|window| window == CLASS) else { return b"" };
    name_of(&tag[at + CLASS.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(app: &str) -> String {
        let mut shape = Shape::default();
        shape.read(format!("<body><p>no</p><div id=\"app\">{app}</div><p>no</p>").as_bytes());
        shape.meta().unwrap()
    }

    #[test]
    fn z01_whatever_stands_between_the_nodes_shows() {
        let sent = told("<label>Words</label><textarea id=\"text\"></textarea><!>One<!>");
        for changed in [
            "<label>Words</label><textarea id=\"text\"></textarea><div></div><!>One<!>",
            "<label>Words</label><textarea id=\"text\"></textarea>One",
            "<label>Words</label><textarea id=\"text\"></textarea><!><font>One</font><!>",
            "<label><textarea id=\"text\"></textarea></label>Words<!>One<!>",
            "<label>Words</label><textarea id=\"text\"></textarea>  <!>One<!>",
        ] {
            assert_ne!(told(changed), sent, "{changed}");
        }
    }

    #[test]
    fn z01_attributes_words_and_what_is_not_looked_into_do_not_count() {
        let sent = told(
            "<div class=\"prose dark\"><p>a</p></div><textarea>a</textarea><noscript><meta></noscript>b<path d=\"\"/>",
        );
        let same = "<div class=\"prose\"><ul><li>a<br></ul></div><textarea data-x=\">\"></textarea><noscript></noscript>c<path></path>";
        assert_eq!(told(&same.replace("<ul><li>a<br></ul>", "<ul><li>a<br></li></ul>")), sent);
    }

    #[test]
    fn z01_a_script_before_the_app_is_not_read_as_tags() {
        let page = |before: &str| {
            let mut shape = Shape::default();
            shape.read(format!("<head>{before}</head><body><div id=\"app\"><p>a</p></div></body>").as_bytes());
            shape.meta()
        };
        let script = "<script>for (let i = 0; i < 9; i++) say(\"it's\" + '\"')</script>";
        assert!(page("").is_some());
        assert_eq!(page(script), page(""));
    }

    #[test]
    fn z01_chunks_may_end_anywhere() {
        let html = "<p class=\"x\">a<!>b</p><!-- > --><div id=\"app\"><p title=\"a>b\">Text<!-- --></p></div></body>"
            .as_bytes();
        let mut whole = Shape::default();
        whole.read(html);
        for cut in 0..html.len() {
            let mut shape = Shape::default();
            shape.read(&html[..cut]);
            shape.read(&html[cut..]);
            assert_eq!(shape.meta(), whole.meta(), "cut at {cut}");
        }
        assert!(whole.meta().is_some());
    }

    #[test]
    fn z01_a_page_without_the_app_is_told_nothing() {
        let mut shape = Shape::default();
        shape.read(b"<html><body><p>Not here</p></body></html>");
        assert_eq!(shape.meta(), None);
    }
}
