//! Complete replies without text: failures that say which of the reasons it was.

use super::*;

const NOTHING: &str = "The model answered nothing.";
const TOOL: &str = "The model asked for a tool that it does not have here.";
const LENGTH: &str = "The model used up \u{201c}Longest reply\u{201d} by thinking";
const FILE: &str = "The model answered with an image or another file, which Rivulet cannot show.";

fn assert_empty(deltas: &[Delta], sentence: &str) {
    let (before, failure) = failure(deltas);
    assert_eq!((before.as_str(), failure.kind, failure.retryable), ("", FailureKind::Empty, true), "{deltas:?}");
    assert!(failure.message.starts_with(sentence), "{}", failure.message);
}

#[test]
fn z07_a_reply_without_a_word_fails_and_says_why() {
    assert_empty(&case("empty-chat-done-alone"), NOTHING);
    assert_empty(&case("empty-gemini-stop-without-parts"), NOTHING);
    assert_empty(&case("empty-ollama-empty-stop"), NOTHING);
    assert_empty(&case("empty-ollama-tool-call-only"), TOOL);
    assert_empty(&case("empty-responses-function-call-only"), TOOL);
    assert!(case("empty-gemini-stop-without-parts").contains(&usage(9, 0)), "what it has cost is known");
    assert!(case("empty-ollama-tool-call-only").contains(&usage(0, 5)));
}

#[test]
fn z07_a_reply_of_nothing_or_of_blanks_is_empty_in_every_format() {
    for kind in Kind::ALL {
        for said in ["", " ", "\\n\\n"] {
            assert_empty(&read_whole(kind, &(token(kind, said) + &ending(kind))), NOTHING);
        }
        // It thought, and that was all.
        let deltas = read_whole(kind, &(musing(kind, "\"Hm.\"") + &ending(kind)));
        assert_eq!(thought(&deltas), "Hm.", "{kind:?}");
        assert_empty(&deltas, NOTHING);
        let blanks = token(kind, "\\n") + &token(kind, " a") + &token(kind, "\\n") + &ending(kind);
        assert_eq!(shown(&read_whole(kind, &blanks)), "\n a\n", "{kind:?}: blanks in a text are kept");
    }
}

#[test]
fn z07_a_call_of_a_tool_alone_is_named_in_every_format() {
    let calls = [
        (
            Kind::Anthropic,
            r#"{"type":"content_block_start","content_block":{"type":"tool_use","name":"f","input":{}}}"#,
        ),
        (
            Kind::OpenAi,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
        ),
        (Kind::OpenAi, r#"{"choices":[{"delta":{"function_call":{"name":"f"}}}]}"#),
        (Kind::Mistral, r#"{"choices":[{"delta":{"content":"","tool_calls":[{"function":{"name":"f"}}]}}]}"#),
        (Kind::Responses, r#"{"type":"response.output_item.done","item":{"type":"function_call","name":"f"}}"#),
        (Kind::Gemini, r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}"#),
        (Kind::Ollama, r#"{"message":{"content":"","tool_calls":[{"function":{"name":"f"}}]},"done":false}"#),
    ];
    for (kind, call) in calls {
        assert_empty(&read_whole(kind, &(line(kind, call) + &ending(kind))), TOOL);
        // Beside text it is ignored.
        let deltas = read_whole(kind, &(token(kind, "a") + &line(kind, call) + &ending(kind)));
        assert_eq!(shown(&deltas), "a", "{kind:?}");
        reason(&deltas);
    }
    let whole = r#"{"type":"response.completed","response":{"output":[{"type":"function_call","name":"f"}]}}"#;
    assert_empty(&read_lines(Kind::Responses, &[whole]), TOOL);
    let malformed = r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}"#;
    assert_empty(&read_lines(Kind::Gemini, &[malformed]), TOOL);
}

#[test]
fn z07_thinking_that_used_up_the_reply_is_named_in_every_format() {
    let limits = [
        (Kind::Anthropic, r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#),
        (Kind::OpenAi, r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#),
        (Kind::Mistral, r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#),
        (
            Kind::Responses,
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#,
        ),
        (Kind::Gemini, r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#),
        (Kind::Ollama, r#"{"done":true,"done_reason":"length"}"#),
    ];
    for (kind, limit) in limits {
        assert_empty(&read_whole(kind, &line(kind, limit)), LENGTH);
        assert_empty(&read_whole(kind, &(musing(kind, "\"Hm.\"") + &line(kind, limit))), LENGTH);
    }
}

/// An end with a reason is an end: where a filter or the model itself declined, the page says that, and asking another
/// model would only be a way around it.
#[test]
fn z07_an_end_that_explains_the_silence_is_no_failure() {
    for (kind, end, word) in [
        (Kind::Anthropic, r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#, "refusal"),
        (Kind::OpenAi, r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#, "content_filter"),
        (Kind::Gemini, r#"{"candidates":[{"finishReason":"SAFETY"}]}"#, "SAFETY"),
    ] {
        assert_eq!(reason(&read_lines(kind, &[end])), word);
    }
}

/// Arguable: there is an answer, only not one that can be shown. With text beside it the text is the answer; without,
/// silence would be wrong and "nothing" too.
#[test]
fn z07_an_image_alone_is_said_to_be_one() {
    assert_empty(&case("gemini-image-part-only"), FILE);
    let images = [
        (Kind::OpenAi, r#"{"choices":[{"delta":{"content":"","images":[{"type":"image_url"}]}}]}"#),
        (Kind::Mistral, r#"{"choices":[{"delta":{"content":[{"type":"image_url","image_url":"x"}]}}]}"#),
        (Kind::Responses, r#"{"type":"response.output_item.added","item":{"type":"image_generation_call"}}"#),
    ];
    for (kind, image) in images {
        assert_empty(&read_whole(kind, &(line(kind, image) + &ending(kind))), FILE);
        assert_eq!(shown(&read_whole(kind, &(line(kind, image) + &token(kind, "a") + &ending(kind)))), "a", "{kind:?}");
    }
}

#[test]
fn z07_a_connection_that_breaks_behind_an_empty_reply_leaves_it_empty() {
    let mut reader = reader(Kind::OpenAi);
    reader.push(ending(Kind::OpenAi).as_bytes());
    assert_empty(&reader.broke(Failure::new(FailureKind::UpstreamReset, "broken")), NOTHING);
}
