//! Anthropic's Messages format: named events, content blocks by index, `message_stop` at the end.

use serde_json::{Value, json};

use super::{
    text::Piece,
    wire::{Event, INPUT_TOKENS, Turn, Wire},
};

/// The thinking block, when there is one, comes before the text block.
const THINKING_INDEX: usize = 0;

/// The status whose error is usual in the middle of a stream.
const OVERLOADED: u16 = 529;

/// Has a field that does not exist yet and an event that does not exist, with `data` twice and without a colon.
const NOISE: &[&str] = &[
    ": a comment",
    ":",
    "event: ping",
    "data: {\"type\":",
    "data: \"ping\"}",
    "",
    "event: surprise",
    "data: {\"type\": \"surprise\", \"text\": \"not to be shown\"}",
    "",
];

pub(super) struct Anthropic;

impl Wire for Anthropic {
    fn id_header(&self) -> &'static str {
        "request-id"
    }

    fn opening(&self, turn: &Turn) -> Vec<Event> {
        let mut message = message(turn, Vec::new(), &Value::Null, 1);
        // The real one says so too: the output is counted before it is known.
        message["stop_reason"] = Value::Null;
        let start = json!({ "type": "message_start", "message": message });
        let block = if turn.script.thinking > 0 {
            block_start(THINKING_INDEX, &json!({ "type": "thinking", "thinking": "", "signature": "" }))
        } else {
            text_start(turn)
        };
        vec![event("message_start", &start), block]
    }

    fn thinking(&self, _turn: &Turn, piece: &Piece) -> Event {
        delta(THINKING_INDEX, "thinking_delta", "thinking", piece)
    }

    fn turning(&self, turn: &Turn) -> Vec<Event> {
        if turn.script.thinking == 0 {
            return Vec::new();
        }
        let signature = json!({
            "type": "content_block_delta",
            "index": THINKING_INDEX,
            "delta": { "type": "signature_delta", "signature": "c2lnbmF0dXJl" },
        });
        vec![event("content_block_delta", &signature), block_stop(THINKING_INDEX), text_start(turn)]
    }

    fn text(&self, turn: &Turn, piece: &Piece) -> Event {
        delta(text_index(turn), "text_delta", "text", piece)
    }

    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event> {
        let mut end = json!({
            "type": "message_delta",
            "delta": { "stop_reason": turn.stop_reason("end_turn"), "stop_sequence": null },
        });
        if turn.script.usage {
            end["usage"] = json!({ "output_tokens": output_tokens });
        }
        let stop = json!({ "type": "message_stop" });
        vec![block_stop(text_index(turn)), event("message_delta", &end), event("message_stop", &stop)]
    }

    fn error(&self, turn: &Turn, status: u16) -> Value {
        let kind = turn.error_kind(match status {
            400 => "invalid_request_error",
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            OVERLOADED => "overloaded_error",
            _ => "api_error",
        });
        let error = json!({ "type": kind, "message": turn.error_message() });
        json!({ "type": "error", "error": error, "request_id": format!("req_{}", turn.id) })
    }

    fn error_event(&self, turn: &Turn) -> Event {
        event("error", &self.error(turn, OVERLOADED))
    }

    fn message(&self, turn: &Turn) -> Value {
        let mut content = Vec::new();
        if turn.script.thinking > 0 {
            let thinking = turn.script.full_thinking();
            content.push(json!({ "type": "thinking", "thinking": thinking, "signature": "c2lnbmF0dXJl" }));
        }
        content.push(json!({ "type": "text", "text": turn.script.full_text() }));
        let output_tokens = turn.script.thinking + turn.script.text_pieces().count();
        message(turn, content, &turn.stop_reason("end_turn").into(), output_tokens)
    }

    fn noise(&self) -> &'static [&'static str] {
        NOISE
    }
}

fn message(turn: &Turn, content: Vec<Value>, stop_reason: &Value, output_tokens: usize) -> Value {
    let mut message = json!({
        "id": format!("msg_{}", turn.id),
        "type": "message",
        "role": "assistant",
        "model": turn.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
    });
    if turn.script.usage {
        message["usage"] = json!({ "input_tokens": INPUT_TOKENS, "output_tokens": output_tokens });
    }
    message
}

fn event(name: &'static str, data: &Value) -> Event {
    Event { name: Some(name), data: data.to_string().into_bytes() }
}

fn text_index(turn: &Turn) -> usize {
    if turn.script.thinking > 0 { THINKING_INDEX + 1 } else { THINKING_INDEX }
}

fn text_start(turn: &Turn) -> Event {
    block_start(text_index(turn), &json!({ "type": "text", "text": "" }))
}

fn block_start(index: usize, block: &Value) -> Event {
    let data = json!({ "type": "content_block_start", "index": index, "content_block": block });
    event("content_block_start", &data)
}

fn block_stop(index: usize) -> Event {
    event("content_block_stop", &json!({ "type": "content_block_stop", "index": index }))
}

fn delta(index: usize, kind: &str, field: &str, piece: &Piece) -> Event {
    let before = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{{"type":"{kind}","{field}":"#);
    let data = [before.as_bytes(), &piece.json, b"}}"].concat();
    Event { name: Some("content_block_delta"), data }
}
