//! Ollama's format: a JSON object per line, `done` in the last.

use serde_json::{Value, json};

use super::{
    text::Piece,
    wire::{Event, INPUT_TOKENS, Turn, Wire},
};

/// Any time will do.
const CREATED: &str = "2026-11-22T10:00:00Z";

/// White space, and an object with a member that does not exist.
const NOISE: &[&str] = &["", "  ", "{\"model\": \"m\", \"surprise\": \"not to be shown\", \"done\": false}", ""];

pub(super) struct Ollama;

impl Wire for Ollama {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn in_lines(&self) -> bool {
        true
    }

    fn opening(&self, _turn: &Turn) -> Vec<Event> {
        Vec::new()
    }

    fn thinking(&self, turn: &Turn, piece: &Piece) -> Event {
        said(turn, r#""content":"","thinking""#, piece)
    }

    fn text(&self, turn: &Turn, piece: &Piece) -> Event {
        said(turn, r#""content""#, piece)
    }

    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event> {
        let message = json!({ "role": "assistant", "content": "" });
        vec![Event { name: None, data: last(turn, &message, output_tokens).to_string().into_bytes() }]
    }

    fn error(&self, turn: &Turn, _status: u16) -> Value {
        json!({ "error": turn.error_message() })
    }

    fn error_event(&self, turn: &Turn) -> Event {
        Event { name: None, data: self.error(turn, 500).to_string().into_bytes() }
    }

    fn message(&self, turn: &Turn) -> Value {
        let mut message = json!({ "role": "assistant", "content": turn.script.full_text() });
        if turn.script.thinking > 0 {
            message["thinking"] = turn.script.full_thinking().into();
        }
        last(turn, &message, turn.script.thinking + turn.script.text_pieces().count())
    }

    fn noise(&self) -> &'static [&'static str] {
        NOISE
    }
}

fn last(turn: &Turn, message: &Value, output_tokens: usize) -> Value {
    let mut last = json!({
        "model": turn.model,
        "created_at": CREATED,
        "message": message,
        "done": true,
        "done_reason": turn.stop_reason("stop"),
        "total_duration": 2_000_000,
        "load_duration": 1_000_000,
    });
    if turn.script.usage {
        last["prompt_eval_count"] = INPUT_TOKENS.into();
        last["eval_count"] = output_tokens.into();
    }
    last
}

fn said(turn: &Turn, member: &str, piece: &Piece) -> Event {
    let model = &turn.model;
    let before = format!(r#"{{"model":{model},"created_at":"{CREATED}","message":{{"role":"assistant",{member}:"#);
    Event { name: None, data: [before.as_bytes(), &piece.json, br#"},"done":false}"#].concat() }
}
