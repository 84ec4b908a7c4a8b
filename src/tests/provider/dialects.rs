//! Servers that speak OpenAI's chat completions, each a little differently.

use super::*;

fn chat(lines: &[&str]) -> Vec<Delta> {
    let stream: String = lines.iter().map(|json| line(Kind::OpenAi, json)).collect();
    read_whole(Kind::OpenAi, &stream)
}

const END: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn deepseek_and_older_vllm_think_in_reasoning_content() {
    let deltas = chat(&[
        r#"{"choices":[{"delta":{"role":"assistant","content":null,"reasoning_content":"Hm."}}]}"#,
        r#"{"choices":[{"delta":{"content":"Yes.","reasoning_content":null}}]}"#,
        END,
        "[DONE]",
    ]);
    assert_eq!(deltas, [thinking("Hm."), text("Yes."), finished("stop")]);
}

#[test]
fn newer_vllm_and_openrouter_think_in_reasoning_and_what_stands_in_both_is_shown_once() {
    let deltas = chat(&[
        r#"{"choices":[{"delta":{"reasoning":"Hm."}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"So.","reasoning_content":"So."}}]}"#,
        r#"{"choices":[{"delta":{"content":"Yes.","reasoning_details":[{"type":"reasoning.text"}]}}]}"#,
        END,
    ]);
    assert_eq!(deltas, [thinking("Hm."), thinking("So."), text("Yes."), finished("stop")]);
}

#[test]
fn openrouter_fails_in_a_chunk_that_looks_like_any_other() {
    let error = r#"{"id":"g","provider":"x","error":{"code":502,"message":"Provider disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
    let stream = format!(": OPENROUTER PROCESSING\n\n{}{}", token(Kind::OpenAi, "a"), line(Kind::OpenAi, error));
    let (before, failure) = failure(&read_whole(Kind::OpenAi, &stream));
    assert_eq!((before.as_str(), failure.kind, failure.retryable), ("a", FailureKind::Server, true));
    assert!(failure.message.ends_with("“Provider disconnected”"), "{}", failure.message);
}

#[test]
fn comments_keep_the_line_open_and_say_nothing() {
    let stream = format!(": OPENROUTER PROCESSING\n\n: ping\n\n:\n\n{}data: {END}\n\n", token(Kind::OpenAi, "a"));
    assert_eq!(read_whole(Kind::OpenAi, &stream), [text("a"), finished("stop")]);
}

#[test]
fn a_reply_without_done_is_complete_where_it_gave_a_reason() {
    for Recording { kind, stream, deltas, .. } in recordings() {
        let stream = stream.replace("data: [DONE]\n\n", "");
        assert_eq!(read_whole(kind, &stream), deltas, "{kind:?}");
    }
}

#[test]
fn a_done_without_a_reason_is_an_end() {
    assert_eq!(chat(&[r#"{"choices":[{"delta":{"content":"a"}}]}"#, "[DONE]"]), [text("a"), finished("stop")]);
}

#[test]
fn chunks_without_choices_at_both_ends_bring_usage_or_nothing() {
    let deltas = chat(&[
        r#"{"choices":[],"prompt_filter_results":[]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
        r#"{"choices":[{"delta":{"content":"b"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
        END,
        r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
        r#"{"usage":null}"#,
        "[DONE]",
    ]);
    assert_eq!(deltas, [text("a"), usage(3, 1), text("b"), usage(3, 2), finished("stop")]);
}

#[test]
fn mistrals_error_for_a_reason_is_a_failure() {
    let stream = token(Kind::Mistral, "a")
        + &line(Kind::Mistral, r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#);
    let (before, failure) = failure(&read_whole(Kind::Mistral, &stream));
    assert_eq!((before.as_str(), failure.kind), ("a", FailureKind::Server));
}
