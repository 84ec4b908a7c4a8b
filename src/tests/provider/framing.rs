//! How bytes become events and deltas: cuts, line breaks, broken characters, limits.

use super::*;
use crate::server::provider::framing::{Event, TooLong};
use crate::server::provider::sse::Parser;
use futures::{StreamExt, executor, stream};
use proptest::prelude::*;
use serde_json::json;

fn events(chunks: &[&[u8]]) -> Vec<Event> {
    let mut parser = Parser::new(1 << 20);
    let mut events = Vec::new();
    for chunk in chunks {
        parser.push(chunk, &mut events).unwrap();
    }
    events
}

fn event(name: &str, data: &str) -> Event {
    Event { name: name.into(), data: data.into() }
}

#[test]
fn f8_line_breaks_of_every_kind_and_a_byte_order_mark_change_nothing() {
    for Recording { kind, stream, deltas, .. } in recordings() {
        for line_break in ["\n", "\r", "\r\n"] {
            let changed = format!("\u{feff}{}", stream.replace('\n', line_break));
            assert_eq!(read_whole(kind, &changed), deltas, "{kind:?} {line_break:?}");
        }
        let mut breaks = ["\n", "\r", "\r\n"].iter().cycle();
        let lines = stream.split_inclusive('\n');
        let mixed: String = lines.map(|line| line.replace('\n', breaks.next().unwrap())).collect();
        assert_eq!(read_whole(kind, &mixed), deltas, "{kind:?}");
    }
}

#[test]
fn f9_a_cut_at_any_byte_changes_nothing() {
    for Recording { kind, stream, deltas, .. } in recordings() {
        let stream = stream.replace('\n', "\r\n");
        for cut in 0..=stream.len() {
            let (start, rest) = stream.as_bytes().split_at(cut);
            assert_eq!(read(kind, [start, rest]), deltas, "{kind:?} cut at {cut}");
        }
        assert_eq!(read(kind, stream.as_bytes().chunks(1)), deltas);
    }
}

#[test]
fn f8_events_are_read_as_the_standard_says() {
    let stream = "data\n\ndata:\n\nevent: a\ndata: 1\ndata:2\ndata:  3\n\nevent: lost\n\nid: 7\nretry: 9\n: c\ndata: x\nfoo: y\n\ndata: cut";
    let expected = [event("", ""), event("", ""), event("a", "1\n2\n 3"), event("", "x")];
    assert_eq!(events(&[stream.as_bytes()]), expected);
}

#[test]
fn f8_a_reply_whose_last_line_break_is_missing_is_complete() {
    for Recording { kind, stream, deltas, .. } in recordings() {
        for ending in ["\n", ""] {
            let stream = format!("{}{ending}", stream.trim_end());
            assert_eq!(read_whole(kind, &stream), deltas, "{kind:?}");
        }
    }
}

#[test]
fn f9_invalid_bytes_and_nul_become_one_replacement_character_each() {
    for kind in Kind::ALL {
        let mut stream = token(kind, "a?b").into_bytes();
        let place = stream.iter().position(|byte| *byte == b'?').unwrap();
        stream.splice(place..=place, *b"\xf0\x9f\x98 \xff \xc3");
        assert_eq!(shown(&read(kind, stream.chunks(1))), "a\u{fffd} \u{fffd} \u{fffd}b", "{kind:?}");
        let deltas = read_whole(kind, &(musing(kind, r#""c\u0000d""#) + &token(kind, r"a\u0000b")));
        assert_eq!((shown(&deltas).as_str(), thought(&deltas).as_str()), ("a\u{fffd}b", "c\u{fffd}d"), "{kind:?}");
    }
}

#[test]
fn f10_a_line_above_the_limit_fails_after_what_came_before_it() {
    for kind in Kind::ALL {
        let limit = kind.event_bytes(&ProviderLimits::default());
        let begun = if kind == Kind::Ollama { "" } else { "data: " };
        let mut reader = reader(kind);
        let mut deltas = reader.push(format!("{}{begun}", token(kind, "a")).as_bytes());
        // A parser that searches the whole line again for each chunk would take minutes over this.
        let mut chunks = 0;
        while deltas.len() < 2 {
            deltas.extend(reader.push(&[b'x'; 16]));
            chunks += 1;
        }
        assert_eq!(chunks, (limit - begun.len()) / 16 + 1, "{kind:?}");
        assert_eq!((failure(&deltas).0.as_str(), failure(&deltas).1.kind), ("a", FailureKind::Protocol));
    }
    assert_eq!(Parser::new(8).push(b"data: 123", &mut Vec::new()), Err(TooLong));
    assert_eq!(Parser::new(8).push(b"data:1\ndata:2\ndata:3\ndata:4\ndata:5\n", &mut Vec::new()), Err(TooLong));
}

#[test]
fn f10_a_line_of_a_mebibyte_is_read() {
    for kind in Kind::ALL {
        let room = ProviderLimits::default().event_bytes - token(kind, "").len();
        let long = "x".repeat(room);
        let chunks = token(kind, &long);
        assert_eq!(shown(&read(kind, chunks.as_bytes().chunks(1 << 14))), long, "{kind:?}");
    }
}

#[test]
fn f10_an_answer_above_the_limit_fails_and_what_fits_is_kept() {
    for kind in Kind::ALL {
        let limits = ProviderLimits { body_bytes: token(kind, "a").len() * 3 + 1, ..ProviderLimits::default() };
        let mut reader = kind.reader(&Arc::new(Origin::environment("x", "X")), &limits);
        let deltas: Vec<_> = (0..9).flat_map(|_| reader.push(token(kind, "a").as_bytes())).collect();
        assert_eq!(failure(&deltas).0, "aaa", "{kind:?}");
    }
}

#[test]
fn z35_much_more_than_the_text_is_read_and_each_limit_is_named_as_what_it_is() {
    let defaults = ProviderLimits::default();
    assert_eq!((defaults.event_bytes, defaults.body_bytes), (1 << 20, 256 << 20));
    for kind in Kind::ALL {
        let limits = ProviderLimits { body_bytes: 100, ..defaults };
        let mut walled = kind.reader(&Arc::new(Origin::environment("x", "X")), &limits);
        let wall = failure(&walled.push(&b"\n".repeat(101))).1.message;
        assert!(wall.contains("256 MiB") && wall.contains("hardly any text"), "{wall}");
        let mut reader = reader(kind);
        let line = failure(&reader.push(&vec![b'x'; kind.event_bytes(&defaults) + 1])).1.message;
        assert!(line.contains("a single event"), "{line}");
    }
}

#[test]
fn z35_the_events_that_repeat_a_whole_reply_of_responses_do_not_end_it() {
    let kind = Kind::Responses;
    let piece = token(kind, &r"\u00e9".repeat(1 << 10));
    let whole = r"\u00e9".repeat(1 << 19);
    let done = json!({ "type": "response.output_text.done", "text": "TEXT" }).to_string();
    let completed = r#"{"type":"response.completed","response":{"status":"completed","output":[{"text":"TEXT"}]}}"#;
    let mut stream = piece.repeat(1 << 9);
    for event in [done.as_str(), completed] {
        stream += &line(kind, &event.replace("TEXT", &whole));
    }
    let deltas = read(kind, stream.as_bytes().chunks(1 << 14));
    assert_eq!(shown(&deltas).len(), 1 << 20);
    assert_eq!(deltas.last(), Some(&finished("completed")));
}

/// The events of `sse-stream`, an independent implementation of the standard. It keeps blocks without data.
fn oracle(chunks: Vec<Vec<u8>>) -> Vec<Event> {
    let chunks = stream::iter(chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(bytes::Bytes::from(chunk))));
    let blocks = executor::block_on(sse_stream::SseByteStream::new(chunks).collect::<Vec<_>>());
    let event = |block: sse_stream::Sse| Some(event(&block.event.unwrap_or_default(), &block.data?));
    blocks.into_iter().filter_map(|block| event(block.unwrap())).collect()
}

proptest! {
    #[test]
    fn f8_the_parser_agrees_with_another_one_on_any_text_cut_anywhere(
        lines in prop::collection::vec("(data|event|id|retry|da|)(:|: |:  |)[a-zß👋: ]{0,6}(\n|\r|\r\n|\n\n|\r\n\r\n|\r\r)", 0..20),
        size in 1usize..9,
    ) {
        let stream = lines.concat().into_bytes();
        let chunks: Vec<&[u8]> = stream.chunks(size).collect();
        let expected = oracle(chunks.iter().map(|chunk| chunk.to_vec()).collect());
        prop_assert_eq!(events(&chunks), expected);
    }

    #[test]
    fn f9_no_bytes_make_a_reader_panic_and_each_answer_ends_once(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        size in 1usize..40,
        place in 0.0..1.0,
    ) {
        for Recording { kind, stream, .. } in recordings() {
            let place = (stream.len() as f64 * place) as usize;
            let bytes = [&stream.as_bytes()[..place], &noise, &stream.as_bytes()[place..]].concat();
            let deltas = read(kind, bytes.chunks(size));
            let ends = deltas.iter().filter(|delta| matches!(delta, Delta::Finished { .. } | Delta::Failed(_)));
            prop_assert_eq!(ends.count(), 1);
        }
    }
}
