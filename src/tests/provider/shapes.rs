//! Answers in another shape than was requested: read by their content, judged by their first bytes.

use super::*;

/// A whole answer, as the format writes it without a stream.
fn whole(kind: Kind) -> &'static str {
    match kind {
        Kind::Anthropic => {
            r#"{"id":"m","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Whole."}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#
        }
        Kind::OpenAi | Kind::Mistral => {
            r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Whole.","reasoning_content":"Hm."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#
        }
        Kind::Responses => {
            r#"{"id":"r","object":"response","status":"completed","error":null,"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]},{"type":"message","content":[{"type":"output_text","text":"Whole."}]}],"usage":{"input_tokens":3,"output_tokens":4}}"#
        }
        Kind::Gemini => {
            r#"{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true},{"text":"Whole."}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}"#
        }
        Kind::Ollama => {
            r#"{"message":{"role":"assistant","content":"Whole.","thinking":"Hm."},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":4}"#
        }
    }
}

fn assert_whole(deltas: &[Delta], case: &str) {
    assert_eq!((thought(deltas).as_str(), shown(deltas).as_str()), ("Hm.", "Whole."), "{case}: {deltas:?}");
    assert!(deltas.contains(&usage(3, 4)), "{case}");
    reason(deltas);
}

#[test]
fn z12_a_whole_answer_to_a_stream_request_is_read() {
    assert_eq!(shown(&case("json-answer-to-a-stream-request")), "Whole at once.");
    for kind in Kind::ALL {
        let compact = whole(kind).to_owned();
        let value: Value = serde_json::from_str(&compact).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        for answer in [&compact, &pretty, &format!("\n\u{feff}{pretty}\r\n"), &format!("[\n{pretty}\n]")] {
            for media_type in ["application/json", "text/event-stream", "application/x-ndjson", "text/plain", ""] {
                assert_whole(&read_as(kind, media_type, answer), &format!("{kind:?} as {media_type}"));
            }
            for size in [1, 2, 3, 7] {
                assert_whole(&read(kind, answer.as_bytes().chunks(size)), &format!("{kind:?} by {size}"));
            }
        }
        // A whole answer that was cut is not whole.
        let (_, failure) = failure(&read_as(kind, "application/json", &pretty[..pretty.len() - 3]));
        assert_eq!(failure.kind, FailureKind::Truncated, "{kind:?}");
    }
}

#[test]
fn z12_a_stream_under_another_media_type_is_read() {
    assert_eq!(shown(&case("event-stream-as-text-plain")), "Hi.");
    assert_eq!(shown(&case("ndjson-as-text-plain")), "Hi.");
    for Recording { kind, stream, deltas, .. } in recordings() {
        for media_type in
            ["text/plain", "text/html", "application/octet-stream", "application/json", "text/event-stream"]
        {
            assert_eq!(read_as(kind, media_type, stream), deltas, "{kind:?} as {media_type}");
        }
    }
}

#[test]
fn z12_lines_of_json_and_a_list_of_chunks_are_read_in_every_format() {
    for Recording { kind, stream, deltas, .. } in recordings() {
        let json = |line: &str| line.find('{').map(|start| line[start..].to_owned());
        let lines: Vec<_> = stream.lines().filter_map(json).collect();
        // Chat completions end with a word; lines of JSON just end.
        for answer in [lines.join("\n"), lines.join("\r\n") + "\r\n", format!("[{}]", lines.join(",\n"))] {
            assert_eq!(read_as(kind, "application/json", &answer), deltas, "{kind:?}");
            assert_eq!(read(kind, answer.as_bytes().chunks(3)), deltas, "{kind:?}");
        }
    }
    let with_end = token(Kind::OpenAi, "a").replace("data: ", "") + "[DONE]\n";
    assert_eq!(read_as(Kind::OpenAi, "application/x-ndjson", &with_end), [text("a"), finished("stop")]);
}

#[test]
fn z12_a_whole_error_is_one() {
    for kind in Kind::ALL {
        for error in
            [r#"{"error":{"message":"boom"}}"#, "[{\n\"error\": {\"message\": \"boom\"}\n}]", r#"{"detail":"boom"}"#]
        {
            let (_, failure) = failure(&read_as(kind, "application/json", error));
            assert!(failure.message.ends_with("It said: “boom”"), "{kind:?}: {}", failure.message);
        }
    }
    let failed = r#"{"object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"boom"}}"#;
    assert_eq!(failure(&read_as(Kind::Responses, "application/json", failed)).1.kind, FailureKind::RateLimited);
}

#[test]
fn z12_a_page_and_anything_else_fail_with_what_they_say() {
    let pages = [
        (
            "<!DOCTYPE html><html><head><title>Sign in | Example</title></head><body>x</body></html>",
            "Sign in | Example",
        ),
        ("<html><style>p{}</style><script>if (a<b) {}</script><h1>Welcome</h1> <p>to it</html>", "Welcome to it"),
        ("\n  <h1>502</h1", "502"),
    ];
    for kind in Kind::ALL {
        for (page, words) in pages {
            for size in [1, 5, page.len()] {
                for media_type in ["text/html", "text/event-stream", ""] {
                    let mut reader = kind.reader_of(media_type, &origin(kind), &ProviderLimits::default());
                    let mut deltas: Vec<_> =
                        page.as_bytes().chunks(size).flat_map(|chunk| reader.push(chunk)).collect();
                    deltas.extend(reader.end());
                    let (_, failure) = failure(&deltas);
                    assert_eq!(failure.kind, FailureKind::Protocol, "{kind:?} {media_type}");
                    assert!(failure.message.contains("_BASE_URL") && !failure.message.contains('<'));
                    assert!(failure.message.ends_with(&format!("It said: “{words}”")), "{}", failure.message);
                }
            }
        }
        let (_, other) = failure(&read_as(kind, "text/plain", "Nothing to see here"));
        assert!(other.message.ends_with("It said: “Nothing to see here”"), "{}", other.message);
    }
}

#[test]
fn z12_a_page_without_an_end_is_not_read_to_it() {
    let mut reader = Kind::OpenAi.reader_of("text/html", &origin(Kind::OpenAi), &ProviderLimits::default());
    let page = format!("<title>Sign in</title>{}", "x".repeat(64 << 10));
    assert_eq!(failure(&reader.push(page.as_bytes())).1.kind, FailureKind::Protocol);
}

#[test]
fn z12_a_whole_answer_is_read_within_the_bounds_of_a_stream() {
    let long = whole(Kind::OpenAi).replace("Whole.", &"x".repeat(ProviderLimits::default().event_bytes));
    let (before, failure) = failure(&read_as(Kind::OpenAi, "application/json", &long));
    assert_eq!((before.as_str(), failure.kind), ("", FailureKind::Protocol));
}
