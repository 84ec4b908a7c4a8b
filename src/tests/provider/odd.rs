//! Servers with unexpected formats: numbers as text, null, errors and chunks in other places. Their meaning is read.

use super::*;

#[test]
fn z03_a_number_or_a_boolean_as_text_is_the_text_that_it_is_written_as() {
    let deltas = case("chat-number-as-content");
    assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("It costs $0.005 [1].", "stop"));
    assert_eq!(shown(&case("chat-boolean-as-content")), "x = true;");
}

#[test]
fn z03_so_it_is_in_every_text_and_thought_of_every_format() {
    for kind in Kind::ALL {
        for (written, expected) in [
            ("0.005", "0.005"),
            ("1e3", "1e3"),
            ("1.50", "1.50"),
            ("-0", "-0"),
            ("-7", "-7"),
            ("42", "42"),
            ("18446744073709551616", "18446744073709551616"),
            ("true", "true"),
            ("false", "false"),
            ("null", ""),
            ("{\"x\":1.5}", ""),
        ] {
            let stream =
                token(kind, "a") + &musing(kind, written) + &piece(kind, written) + &token(kind, "b\\ud83d 1.5");
            let deltas = read_whole(kind, &(stream + &ending(kind)));
            assert_eq!(shown(&deltas), format!("a{expected}b\u{fffd} 1.5"), "{kind:?} {written}");
            assert_eq!(thought(&deltas), expected, "{kind:?} {written}");
        }
    }
    let parts =
        r#"{"choices":[{"delta":{"content":[{"type":"text","text":1.0},{"type":"text","text":2}],"refusal":3.5}}]}"#;
    assert_eq!(shown(&read_lines(Kind::Mistral, &[parts])), "1.023.5");
    let done = r#"{"type":"response.output_text.done","text":2.50}"#;
    assert_eq!(shown(&read_lines(Kind::Responses, &[done])), "2.50");
    let block = r#"{"type":"content_block_start","content_block":{"type":"text","text":1e3}}"#;
    assert_eq!(shown(&read_lines(Kind::Anthropic, &[block])), "1e3");
}

#[test]
fn z04_an_empty_finish_reason_is_no_end() {
    let (before, failure) = failure(&case("chat-empty-finish-reason-then-end"));
    assert_eq!((before.as_str(), failure.kind), ("Half of an ans", FailureKind::Truncated));
}

#[test]
fn z04_a_reason_that_says_nothing_is_none_in_every_format() {
    for written in ["\"\"", "\" \"", "null", "false", "{}"] {
        let events = [
            (Kind::Anthropic, r#"{"type":"message_delta","delta":{"stop_reason":REASON}}"#),
            (Kind::OpenAi, r#"{"choices":[{"delta":{},"finish_reason":REASON}]}"#),
            (Kind::Mistral, r#"{"choices":[{"delta":{},"finish_reason":REASON}]}"#),
            (Kind::Gemini, r#"{"candidates":[{"finishReason":REASON}],"promptFeedback":{"blockReason":REASON}}"#),
            (Kind::Ollama, r#"{"done":false,"done_reason":REASON}"#),
        ];
        for (kind, event) in events {
            let stream = token(kind, "a") + &line(kind, &event.replace("REASON", written));
            let (before, failure) = failure(&read_whole(kind, &stream));
            assert_eq!((before.as_str(), failure.kind), ("a", FailureKind::Truncated), "{kind:?} {written}");
        }
    }
    let unspecified = r#"{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#;
    let stream = token(Kind::Gemini, "a") + &line(Kind::Gemini, unspecified);
    assert_eq!(failure(&read_whole(Kind::Gemini, &stream)).1.kind, FailureKind::Truncated);
}

#[test]
fn z04_the_end_that_a_format_has_is_one_without_a_reason_too() {
    for (kind, end, word) in [
        (Kind::OpenAi, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}\n\ndata: [DONE]\n\n", "stop"),
        (Kind::Anthropic, "data: {\"type\":\"message_stop\"}\n\n", "end_turn"),
        (Kind::Ollama, "{\"done\":true,\"done_reason\":\"\"}\n", "stop"),
        (Kind::Responses, "data: {\"type\":\"response.completed\"}\n\n", "completed"),
    ] {
        let deltas = read_whole(kind, &(token(kind, "a") + end));
        assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("a", word), "{kind:?}");
    }
}

#[test]
fn z05_an_error_without_an_error_member_fails_with_the_servers_words() {
    let (before, failure) = failure(&case("chat-error-object-without-error-key"));
    assert_eq!((before.as_str(), failure.kind), ("", FailureKind::Server));
    assert!(failure.message.ends_with("“The engine is out of memory”"), "{}", failure.message);
}

#[test]
fn z05_so_it_is_in_every_format_and_shape() {
    for kind in Kind::ALL {
        for error in [
            r#"{"object":"error","message":"boom","code":500}"#,
            r#"{"message":"boom"}"#,
            r#"{"detail":"boom"}"#,
            r#"{"detail":[{"msg":"boom"}]}"#,
            r#"{"type":"server_error","message":"boom"}"#,
            r#"{"error":{"message":"boom"}}"#,
        ] {
            let stream = token(kind, "a") + &line(kind, error) + &token(kind, "never shown");
            let (before, failure) = failure(&read_whole(kind, &stream));
            assert_eq!(before, "a", "{kind:?} {error}");
            assert!(failure.message.ends_with("It said: “boom”"), "{kind:?} {error}: {}", failure.message);
        }
        for none in [r#""error":null"#, r#""error":"""#, r#""error":false"#] {
            let stream = token(kind, "a").replacen("{", &format!("{{{none},"), 1) + &ending(kind);
            assert_eq!(shown(&read_whole(kind, &stream)), "a", "{kind:?} {none}");
        }
    }
}

#[test]
fn z05_chunks_that_are_wrapped_in_data_are_read() {
    let deltas = case("chat-chunks-wrapped-in-data");
    assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("Hi.", "stop"));
    for kind in [Kind::Anthropic, Kind::OpenAi, Kind::Responses, Kind::Gemini, Kind::Mistral, Kind::Ollama] {
        let bare = token(kind, "Hi.") + &ending(kind);
        let wrap = |line: &str| match line.find('{') {
            Some(start) => format!("{}{{\"data\":{}}}\n", &line[..start], &line[start..]),
            None => format!("{line}\n"),
        };
        let wrapped: String = bare.lines().map(wrap).collect();
        assert_eq!(shown(&read_whole(kind, &wrapped)), "Hi.", "{kind:?}");
        let text = |line: &str| match line.find('{') {
            Some(start) => format!("{}{}\n", &line[..start], serde_json::json!({ "data": &line[start..] })),
            None => format!("{line}\n"),
        };
        let wrapped: String = bare.lines().map(text).collect();
        assert_eq!(shown(&read_whole(kind, &wrapped)), "Hi.", "{kind:?} as text");
    }
}

#[test]
fn z05_a_message_in_the_place_of_a_delta_is_read_once() {
    let deltas = case("chat-message-in-place-of-delta");
    assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("Hi.", "stop"));
    // Perplexity repeats the whole text beside each piece.
    let both = |delta: &str, whole: &str| {
        format!(r#"{{"choices":[{{"delta":{{"content":"{delta}"}},"message":{{"content":"{whole}"}}}}]}}"#)
    };
    let pieces = [both("", ""), both("Hel", "Hel"), both("lo", "Hello"), both("", "Hello")];
    assert_eq!(shown(&read_lines(Kind::OpenAi, &pieces.each_ref().map(String::as_str))), "Hello");
    let completion = r#"{"choices":[{"text":"Hi.","finish_reason":"stop"}]}"#;
    assert_eq!(shown(&read_lines(Kind::OpenAi, &[completion])), "Hi.");
}

#[test]
fn z05_what_was_not_understood_and_left_no_text_is_no_success() {
    for kind in Kind::ALL {
        let odd = line(kind, r#"{"output":{"words":"Hi."}}"#);
        let (_, told) = failure(&read_whole(kind, &(odd.clone() + &ending(kind))));
        assert_eq!(told.kind, FailureKind::Protocol, "{kind:?}");
        assert!(told.message.ends_with(r#"It said: “{"output":{"words":"Hi."}}”"#), "{}", told.message);
        assert_eq!(failure(&read_whole(kind, &odd)).1.kind, FailureKind::Protocol, "{kind:?}");
        let beside = read_whole(kind, &(odd + &token(kind, "a") + &ending(kind)));
        assert_eq!(shown(&beside), "a", "{kind:?}");
        reason(&beside);
    }
    let other = r#"{"choices":[{"index":0,"output":"Hi."}]}"#;
    assert_eq!(failure(&read_lines(Kind::OpenAi, &[other, "[DONE]"])).1.kind, FailureKind::Protocol);
    // Another API at this address.
    for (kind, other) in
        [(Kind::Responses, Kind::OpenAi), (Kind::OpenAi, Kind::Responses), (Kind::Anthropic, Kind::Responses)]
    {
        let stream = token(other, "a") + &ending(other);
        assert_eq!(failure(&read_whole(kind, &stream)).1.kind, FailureKind::Protocol, "{other:?} at {kind:?}");
    }
}

#[test]
fn z08_null_and_odd_counts_cost_no_reply() {
    for (name, text) in [
        ("strict-anthropic-text-null-in-block-start", "All."),
        ("strict-anthropic-thinking-null-and-delta-null", "All."),
        ("strict-gemini-negative-count", "Hi."),
        ("strict-gemini-thought-null", "Hello"),
        ("strict-ollama-done-null", "Hi."),
        ("strict-responses-fractional-count", "Hi."),
        ("strict-responses-usage-null", "4"),
    ] {
        let deltas = case(name);
        assert_eq!(shown(&deltas), text, "{name}");
        reason(&deltas);
    }
    // Odd values count nothing; valid ones beside them count.
    assert!(case("strict-gemini-negative-count").contains(&usage(5, 0)));
    assert!(case("strict-responses-fractional-count").contains(&usage(0, 1)));
}

#[test]
fn z08_null_in_the_place_of_any_member_is_like_its_absence() {
    for Recording { kind, stream, .. } in recordings() {
        let mut odd = String::new();
        for line in stream.lines() {
            let (before, json) = line.split_at(line.find('{').unwrap_or(line.len()));
            odd += before;
            match serde_json::from_str::<Value>(json) {
                Ok(mut value) => {
                    let object = value.as_object_mut().unwrap();
                    for name in [
                        "error",
                        "usage",
                        "delta",
                        "message",
                        "choices",
                        "candidates",
                        "promptFeedback",
                        "done",
                        "item",
                    ] {
                        object.entry(name).or_insert(Value::Null);
                    }
                    odd += &value.to_string();
                }
                Err(_) => odd += json,
            }
            odd += "\n";
        }
        let deltas = read_whole(kind, &odd);
        assert_eq!(shown(&deltas), GREETING, "{kind:?}");
        reason(&deltas);
    }
}

#[test]
fn z08_counts_that_are_no_whole_numbers_are_none_in_every_format() {
    for odd in ["null", "-1", "3.0", "1e3", "\"7\"", "[]", "{}"] {
        let chat = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":ODD}}"#;
        let events = [
            (Kind::Anthropic, r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":5,"output_tokens":ODD}}"#),
            (Kind::OpenAi, chat),
            (Kind::Mistral, chat),
            (
                Kind::Responses,
                r#"{"type":"response.completed","response":{"usage":{"input_tokens":5,"output_tokens":ODD}}}"#,
            ),
            (
                Kind::Gemini,
                r#"{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":ODD,"thoughtsTokenCount":ODD}}"#,
            ),
            (Kind::Ollama, r#"{"done":true,"prompt_eval_count":5,"eval_count":ODD}"#),
        ];
        for (kind, event) in events {
            let deltas =
                read_whole(kind, &(token(kind, "a") + &line(kind, &event.replace("ODD", odd)) + &ending(kind)));
            assert!(deltas.contains(&usage(5, 0)), "{kind:?} {odd}: {deltas:?}");
            reason(&deltas);
        }
    }
}

/// Arguable: the standard has comments to keep a connection open. But gateways send words, which do no harm, and what
/// begins like JSON is not one of them: a torn piece of a reply must not be lost in silence.
#[test]
fn z05_a_heartbeat_is_nothing_and_a_torn_piece_is_not_one() {
    let deltas = case("heartbeat-data-ping");
    assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("Hi.", "stop"));
    for kind in Kind::ALL {
        for word in ["ping", "keep-alive", ": heartbeat", r#"{"type":"ping"}"#] {
            let deltas = read_whole(kind, &(token(kind, "a") + &line(kind, word) + &token(kind, "b") + &ending(kind)));
            assert_eq!(shown(&deltas), "ab", "{kind:?} {word}");
            reason(&deltas);
        }
        let torn = token(kind, "a") + &line(kind, r#"{"choices":[{"del"#) + &token(kind, "b") + &ending(kind);
        let (before, failure) = failure(&read_whole(kind, &torn));
        assert_eq!((before.as_str(), failure.kind), ("a", FailureKind::Protocol), "{kind:?}");
    }
}
