//! Tokens that providers count, and which of them are a reply's usage.

use super::*;

#[test]
fn z16_cached_input_is_input() {
    let deltas = case("usage-anthropic-cache");
    assert_eq!(deltas, [usage(10_107, 1), text("Hi."), usage(10_107, 20), finished("end_turn")]);
    let counted = |last: &str| {
        let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":7,"cache_read_input_tokens":100}}}"#;
        let end = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},"usage":{last}}}"#);
        read_lines(Kind::Anthropic, &[start, &end]).into_iter().rfind(|delta| matches!(delta, Delta::Usage(_)))
    };
    // Counted again at the end, or only there.
    assert_eq!(counted(r#"{"input_tokens":7,"cache_read_input_tokens":100,"output_tokens":2}"#), Some(usage(107, 2)));
    assert_eq!(counted(r#"{"cache_creation_input_tokens":1000,"output_tokens":2}"#), Some(usage(1_107, 2)));
}

#[test]
fn z16_thoughts_are_counted_once_as_the_sum_says() {
    assert!(case("usage-reasoning-on-top").contains(&usage(10_120, 4_308)));
    let chat = |total: &str| {
        let counted = format!(
            r#"{{"choices":[],"usage":{{"prompt_tokens":10,"completion_tokens":30{total},"completion_tokens_details":{{"reasoning_tokens":20}}}}}}"#
        );
        read_lines(Kind::OpenAi, &[&counted])[0].clone()
    };
    assert_eq!(chat(r#","total_tokens":40"#), usage(10, 30), "OpenAI counts them in");
    assert_eq!(chat(r#","total_tokens":60"#), usage(10, 50));
    assert_eq!(chat(""), usage(10, 30), "nothing says that they come on top");
    let responses = |total: u64| {
        let counted = format!(
            r#"{{"type":"response.completed","response":{{"usage":{{"input_tokens":10,"output_tokens":30,"total_tokens":{total},"output_tokens_details":{{"reasoning_tokens":20}}}}}}}}"#
        );
        read_lines(Kind::Responses, &[&counted])[0].clone()
    };
    assert_eq!((responses(40), responses(60)), (usage(10, 30), usage(10, 50)));
    let gemini = |total: &str| {
        let counted = format!(
            r#"{{"usageMetadata":{{"promptTokenCount":10,"toolUsePromptTokenCount":5,"candidatesTokenCount":30,"thoughtsTokenCount":20{total}}}}}"#
        );
        read_lines(Kind::Gemini, &[&counted])[0].clone()
    };
    assert_eq!(gemini(""), usage(15, 50), "Google counts them beside the rest");
    assert_eq!(gemini(r#","totalTokenCount":65"#), usage(15, 50));
    assert_eq!(gemini(r#","totalTokenCount":45"#), usage(15, 30), "a gateway that counts them in");
}

/// Arguable: Anthropic's own streams end with `message_stop`. Servers that speak its format leave it out, and an end
/// with a reason is an end; what is cut before the reason stays truncated.
#[test]
fn z04_an_end_with_a_reason_is_an_end_without_message_stop_too() {
    let deltas = case("anthropic-without-message-stop");
    assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("All.", "end_turn"));
    let reasoned = token(Kind::Ollama, "a") + &line(Kind::Ollama, r#"{"done_reason":"length"}"#);
    assert_eq!(reason(&read_whole(Kind::Ollama, &reasoned)), "length");
}
