//! Gemini's format: chunks without names that each repeat the counts, and no last word but a reason.

use serde_json::{Value, json};

use super::{
    text::Piece,
    wire::{Event, INPUT_TOKENS, Turn, Wire},
};

/// Has a part and a member that do not exist yet.
const NOISE: &[&str] = &[
    ": a comment",
    "",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"surprise\": {}}]}}],",
    "data: \"surprise\": []}",
    "",
];

pub(super) struct Gemini;

impl Wire for Gemini {
    fn opening(&self, turn: &Turn) -> Vec<Event> {
        // The model thinks before it says so: a thought without text.
        let part = json!({ "thought": true, "thoughtSignature": "c2lnbmF0dXJl" });
        if turn.script.thinking > 0 { vec![chunk(turn, &[part], None, 0)] } else { Vec::new() }
    }

    fn thinking(&self, turn: &Turn, piece: &Piece) -> Event {
        part(turn, br#","thought":true"#, piece)
    }

    fn text(&self, turn: &Turn, piece: &Piece) -> Event {
        part(turn, b"", piece)
    }

    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event> {
        vec![chunk(turn, &[json!({ "text": "" })], Some(turn.stop_reason("STOP")), output_tokens)]
    }

    fn error(&self, turn: &Turn, status: u16) -> Value {
        let kind = turn.error_kind(match status {
            400 => "INVALID_ARGUMENT",
            401 => "UNAUTHENTICATED",
            403 => "PERMISSION_DENIED",
            404 => "NOT_FOUND",
            429 => "RESOURCE_EXHAUSTED",
            503 | 529 => "UNAVAILABLE",
            504 => "DEADLINE_EXCEEDED",
            _ => "INTERNAL",
        });
        json!({ "error": { "code": status, "message": turn.error_message(), "status": kind } })
    }

    fn error_event(&self, turn: &Turn) -> Event {
        Event { name: None, data: self.error(turn, 503).to_string().into_bytes() }
    }

    fn message(&self, turn: &Turn) -> Value {
        let mut parts = Vec::new();
        if turn.script.thinking > 0 {
            parts.push(json!({ "text": turn.script.full_thinking(), "thought": true }));
        }
        parts.push(json!({ "text": turn.script.full_text() }));
        let output_tokens = turn.script.thinking + turn.script.text_pieces().count();
        response(turn, &parts, Some(turn.stop_reason("STOP")), output_tokens)
    }

    fn noise(&self) -> &'static [&'static str] {
        NOISE
    }
}

fn response(turn: &Turn, parts: &[Value], reason: Option<&str>, output_tokens: usize) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if let Some(reason) = reason {
        candidate["finishReason"] = reason.into();
    }
    let mut response = json!({
        "candidates": [candidate],
        "modelVersion": turn.model,
        "responseId": format!("r{}", turn.id),
    });
    if turn.script.usage {
        let thoughts = turn.script.thinking.min(output_tokens);
        response["usageMetadata"] = json!({
            "promptTokenCount": INPUT_TOKENS,
            "candidatesTokenCount": output_tokens - thoughts,
            "thoughtsTokenCount": thoughts,
            "totalTokenCount": INPUT_TOKENS + output_tokens,
        });
    }
    response
}

fn chunk(turn: &Turn, parts: &[Value], reason: Option<&str>, output_tokens: usize) -> Event {
    Event { name: None, data: response(turn, parts, reason, output_tokens).to_string().into_bytes() }
}

fn part(turn: &Turn, after: &[u8], piece: &Piece) -> Event {
    let Turn { id, model, .. } = turn;
    // What the prompt costs is known from the first chunk on.
    let usage = if turn.script.usage {
        format!(r#""usageMetadata":{{"promptTokenCount":{INPUT_TOKENS}}},"#)
    } else {
        String::new()
    };
    let behind = format!(r#"}}],"role":"model"}},"index":0}}],{usage}"modelVersion":{model},"responseId":"r{id}"}}"#);
    let data = [br#"{"candidates":[{"content":{"parts":[{"text":"#, &*piece.json, after, behind.as_bytes()].concat();
    Event { name: None, data }
}
