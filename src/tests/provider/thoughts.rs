//! What is text and what is a thought, and where a blank line belongs between two texts.

use super::*;

/// Arguable: the tags are text on the wire. But what is between them is the model's thought, does not belong in the
/// answer, and sent back it would teach the model to answer like that.
#[test]
fn z23_thoughts_in_tags_before_the_answer_are_thinking() {
    let deltas = case("think-tags-inline");
    assert_eq!(deltas, [thinking("What is asked?"), text("Yes."), finished("stop")]);
    let deltas = case("think-tags-inline-ollama");
    assert_eq!((thought(&deltas).as_str(), shown(&deltas).as_str()), ("What?", "Yes."));
}

#[test]
fn z23_so_they_are_in_every_format_however_the_text_is_cut() {
    let cases = [
        ("<think>\\nWhat?\\n</think>\\n\\nYes.", "What?", "Yes."),
        (" \\n<thinking>a < b</thinking>c", "a < b", "c"),
        ("<thought>a </thoughtful> b</thought> c</thought>", "a </thoughtful> b", "c</thought>"),
        ("<think>\\n\\n</think>\\n\\nYes.", "", "Yes."),
        ("<think>a</think><think>b</think> c", "ab", "c"),
        ("<think>a  b</th", "a  b</th", ""),
        ("<thin air", "", "<thin air"),
        ("Use <think>tags</think>.", "", "Use <think>tags</think>."),
        ("<thi", "", "<thi"),
        ("<think", "", "<think"),
    ];
    for kind in Kind::ALL {
        for (written, thoughts, words) in cases {
            let written = written.replace("\\n", "\n");
            for size in 1..=written.len() {
                let pieces = written.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap());
                let stream: String = pieces.map(|piece| token(kind, &piece.replace('\n', "\\n"))).collect();
                let deltas = read_whole(kind, &(stream + &ending(kind)));
                let read = (thought(&deltas), shown(&deltas));
                assert_eq!(read, (thoughts.to_owned(), words.to_owned()), "{kind:?}: {written} by {size}");
            }
        }
    }
}

/// Arguable: OpenRouter documents `reasoning` beside it, but not every provider behind it sends that. What the model
/// thought is thinking, once.
#[test]
fn z23_openrouters_details_of_a_thought_are_thinking() {
    let deltas = case("reasoning-details-only");
    assert_eq!(deltas, [thinking("Let me see."), text("Yes."), finished("stop")]);
    let detail = |detail: &str| format!(r#"{{"choices":[{{"delta":{{"reasoning_details":[{detail}]}}}}]}}"#);
    let summary = detail(r#"{"type":"reasoning.summary","summary":"So."}"#);
    assert_eq!(read_lines(Kind::OpenAi, &[&summary])[0], thinking("So."));
    let encrypted = detail(r#"{"type":"reasoning.encrypted","data":"x"}"#);
    assert_eq!(read_lines(Kind::OpenAi, &[&encrypted, &encrypted])[..1], [thinking("")]);
    let both = r#"{"choices":[{"delta":{"reasoning":"So.","reasoning_details":[{"text":"So."}]}}]}"#;
    assert_eq!(thought(&read_lines(Kind::OpenAi, &[both])), "So.");
}

#[test]
fn z24_text_before_and_after_a_servers_tool_is_parted_by_a_blank_line() {
    let deltas = case("anthropic-text-around-server-tool");
    assert_eq!((shown(&deltas).as_str(), reason(&deltas)), ("I'll look it up.\n\nIt is open.", "end_turn"));
    let code = r#"{"candidates":[{"content":{"parts":[{"text":"I'll count."},{"executableCode":{"code":"1"}},{"codeExecutionResult":{"output":"1"}},{"text":"One."}]}}]}"#;
    assert_eq!(shown(&read_lines(Kind::Gemini, &[code])), "I'll count.\n\nOne.");
    let tool = r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"web_search"}}]}}]}"#;
    for kind in [Kind::OpenAi, Kind::Mistral] {
        let stream = token(kind, "I'll look.") + &line(kind, tool) + &token(kind, "It is.") + &token(kind, " Open.");
        assert_eq!(shown(&read_whole(kind, &stream)), "I'll look.\n\nIt is. Open.");
    }
    let search = r#"{"type":"response.output_item.added","item":{"type":"web_search_call"}}"#;
    let stream =
        token(Kind::Responses, "I'll look.") + &line(Kind::Responses, search) + &token(Kind::Responses, "Open.");
    assert_eq!(shown(&read_whole(Kind::Responses, &stream)), "I'll look.\n\nOpen.");
    let call = r#"{"message":{"tool_calls":[{"function":{"name":"f"}}]},"done":false}"#;
    let stream = token(Kind::Ollama, "I'll look.") + &line(Kind::Ollama, call) + &token(Kind::Ollama, "Open.");
    assert_eq!(shown(&read_whole(Kind::Ollama, &stream)), "I'll look.\n\nOpen.");
}

#[test]
fn z24_pieces_with_citations_are_one_text() {
    let block = |text: &str| {
        line(
            Kind::Anthropic,
            &format!(r#"{{"type":"content_block_start","content_block":{{"type":"text","text":"{text}"}}}}"#),
        )
    };
    let citation = line(
        Kind::Anthropic,
        r#"{"type":"content_block_delta","delta":{"type":"citations_delta","citation":{"url":"https://x.example"}}}"#,
    );
    let stream = block("It is ") + &block("open") + &citation + &block(" today.");
    assert_eq!(shown(&read_whole(Kind::Anthropic, &stream)), "It is open today.");
    let reference = r#"{"choices":[{"delta":{"content":[{"type":"text","text":"It is "},{"type":"reference","reference_ids":[1]},{"type":"text","text":"open."}]}}]}"#;
    assert_eq!(shown(&read_lines(Kind::Mistral, &[reference])), "It is open.");
}

#[test]
fn z06_a_text_that_comes_only_as_a_whole_is_told_once() {
    let deltas = case("responses-text-in-done-only");
    assert_eq!(deltas, [text("All at once."), usage(4, 5), finished("completed")]);
    let whole = |text: &str| {
        format!(
            r#"{{"type":"response.completed","response":{{"output":[{{"type":"reasoning","summary":[{{"text":"Hm."}}]}},{{"type":"message","content":[{{"type":"output_text","text":"{text}"}}]}}]}}}}"#
        )
    };
    let deltas = read_lines(Kind::Responses, &[&whole("All at once.")]);
    assert_eq!(deltas, [thinking("Hm."), text("All at once."), finished("completed")]);
    let stream = token(Kind::Responses, "All at ") + &line(Kind::Responses, &whole("All at once."));
    assert_eq!(shown(&read_whole(Kind::Responses, &stream)), "All at once.");
}

#[test]
fn z06_a_whole_that_is_longer_than_its_pieces_adds_the_rest() {
    let said = |deltas: &str, done: &str| {
        let stream = token(Kind::Responses, deltas) + &line(Kind::Responses, done);
        let deltas = read_whole(Kind::Responses, &(stream + &ending(Kind::Responses)));
        (shown(&deltas), thought(&deltas))
    };
    let text = r#"{"type":"response.output_text.done","text":"Grüß Gott"}"#;
    assert_eq!(said("Grüß ", text).0, "Grüß Gott");
    assert_eq!(said("Grüß Gott", text).0, "Grüß Gott");
    assert_eq!(said("Grüß Gott!", text).0, "Grüß Gott!");
    assert_eq!(said("Gruß", text).0, "Gruß", "in other words: what was shown stays");
    let item = r#"{"type":"response.output_item.done","item":{"type":"message","content":[{"text":"Grüß Gott"}]}}"#;
    assert_eq!(said("Grüß ", item).0, "Grüß Gott");
    let refusal = r#"{"type":"response.refusal.done","refusal":"I won't."}"#;
    assert_eq!(said("", refusal).0, "I won't.");
    let thoughts = r#"{"type":"response.reasoning_summary_text.done","text":"Hm."}"#;
    assert_eq!(said("a", thoughts).1, "Hm.");
    let item = r#"{"type":"response.output_item.done","item":{"type":"reasoning","content":[{"text":"Hm."}]}}"#;
    assert_eq!(said("a", item).1, "Hm.");
}
