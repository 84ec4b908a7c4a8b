//! Mistral's format: OpenAI's chunks, with thinking as a part of the content and the usage in the last chunk, unasked.

use serde_json::{Value, json};

use super::{
    openai::{self, OpenAi},
    text::Piece,
    wire::{Event, Turn, Wire},
};

pub(super) struct Mistral;

impl Wire for Mistral {
    fn id_header(&self) -> &'static str {
        "mistral-correlation-id"
    }

    fn opening(&self, turn: &Turn) -> Vec<Event> {
        OpenAi.opening(turn)
    }

    fn thinking(&self, turn: &Turn, piece: &Piece) -> Event {
        let before = br#"[{"type":"thinking","thinking":[{"type":"text","text":"#;
        let json = [&before[..], &piece.json, b"}]}]"].concat();
        openai::delta(turn, "content", &Piece { text: String::new(), json })
    }

    fn text(&self, turn: &Turn, piece: &Piece) -> Event {
        openai::delta(turn, "content", piece)
    }

    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event> {
        let end = json!([{ "index": 0, "delta": { "content": "" }, "finish_reason": turn.stop_reason("stop") }]);
        let usage = if turn.script.usage { openai::usage(output_tokens) } else { Value::Null };
        let mut events = vec![openai::chunk(turn, end, &usage)];
        if !turn.script.no_done {
            events.push(openai::done());
        }
        events
    }

    fn error(&self, turn: &Turn, status: u16) -> Value {
        if matches!(status, 401 | 403) {
            return json!({ "detail": turn.error_message() });
        }
        let kind = turn.error_kind(match status {
            400 | 404 => "invalid_model",
            422 => "invalid_request_error",
            429 => "rate_limit_error",
            _ => "server_error",
        });
        json!({ "object": "error", "message": turn.error_message(), "type": kind, "param": null, "code": "1000" })
    }

    fn error_event(&self, turn: &Turn) -> Event {
        let error = json!({ "error": self.error(turn, 500) });
        Event { name: None, data: error.to_string().into_bytes() }
    }

    fn message(&self, turn: &Turn) -> Value {
        OpenAi.message(turn)
    }

    fn noise(&self) -> &'static [&'static str] {
        OpenAi.noise()
    }
}
