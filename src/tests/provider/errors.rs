//! Invalid answers: errors after 200, broken characters, bodies that are not an answer of this API.

use super::*;
use crate::model::ReplyError;
use std::time::Duration;

/// Errors in the words of each API, and what they mean.
fn errors() -> Vec<(Kind, &'static str, FailureKind)> {
    let gemini_quota = r#"{"error":{"code":429,"message":"boom","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}"#;
    let gemini_key = r#"{"error":{"code":400,"message":"boom","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    vec![
        (Kind::OpenAi, r#"{"error":{"type":"server_error","message":"boom"}}"#, FailureKind::Server),
        (Kind::OpenAi, r#"{"error":{"code":429,"message":"boom"}}"#, FailureKind::RateLimited),
        (Kind::OpenAi, r#"{"error":{"code":529,"type":"server_error","message":"boom"}}"#, FailureKind::Overloaded),
        (Kind::OpenAi, r#"{"error":{"code":"context_length_exceeded","message":"boom"}}"#, FailureKind::TooLong),
        (Kind::OpenAi, r#"{"error":{"type":"insufficient_quota","code":null,"message":"boom"}}"#, FailureKind::Quota),
        (Kind::OpenAi, r#"{"error":"boom"}"#, FailureKind::Server),
        (
            Kind::Anthropic,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"boom"}}"#,
            FailureKind::Overloaded,
        ),
        (Kind::Anthropic, r#"{"type":"error","error":{"type":"api_error","message":"boom"}}"#, FailureKind::Server),
        (
            Kind::Responses,
            r#"{"type":"error","code":"rate_limit_exceeded","message":"boom","param":null}"#,
            FailureKind::RateLimited,
        ),
        (Kind::Responses, r#"{"type":"error","error":{"type":"server_error","message":"boom"}}"#, FailureKind::Server),
        (Kind::Responses, r#"{"error":{"type":"server_error","message":"boom"}}"#, FailureKind::Server),
        (
            Kind::Responses,
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"boom"}}}"#,
            FailureKind::Server,
        ),
        (Kind::Gemini, r#"{"error":{"code":503,"message":"boom","status":"UNAVAILABLE"}}"#, FailureKind::Overloaded),
        (Kind::Gemini, gemini_quota, FailureKind::RateLimited),
        (Kind::Gemini, gemini_key, FailureKind::Unauthorized),
        (Kind::Ollama, r#"{"error":"boom"}"#, FailureKind::Server),
        (
            Kind::Mistral,
            r#"{"object":"error","error":{"type":"invalid_model","message":"boom","code":"1500"}}"#,
            FailureKind::ModelNotFound,
        ),
    ]
}

#[test]
fn f7_an_error_after_200_ends_the_reply_with_its_kind_and_keeps_the_text() {
    for (kind, error, expected) in errors() {
        let stream = token(kind, "a") + &line(kind, error) + &token(kind, "never shown");
        let (before, failure) = failure(&read_whole(kind, &stream));
        assert_eq!((before.as_str(), failure.kind), ("a", expected), "{error}");
        assert!(failure.message.ends_with("It said: “boom”"), "{}", failure.message);
    }
}

#[test]
fn f7_a_named_error_event_is_one_too() {
    for kind in [Kind::Anthropic, Kind::OpenAi, Kind::Responses] {
        let stream = format!("{}event: error\ndata: {{\"error\":{{\"message\":\"boom\"}}}}\n\n", token(kind, "a"));
        assert_eq!(failure(&read_whole(kind, &stream)).1.kind, FailureKind::Server, "{kind:?}");
    }
}

#[test]
fn f5_the_time_that_gemini_asks_to_wait_is_in_the_error() {
    let (kind, error, _) = errors().into_iter().find(|(_, error, _)| error.contains("retryDelay")).unwrap();
    let (_, failure) = failure(&read_whole(kind, &line(kind, error)));
    assert_eq!(failure.retry_after, Some(Duration::from_secs(34)));
    assert!(failure.message.contains("wait 34 seconds"), "{}", failure.message);
}

#[test]
fn what_a_failed_response_cost_is_kept() {
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"boom"},"usage":{"input_tokens":9,"output_tokens":2}}}"#;
    assert!(read_whole(Kind::Responses, &line(Kind::Responses, failed)).contains(&usage(9, 2)));
}

#[test]
fn the_lists_that_servers_in_python_complain_with_become_a_sentence() {
    let nested = r#"{"error":{"message":{"detail":[{"type":"extra_forbidden","loc":["body","top_k"],"msg":"Extra inputs are not permitted"}]}}}"#;
    let (_, failure) = failure(&read_whole(Kind::Mistral, &line(Kind::Mistral, nested)));
    assert!(failure.message.ends_with("“top_k: Extra inputs are not permitted”"), "{}", failure.message);
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
    for kind in Kind::ALL {
        for (written, expected) in cases {
            assert_eq!(shown(&read_whole(kind, &token(kind, written))), expected, "{written} by {kind:?}");
        }
    }
}

#[test]
fn what_is_no_event_at_all_fails_and_says_which_setting_to_check() {
    for kind in Kind::ALL {
        let (_, failure) = failure(&read_whole(kind, &line(kind, "<html>")));
        assert_eq!(failure.kind, FailureKind::Protocol, "{kind:?}");
        assert!(failure.message.contains("_BASE_URL") && !failure.message.contains('<'));
    }
    let (_, other) = failure(&read_whole(Kind::Responses, &token(Kind::OpenAi, "a")));
    assert_eq!(other.kind, FailureKind::Protocol, "another API at this address");
}

#[test]
fn a50_a_providers_words_are_quoted_short_plain_and_without_markup() {
    let quoted = |message: &str| {
        let error = serde_json::json!({ "error": { "message": message } });
        failure(&read_whole(Kind::OpenAi, &format!("data: {error}\n\n"))).1.message
    };
    assert!(quoted("a\u{1b}[31m\nb\0c").ends_with("It said: “a [31m b c”"));
    assert!(quoted(&"x".repeat(5_000)).ends_with(&format!(" “{}…”", "x".repeat(300))));
    for page in ["<!DOCTYPE html><h1>502</h1>", "see <script>alert(1)</script>", "a </b>", " \n "] {
        assert!(!quoted(page).contains("It said"), "{page}");
    }
    assert!(quoted("1 < 2").ends_with("“1 < 2”"));
}

#[test]
fn a_failures_message_to_the_user_keeps_its_facts() {
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
