//! The lines of a follow, as the browser reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rivulet::event::Cursor;
use rivulet::wire::{Body, Line, Lines};

// The first byte chooses where the network cuts, the rest is the stream.
fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = lines([stream]);
    assert_eq!(whole, lines(stream.chunks(usize::from(size).max(1))), "lines are the same however the network cuts");
    for text in &whole {
        if let Ok(cursor) = text.parse::<Cursor>() {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        if let Ok(line) = Line::read(text) {
            again(&line);
        }
    }
});

fn lines<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut lines = Lines::default();
    chunks
        .into_iter()
        .flat_map(|chunk| lines.push(chunk).expect("the input is smaller than the longest line"))
        .collect()
}

/// What was understood is written and understood again.
fn again(line: &Line) {
    let body = match line.first {
        Some(first) => Body::merged(&line.event, first),
        None => Body::new(&line.event),
    };
    let text = body.line(line.topic, line.id);
    assert_eq!(Line::read(&text).as_ref().ok(), Some(line), "{text}");
    line.order(None);
    line.order(Some(line.id));
}
