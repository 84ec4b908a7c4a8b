//! Events for a log that several processes share: what is too long for one entry is several.

use crate::event::Event;

/// The longest text of one entry. A longer one would block the others on its way.
const LONGEST: usize = 32 << 10;

/// The events, with what is too long for one entry in several.
pub(super) fn split(events: impl Iterator<Item = Event>) -> impl Iterator<Item = Event> {
    events.flat_map(|event| match event {
        Event::Token { reply, text } if LONGEST < text.len() => {
            parts(&text).map(|text| Event::Token { reply, text: text.to_owned() }).collect()
        }
        Event::Thinking { reply, text, since, ms } if LONGEST < text.len() => {
            let last = parts(&text).count() - 1;
            let part = |(index, text): (usize, &str)| Event::Thinking {
                reply,
                text: text.to_owned(),
                since: since.clone().filter(|_| index == 0),
                ms: ms.filter(|_| index == last),
            };
            parts(&text).enumerate().map(part).collect()
        }
        other => vec![other],
    })
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let part;
        (part, rest) = rest.split_at(rest.floor_char_boundary(LONGEST));
        Some(part)
    })
}
