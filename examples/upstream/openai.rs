//! OpenAI's chat completions format: chunks without names, `[DONE]` at the end. Thinking is `reasoning_content`, as
//! compatible servers send it.

use serde_json::{Value, json};

use super::{
    text::Piece,
    wire::{Event, INPUT_TOKENS, Turn, Wire},
};

/// Any time will do.
const CREATED: u64 = 1_790_000_000;

/// What a gateway sends while it waits, and events of names and shapes that this format does not have.
const NOISE: &[&str] =
    &[": OPENROUTER PROCESSING", "", "data: {\"object\": \"surprise\",", "data: \"choices\": []}", ""];

pub(super) struct OpenAi;

impl Wire for OpenAi {
    fn opening(&self, turn: &Turn) -> Vec<Event> {
        let role = json!([{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }]);
        let role = chunk(turn, role, &Value::Null);
        if turn.script.empty_choices {
            return vec![chunk(turn, json!([]), &Value::Null), role];
        }
        vec![role]
    }

    fn thinking(&self, turn: &Turn, piece: &Piece) -> Event {
        delta(turn, "reasoning_content", piece)
    }

    fn text(&self, turn: &Turn, piece: &Piece) -> Event {
        delta(turn, "content", piece)
    }

    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event> {
        let end = json!([{ "index": 0, "delta": {}, "finish_reason": turn.stop_reason("stop") }]);
        let mut events = vec![chunk(turn, end, &Value::Null)];
        if turn.script.usage && (turn.wants_usage || turn.script.empty_choices) {
            events.push(chunk(turn, json!([]), &usage(output_tokens)));
        }
        if !turn.script.no_done {
            events.push(done());
        }
        events
    }

    fn error(&self, turn: &Turn, status: u16) -> Value {
        let kind = turn.error_kind(match status {
            400 | 404 | 413 => "invalid_request_error",
            401 | 403 => "authentication_error",
            429 => "rate_limit_error",
            _ => "server_error",
        });
        json!({ "error": { "message": turn.error_message(), "type": kind, "param": null, "code": null } })
    }

    fn error_event(&self, turn: &Turn) -> Event {
        Event { name: None, data: self.error(turn, 500).to_string().into_bytes() }
    }

    fn message(&self, turn: &Turn) -> Value {
        let mut message = json!({ "role": "assistant", "content": turn.script.full_text() });
        if turn.script.thinking > 0 {
            message["reasoning_content"] = turn.script.full_thinking().into();
        }
        let mut completion = json!({
            "id": format!("chatcmpl-{}", turn.id),
            "object": "chat.completion",
            "created": CREATED,
            "model": turn.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": turn.stop_reason("stop") }],
        });
        if turn.script.usage {
            completion["usage"] = usage(turn.script.thinking + turn.script.text_pieces().count());
        }
        completion
    }

    fn noise(&self) -> &'static [&'static str] {
        NOISE
    }
}

pub(super) fn done() -> Event {
    Event { name: None, data: b"[DONE]".to_vec() }
}

pub(super) fn usage(output_tokens: usize) -> Value {
    json!({
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": output_tokens,
        "total_tokens": INPUT_TOKENS + output_tokens,
    })
}

pub(super) fn chunk(turn: &Turn, choices: Value, usage: &Value) -> Event {
    let mut chunk = json!({
        "id": format!("chatcmpl-{}", turn.id),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": turn.model,
        "choices": choices,
    });
    if !usage.is_null() || turn.wants_usage {
        chunk["usage"] = usage.clone();
    }
    Event { name: None, data: chunk.to_string().into_bytes() }
}

pub(super) fn delta(turn: &Turn, field: &str, piece: &Piece) -> Event {
    let Turn { id, model, .. } = turn;
    let before = format!(
        r#"{{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":{CREATED},"model":{model},"choices":[{{"index":0,"delta":{{"{field}":"#
    );
    let after: &[u8] =
        if turn.wants_usage { br#"},"finish_reason":null}],"usage":null}"# } else { br#"},"finish_reason":null}]}"# };
    Event { name: None, data: [before.as_bytes(), &piece.json, after].concat() }
}
