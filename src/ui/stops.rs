//! Why a model stopped, in words: providers have a dozen names for a few things. What ended as it should has none.

/// What to say under a reply that its model ended early, and what can be done.
pub fn sentence(reason: &str) -> Option<&'static str> {
    Some(match reason {
        // Anthropic; chat completions and Ollama; Gemini; Responses.
        "max_tokens" | "length" | "MAX_TOKENS" | "max_output_tokens" => {
            "The reply reached the model’s length limit. Ask it to go on."
        }
        "model_context_window_exceeded" | "model_length" => {
            "The conversation has become as long as the model can hold. Start a new one, or choose a model with more room."
        }
        "refusal" => "The model declined to answer. Ask in other words, or choose another model.",
        "content_filter" | "SAFETY" | "IMAGE_SAFETY" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "MODEL_ARMOR"
        | "JAILBREAK" => "The provider’s safety filter ended the reply. Ask in other words, or choose another model.",
        "RECITATION" => {
            "The provider ended the reply because it repeated a text word for word. Ask for it in the model’s own words."
        }
        "LANGUAGE" => "The model does not speak this language. Choose another model.",
        "tool_use"
        | "tool_calls"
        | "function_call"
        | "pause_turn"
        | "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS" => "The model asked for a tool, and there is none here. Ask it to answer without.",
        "load" | "unload" => "The model was only loaded and has not answered. Retry.",
        "incomplete" | "OTHER" | "MALFORMED_RESPONSE" => {
            "The provider ended the reply early and did not say why. Retry, or choose another model."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_as_it_should_is_not_commented() {
        for reason in ["end_turn", "stop", "stop_sequence", "STOP", "completed", "because"] {
            assert_eq!(sentence(reason), None, "{reason}");
        }
    }

    #[test]
    fn every_early_end_says_what_to_do_next() {
        let early = ["max_tokens", "length", "MAX_TOKENS", "max_output_tokens", "refusal", "content_filter", "SAFETY"];
        for reason in early {
            let said = sentence(reason).unwrap();
            assert!(["Ask", "Start", "Choose"].iter().any(|next| said.contains(next)), "{said}");
        }
    }
}
