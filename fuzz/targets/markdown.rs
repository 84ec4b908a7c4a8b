//! A model's text as HTML: it never panics, gives no tag that is not ours, and streams in as it is stored.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rivulet::markdown::{Blocks, plain_title, render};
use rivulet::server::highlight;

// The first byte chooses how the text is cut, the rest is the text.
fuzz_target!(|data: &[u8]| {
    let Some((&size, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    plain_title(&text);
    // As the browser draws it, and as the server does, with colours and formulas.
    for html in [render(&text), highlight::render(&text)] {
        let html = html.to_ascii_lowercase();
        for forbidden in
            ["<script", "<style", "<iframe", "<img", "<svg", "<form", "<object", "href=\"javascript:", "href=\"data:"]
        {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
    }
    // Definitions of links are the exception that `Blocks` names.
    let text = text.replace("]:", "] :");
    assert_eq!(streamed(&text, usize::from(size).max(1)), render(&text), "a streamed text ends as the stored one");
});

fn streamed(text: &str, size: usize) -> String {
    let mut blocks = Blocks::default();
    for end in (0..text.len()).step_by(size) {
        blocks.update(&text[..text.floor_char_boundary(end)]);
    }
    blocks.update(text);
    blocks.finish();
    blocks.finished.iter().map(|html| &**html).chain([blocks.open.as_str()]).collect()
}
