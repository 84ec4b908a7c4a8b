//! How replies end: whole, early, refused, in the middle.

use super::*;

#[test]
fn a_recorded_reply_is_read_whole() {
    for Recording { kind, stream, deltas, .. } in recordings() {
        assert_eq!(read_whole(kind, stream), deltas, "{kind:?}");
        assert_eq!(shown(&deltas), GREETING);
    }
}

#[test]
fn f4_a_reply_that_ends_anywhere_else_is_truncated_and_keeps_its_text() {
    for Recording { kind, stream, ending, deltas } in recordings() {
        let end = stream.find(ending).unwrap();
        for cut in 0..=end {
            let (before, failure) = failure(&read(kind, [&stream.as_bytes()[..cut]]));
            assert_eq!((failure.kind, failure.retryable), (FailureKind::Truncated, true), "{kind:?} cut at {cut}");
            assert!(GREETING.starts_with(&before), "{kind:?} cut at {cut}: {before}");
        }
        // A cut inside the last event may mean either, and the text is whole.
        for cut in end..stream.len() {
            let cut_short = read(kind, [&stream.as_bytes()[..cut]]);
            assert_eq!(shown(&cut_short), GREETING, "{kind:?} cut at {cut}");
            match cut_short.last().unwrap() {
                Delta::Failed(failure) => assert_eq!(failure.kind, FailureKind::Truncated, "{kind:?} cut at {cut}"),
                last => assert_eq!(Some(last), deltas.last(), "{kind:?} cut at {cut}"),
            }
        }
    }
}

#[test]
fn usage_that_was_reported_before_a_cut_is_kept() {
    for (kind, kept) in [(Kind::Anthropic, usage(25, 1)), (Kind::Gemini, usage(8, 23))] {
        let Recording { stream, ending, .. } = recordings().into_iter().find(|it| it.kind == kind).unwrap();
        let deltas = read_whole(kind, &stream[..stream.find(ending).unwrap()]);
        let last = deltas.iter().rfind(|delta| matches!(delta, Delta::Usage(_)));
        assert_eq!(last, Some(&kept));
    }
}

#[test]
fn a_connection_that_breaks_after_the_end_broke_nothing() {
    let broken = || Failure::new(FailureKind::UpstreamReset, "broken");
    for kind in Kind::ALL {
        let mut reader = reader(kind);
        reader.push(token(kind, "a").as_bytes());
        assert_eq!(reader.broke(broken()), [Delta::Failed(broken())]);
    }
    let reasons = [
        (Kind::OpenAi, r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#, "length"),
        (Kind::Gemini, r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#, "MAX_TOKENS"),
    ];
    for (kind, ending, reason) in reasons {
        let mut reader = reader(kind);
        reader.push((token(kind, "a") + &line(kind, ending)).as_bytes());
        assert_eq!(reader.broke(broken()), [finished(reason)]);
    }
}

#[test]
fn a_reason_to_stop_is_an_ending_and_not_a_failure() {
    let anthropic = |reason: &str| {
        let end = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}}}}"#);
        line(Kind::Anthropic, &end) + &line(Kind::Anthropic, r#"{"type":"message_stop"}"#)
    };
    let chat =
        |reason: &str| line(Kind::OpenAi, &format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#));
    let incomplete = |reason: &str| {
        let details = format!(r#"{{"incomplete_details":{{"reason":"{reason}"}}}}"#);
        line(Kind::Responses, &format!(r#"{{"type":"response.incomplete","response":{details}}}"#))
    };
    let gemini = |reason: &str| line(Kind::Gemini, &format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#));
    let ollama = |reason: &str| line(Kind::Ollama, &format!(r#"{{"done":true,"done_reason":"{reason}"}}"#));
    let cases = [
        (Kind::Anthropic, anthropic("refusal"), "refusal"),
        (Kind::Anthropic, anthropic("model_context_window_exceeded"), "model_context_window_exceeded"),
        (Kind::OpenAi, chat("content_filter"), "content_filter"),
        (Kind::Mistral, chat("length"), "length"),
        (Kind::Responses, incomplete("max_output_tokens"), "max_output_tokens"),
        (Kind::Responses, incomplete("content_filter"), "content_filter"),
        (Kind::Gemini, gemini("SAFETY"), "SAFETY"),
        (Kind::Gemini, gemini("A_REASON_OF_NEXT_YEAR"), "A_REASON_OF_NEXT_YEAR"),
        (Kind::Ollama, ollama("length"), "length"),
    ];
    for (kind, ending, reason) in cases {
        let deltas = read_whole(kind, &(token(kind, "a") + &ending));
        let last = deltas.iter().rfind(|delta| !matches!(delta, Delta::Usage(_)));
        assert_eq!((shown(&deltas).as_str(), last), ("a", Some(&finished(reason))), "{kind:?}");
    }
}

#[test]
fn a_prompt_that_gemini_does_not_take_ends_with_its_reason() {
    let blocked = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":8}}"#;
    let deltas = read_whole(Kind::Gemini, &line(Kind::Gemini, blocked));
    assert_eq!(deltas, [usage(8, 0), finished("PROHIBITED_CONTENT")]);
}

#[test]
fn the_words_of_a_refusal_are_the_answer() {
    let refusal = r#"{"choices":[{"delta":{"refusal":"I won't."},"finish_reason":"stop"}]}"#;
    assert_eq!(shown(&read_whole(Kind::OpenAi, &line(Kind::OpenAi, refusal))), "I won't.");
    let events = [
        r#"{"type":"response.refusal.delta","delta":"I won't."}"#,
        r#"{"type":"response.refusal.done","refusal":"I won't."}"#,
        r#"{"type":"response.completed","response":{}}"#,
    ];
    let stream: String = events.iter().map(|event| line(Kind::Responses, event)).collect();
    assert_eq!(read_whole(Kind::Responses, &stream), [text("I won't."), finished("refusal")]);
}

#[test]
fn two_messages_of_one_response_are_not_run_together() {
    let message = r#"{"type":"response.output_item.added","item":{"type":"message"}}"#;
    let said = |text: &str| line(Kind::Responses, message) + &token(Kind::Responses, text);
    let stream = said("Let me see.") + &said("Here.") + &token(Kind::Responses, " Done.");
    assert_eq!(shown(&read_whole(Kind::Responses, &stream)), "Let me see.\n\nHere. Done.");
}

#[test]
fn more_tokens_than_any_model_has_are_not_believed() {
    let most = 1_000_000_000;
    let (openai, gemini) = (
        r#"{"choices":[],"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":9223372036854775807}}"#,
        r#"{"usageMetadata":{"promptTokenCount":1000000001,"candidatesTokenCount":18446744073709551615,"thoughtsTokenCount":1}}"#,
    );
    for (kind, told) in [(Kind::OpenAi, openai), (Kind::Gemini, gemini)] {
        let deltas = read_whole(kind, &(token(kind, "a") + &line(kind, told)));
        assert_eq!(deltas[1], usage(most, most), "{kind:?}");
    }
}
