//! What the providers' events mean: pieces, endings, errors.

use super::*;
use crate::model::ReplyError;
use std::time::Duration;

#[test]
fn a_recorded_reply_is_read_whole() {
    assert_eq!(read_whole(anthropic(), ANTHROPIC), anthropic_deltas());
    assert_eq!(read_whole(openai(), OPENAI), openai_deltas());
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
    let (before, failure) = failure(&read_whole(openai(), &format!("{}data: {{\"choi", token("a"))));
    assert_eq!((before.as_str(), failure.kind, failure.retryable), ("a", FailureKind::Truncated, true));
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
        (r#"{"error":{"code":529,"type":"server_error","message":"boom"}}"#, FailureKind::Overloaded),
        (r#"{"error":{"code":"context_length_exceeded","message":"boom"}}"#, FailureKind::TooLong),
        (r#"{"error":{"type":"insufficient_quota","code":null,"message":"boom"}}"#, FailureKind::Quota),
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
    let (before, failure) = failure(&read_whole(anthropic(), &format!("{half}event: error\ndata: {error}\n\n")));
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
fn what_is_no_chunk_at_all_fails_and_says_which_setting_to_check() {
    let (_, failure) = failure(&read_whole(openai(), "data: <html>\n\n"));
    assert_eq!(failure.kind, FailureKind::Protocol);
    assert!(failure.message.contains("OPENAI_BASE_URL") && !failure.message.contains('<'));
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
fn a_failure_keeps_its_facts_on_the_way_to_a_person() {
    let failure =
        Failure { retry_after: Some(Duration::from_millis(1500)), ..Failure::new(FailureKind::RateLimited, "Wait.") };
    let expected = ReplyError {
        kind: "rate_limited".into(),
        message: "Wait.".into(),
        retryable: true,
        retry_after_ms: Some(1500),
    };
    assert_eq!(ReplyError::from(failure), expected);
}
