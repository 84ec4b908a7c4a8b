//! What providers send, and what is read in it: recordings, every way to cut them, and everything that is wrong with
//! them. No network here.

use crate::model::{ReplyError, Usage};
use crate::server::provider::sse::{Event, Parser, TooLong};
use crate::server::provider::{
    Decoder, Delta, Endpoint, Failure, FailureKind, Limits, ProviderSettings, Providers, Request,
    Turn, anthropic, openai, reader::Reader, retry,
};
use futures::{StreamExt, executor, stream};
use proptest::prelude::*;
use std::time::Duration;

/// A reply that thinks, with a block and an event that nobody knows.
const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Grüße sind nötig."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Grüß "}}

event: weather_report
data: sunny, not JSON

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Gott 👋🏽"}}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"hologram","text":{"x":1}}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

const OPENAI: &str = r#"data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null,"obfuscation":"x7"}

: OPENROUTER PROCESSING

data: {"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"","reasoning":"Hm."},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Grüß "},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Und?"}]},{"type":"text","text":"Gott 👋🏽"},{"type":"hologram"}]}}]}

data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}

data: [DONE]

"#;

fn text(text: &str) -> Delta {
    Delta::Text(text.into())
}

fn thinking(text: &str) -> Delta {
    Delta::Thinking(text.into())
}

fn usage(input_tokens: u64, output_tokens: u64) -> Delta {
    Delta::Usage(Usage { input_tokens, output_tokens })
}

fn finished(reason: &str) -> Delta {
    Delta::Finished { reason: reason.into() }
}

fn anthropic_deltas() -> Vec<Delta> {
    let said = [thinking(""), thinking("Grüße sind nötig."), text("Grüß "), text("Gott 👋🏽")];
    [vec![usage(25, 1)], said.into(), vec![usage(25, 15), finished("end_turn")]].concat()
}

fn openai_deltas() -> Vec<Delta> {
    let said = [thinking("Hm."), text("Grüß "), thinking("Und?"), text("Gott 👋🏽")];
    [said.into(), vec![usage(9, 12), finished("stop")]].concat()
}

fn anthropic() -> Box<dyn Decoder> {
    Box::new(anthropic::Decoder::default())
}

fn openai() -> Box<dyn Decoder> {
    Box::new(openai::Decoder::default())
}

/// Everything an answer says that comes in these chunks and then ends.
fn read<'a>(decoder: Box<dyn Decoder>, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Delta> {
    let mut reader = Reader::new(decoder, &Limits::default());
    let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| reader.push(chunk)).collect();
    deltas.extend(reader.end());
    deltas
}

fn read_whole(decoder: Box<dyn Decoder>, stream: &str) -> Vec<Delta> {
    read(decoder, [stream.as_bytes()])
}

/// The failure that an answer ended with, and the text before it.
fn failure(deltas: &[Delta]) -> (String, Failure) {
    let Some((Delta::Failed(failure), before)) = deltas.split_last() else {
        panic!("not failed: {deltas:?}");
    };
    (shown(before), failure.clone())
}

fn shown(deltas: &[Delta]) -> String {
    let text =
        |delta: &Delta| if let Delta::Text(text) = delta { Some(text.clone()) } else { None };
    deltas.iter().filter_map(text).collect()
}

fn token(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

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
fn a_recorded_reply_is_read_whole() {
    assert_eq!(read_whole(anthropic(), ANTHROPIC), anthropic_deltas());
    assert_eq!(read_whole(openai(), OPENAI), openai_deltas());
}

#[test]
fn f8_line_breaks_of_every_kind_and_a_byte_order_mark_change_nothing() {
    for line_break in ["\n", "\r", "\r\n"] {
        let changed = format!("\u{feff}{}", ANTHROPIC.replace('\n', line_break));
        assert_eq!(read_whole(anthropic(), &changed), anthropic_deltas(), "{line_break:?}");
        let changed = format!("\u{feff}:\n{}", OPENAI.replace('\n', line_break));
        assert_eq!(read_whole(openai(), &changed), openai_deltas(), "{line_break:?}");
    }
    let mut breaks = ["\n", "\r\n", "\r"].iter().cycle();
    let mixed: String = OPENAI
        .split_inclusive('\n')
        .map(|line| line.replace('\n', breaks.next().unwrap()))
        .collect();
    assert_eq!(read_whole(openai(), &mixed), openai_deltas());
}

#[test]
fn f9_a_cut_at_any_byte_changes_nothing() {
    for (decoder, stream, expected) in [
        (anthropic as fn() -> Box<dyn Decoder>, ANTHROPIC, anthropic_deltas()),
        (openai, OPENAI, openai_deltas()),
    ] {
        let stream = stream.replace('\n', "\r\n");
        for cut in 0..=stream.len() {
            let (start, rest) = stream.as_bytes().split_at(cut);
            assert_eq!(read(decoder(), [start, rest]), expected, "cut at {cut}");
        }
        assert_eq!(read(decoder(), stream.as_bytes().chunks(1)), expected);
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
    for ending in ["\n\n", "\n", ""] {
        let stream = format!("{}data: [DONE]{ending}", token("a"));
        assert_eq!(read_whole(openai(), &stream), [text("a"), finished("stop")]);
        let stream = format!("{}{ending}", ANTHROPIC.trim_end());
        assert_eq!(read_whole(anthropic(), &stream), anthropic_deltas());
    }
}

#[test]
fn a_reply_without_done_is_complete_where_it_gave_a_reason() {
    let stream = OPENAI.replace("data: [DONE]\n\n", "");
    assert_eq!(read_whole(openai(), &stream), openai_deltas());
}

#[test]
fn f4_a_reply_that_ends_anywhere_else_is_truncated_and_keeps_its_text() {
    let end = ANTHROPIC.find("event: message_stop").unwrap();
    for cut in 0..end {
        let (before, failure) = failure(&read(anthropic(), [&ANTHROPIC.as_bytes()[..cut]]));
        assert_eq!(failure.kind, FailureKind::Truncated, "cut at {cut}");
        assert!("Grüß Gott 👋🏽".starts_with(&before), "cut at {cut}: {before}");
    }
    let (before, failure) =
        failure(&read_whole(openai(), &format!("{}data: {{\"choi", token("a"))));
    assert_eq!(
        (before.as_str(), failure.kind, failure.retryable),
        ("a", FailureKind::Truncated, true)
    );
}

#[test]
fn a_connection_that_breaks_after_the_end_broke_nothing() {
    let broken = || Failure::new(FailureKind::UpstreamReset, "broken");
    let mut reader = Reader::new(openai(), &Limits::default());
    reader.push(token("a").as_bytes());
    assert_eq!(reader.broke(broken()), [Delta::Failed(broken())]);
    let mut reader = Reader::new(openai(), &Limits::default());
    reader.push(b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n");
    assert_eq!(reader.broke(broken()), [finished("length")]);
}

#[test]
fn f7_an_error_after_200_ends_the_reply_with_its_kind_and_keeps_the_text() {
    let errors = [
        (r#"{"error":{"type":"server_error","message":"boom"}}"#, FailureKind::Server),
        (r#"{"error":{"code":429,"message":"boom"}}"#, FailureKind::RateLimited),
        (r#"{"error":{"code":"context_length_exceeded","message":"boom"}}"#, FailureKind::TooLong),
        (
            r#"{"error":{"type":"insufficient_quota","code":null,"message":"boom"}}"#,
            FailureKind::Quota,
        ),
        (r#"{"error":"boom"}"#, FailureKind::Server),
    ];
    for (error, kind) in errors {
        let stream = format!("{}data: {error}\n\n{}", token("a"), token("never shown"));
        let (before, failure) = failure(&read_whole(openai(), &stream));
        assert_eq!((before.as_str(), failure.kind), ("a", kind), "{error}");
        assert!(failure.message.ends_with("It said: “boom”"), "{}", failure.message);
    }
    let half = &ANTHROPIC[..ANTHROPIC.find("event: message_delta").unwrap()];
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let (before, failure) =
        failure(&read_whole(anthropic(), &format!("{half}event: error\ndata: {error}\n\n")));
    assert_eq!(before, "Grüß Gott 👋🏽");
    assert_eq!((failure.kind.name(), failure.retryable), ("overloaded", true));
}

#[test]
fn a_refusal_is_an_ending_and_not_a_failure() {
    let stream = ANTHROPIC.replace("end_turn", "refusal");
    assert_eq!(read_whole(anthropic(), &stream).last(), Some(&finished("refusal")));
    let stream = OPENAI.replace(r#""content":"Grüß ""#, r#""refusal":"I won't. ""#);
    assert_eq!(shown(&read_whole(openai(), &stream)), "I won't. Gott 👋🏽");
}

#[test]
fn f9_halves_of_surrogate_pairs_become_replacement_characters_and_the_rest_stays() {
    let cases = [
        (r"a\ud83dz", "a\u{fffd}z"),
        (r"\ude00", "\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d\n\u0041", "\u{fffd}\nA"),
        (r"\\ud83d \ud83d", "\\ud83d \u{fffd}"),
    ];
    for (written, expected) in cases {
        assert_eq!(shown(&read_whole(openai(), &token(written))), expected, "{written}");
    }
}

#[test]
fn f9_invalid_bytes_become_one_replacement_character_each_and_nul_stays() {
    let mut stream = token("a?b").into_bytes();
    let place = stream.iter().position(|byte| *byte == b'?').unwrap();
    stream.splice(place..=place, *b"\xf0\x9f\x98 \xff \xc3");
    assert_eq!(shown(&read(openai(), stream.chunks(1))), "a\u{fffd} \u{fffd} \u{fffd}b");
    assert_eq!(shown(&read_whole(openai(), &token(r"a\u0000b"))), "a\0b");
}

#[test]
fn what_is_no_chunk_at_all_fails_and_says_which_setting_to_check() {
    let (_, failure) = failure(&read_whole(openai(), "data: <html>\n\n"));
    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.message.contains("OPENAI_BASE_URL") && !failure.message.contains('<'));
}

#[test]
fn f10_a_line_above_the_limit_fails_after_what_came_before_it() {
    let limits = Limits::default();
    let mut reader = Reader::new(openai(), &limits);
    let mut deltas = reader.push(format!("{}data: ", token("a")).as_bytes());
    // A parser that searches the whole line again for each chunk would take minutes over this.
    let mut chunks = 0;
    while deltas.len() < 2 {
        deltas.extend(reader.push(&[b'x'; 16]));
        chunks += 1;
    }
    assert_eq!(chunks, (limits.event_bytes - "data: ".len()) / 16 + 1);
    assert_eq!(failure(&deltas).1.kind, FailureKind::Protocol);
    assert_eq!(Parser::new(8).push(b"data: 123", &mut Vec::new()), Err(TooLong));
    assert_eq!(
        Parser::new(8).push(b"data:1\ndata:2\ndata:3\ndata:4\ndata:5\n", &mut Vec::new()),
        Err(TooLong)
    );
}

#[test]
fn f10_an_answer_above_the_limit_fails_and_what_fits_is_kept() {
    let limits = Limits { body_bytes: token("a").len() * 3 + 1, ..Limits::default() };
    let mut reader = Reader::new(openai(), &limits);
    let deltas: Vec<_> = (0..9).flat_map(|_| reader.push(token("a").as_bytes())).collect();
    assert_eq!(failure(&deltas).0, "aaa");
}

#[test]
fn a50_a_providers_words_are_quoted_short_plain_and_without_markup() {
    let quoted = |message: &str| {
        let error = serde_json::json!({ "error": { "message": message } });
        failure(&read_whole(openai(), &format!("data: {error}\n\n"))).1.message
    };
    assert!(quoted("a\u{1b}[31m\nb\0c").ends_with("It said: “a [31m b c”"));
    assert!(quoted(&"x".repeat(5_000)).ends_with(&format!(" “{}…”", "x".repeat(300))));
    for page in ["<!DOCTYPE html><h1>502</h1>", "see <script>alert(1)</script>", "a </b>", " \n "] {
        assert!(!quoted(page).contains("It said"), "{page}");
    }
    assert!(quoted("1 < 2").ends_with("“1 < 2”"));
}

#[test]
fn f5_the_time_to_wait_is_read_in_every_form() {
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    let wait = |name: &'static str, value: &'static str| {
        let headers = [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        retry::retry_after(&headers, now)
    };
    assert_eq!(wait("retry-after", "2"), Some(Duration::from_secs(2)));
    assert_eq!(wait("retry-after", "0.5"), Some(Duration::from_millis(500)));
    assert_eq!(wait("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
    assert_eq!(wait("retry-after", "Sun, 22 Nov 2026 10:00:07 GMT"), Some(Duration::from_secs(7)));
    assert_eq!(wait("retry-after", "Sun, 22 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
    for nonsense in ["-1", "soon", "NaN", "1e300", "Sun, 99 Nov 2026"] {
        assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
    }
    for retry in 0..100 {
        let pause = retry::pause(retry, Duration::from_millis(500), Duration::from_secs(8));
        assert!((500..=8_000).contains(&pause.as_millis()), "{retry}: {pause:?}");
    }
}

fn endpoint(base_url: &str, key: Option<&str>) -> Option<Endpoint> {
    Some(Endpoint { key: key.map(|key| key.to_owned().into()), base_url: base_url.into() })
}

fn providers(settings: ProviderSettings) -> Result<Providers, String> {
    Providers::new(settings, Limits::default())
}

#[test]
fn models_are_the_listed_ones_behind_the_default() {
    let none = providers(ProviderSettings::default()).unwrap();
    assert_eq!(none.default_model(), "demo/tour");
    let openai = endpoint("http://localhost:11434/v1", None);
    let settings = ProviderSettings { openai, ..ProviderSettings::default() };
    let built_in = providers(settings.clone()).unwrap();
    assert_eq!(built_in.default_model(), format!("openai/{}", openai::MODELS[0]));
    let models = vec!["openai/a".to_owned(), "openai/b/c".to_owned()];
    let chosen = ProviderSettings { models, model: Some("openai/b/c".into()), ..settings };
    let chosen = providers(chosen).unwrap().models();
    let ids: Vec<_> = chosen
        .iter()
        .map(|model| (model.id.as_str(), model.name.as_str(), model.default))
        .collect();
    assert_eq!(ids, [("openai/b/c", "b/c", true), ("openai/a", "a", false)]);
}

#[test]
fn a_model_that_no_list_names_is_passed_through_and_an_unknown_provider_is_not() {
    let anthropic = endpoint("http://localhost:1", Some("key-123"));
    let providers =
        providers(ProviderSettings { anthropic, ..ProviderSettings::default() }).unwrap();
    for known in ["anthropic/brand-new", "anthropic/a/b", "demo/tour"] {
        assert_eq!(providers.resolve(known), Ok(()));
    }
    for unknown in ["openai/gpt", "claude", "anthropic/", "/x", "", "demo/other"] {
        let why = providers.resolve(unknown).unwrap_err();
        assert!(why.contains("anthropic"), "{unknown}: {why}");
    }
}

#[test]
fn a_wrong_setting_is_named_with_what_is_expected_and_no_key_is_repeated() {
    let with = |base_url, key| {
        let openai = endpoint(base_url, key);
        providers(ProviderSettings { openai, ..ProviderSettings::default() }).err().unwrap()
    };
    for url in ["", "localhost:11434", "ftp://x/v1", "http://me:secret@x/v1", "http://x/v1?a=b"] {
        assert!(with(url, None).starts_with("OPENAI_BASE_URL: expected"), "{url}");
    }
    let why = with("http://localhost/v1", Some("se\ncret"));
    assert!(why.starts_with("OPENAI_API_KEY: expected") && !why.contains("cret"), "{why}");
    let model = Some("anthropic/x".to_owned());
    let why = providers(ProviderSettings { model, ..ProviderSettings::default() }).err().unwrap();
    assert!(why.starts_with("RIVULET_MODEL: ") && why.contains("ANTHROPIC_API_KEY"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn the_tour_says_first_that_no_model_is_configured_and_quotes_the_question() {
    let providers = providers(ProviderSettings::default()).unwrap();
    let turn = |role, text: &str| Turn { role, text: text.into() };
    let mut request = Request { model: "tour".into(), system: String::new(), turns: Vec::new() };
    request.turns.push(turn(crate::model::Role::User, "Who are you?\nReally?"));
    let deltas: Vec<_> = providers.reply("demo/tour", request.clone()).collect().await;
    assert_eq!(deltas[0], Delta::Started { request_id: None });
    assert_eq!(deltas.last(), Some(&finished("end_turn")));
    let tour = shown(&deltas);
    assert!(tour.starts_with("No model is configured"));
    assert!(
        tour.contains("> Who are you?\n> Really?\n")
            && tour.contains("- [ ]")
            && tour.contains("```rust")
    );
    request.turns.push(turn(crate::model::Role::Assistant, &tour));
    request.turns.push(turn(crate::model::Role::User, "And now?"));
    let again = shown(&providers.reply("demo/tour", request).collect::<Vec<_>>().await);
    assert!(again.starts_with("No model is configured") && again.contains("> And now?"));
    assert!(again.len() < tour.len() / 2);
}

#[test]
fn a_failure_keeps_its_facts_on_the_way_to_a_person() {
    let failure = Failure {
        retry_after: Some(Duration::from_millis(1500)),
        ..Failure::new(FailureKind::RateLimited, "Wait.")
    };
    let expected = ReplyError {
        kind: "rate_limited".into(),
        message: "Wait.".into(),
        retryable: true,
        retry_after_ms: Some(1500),
    };
    assert_eq!(ReplyError::from(failure), expected);
}

/// The events of `sse-stream`, which knows the same standard but not our code. It keeps blocks without data.
fn oracle(chunks: Vec<Vec<u8>>) -> Vec<Event> {
    let chunks = stream::iter(
        chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(bytes::Bytes::from(chunk))),
    );
    let blocks = executor::block_on(sse_stream::SseByteStream::new(chunks).collect::<Vec<_>>());
    let event =
        |block: sse_stream::Sse| Some(event(&block.event.unwrap_or_default(), &block.data?));
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
        place in 0..ANTHROPIC.len(),
    ) {
        for (decoder, stream) in [(anthropic(), ANTHROPIC), (openai(), OPENAI)] {
            let place = place.min(stream.len());
            let bytes = [&stream.as_bytes()[..place], &noise, &stream.as_bytes()[place..]].concat();
            let deltas = read(decoder, bytes.chunks(size));
            let ends = deltas.iter().filter(|delta| matches!(delta, Delta::Finished { .. } | Delta::Failed(_)));
            prop_assert_eq!(ends.count(), 1);
        }
    }
}
