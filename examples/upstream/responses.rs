//! OpenAI's Responses format: typed events with a sequence number, items within the response, parts within the items.

use serde_json::{Value, json};

use super::{
    text::Piece,
    wire::{Event, INPUT_TOKENS, Turn, Wire},
};

/// Any time will do.
const CREATED: u64 = 1_790_000_000;

const NOISE: &[&str] = &[
    ": a comment",
    "",
    "event: response.surprise",
    "data: {\"type\": \"response.surprise\",",
    "data: \"delta\": {}}",
    "",
];

pub(super) struct Responses;

impl Wire for Responses {
    fn opening(&self, turn: &Turn) -> Vec<Event> {
        let begun = response(turn, "in_progress", &[], None);
        let mut events = vec![
            event("response.created", json!({ "response": begun })),
            event("response.in_progress", json!({ "response": begun })),
        ];
        if turn.script.thinking > 0 {
            let item = json!({ "id": "rs_1", "type": "reasoning", "summary": [] });
            let part = json!({ "type": "summary_text", "text": "" });
            events.push(event("response.output_item.added", json!({ "output_index": 0, "item": item })));
            let added = json!({ "item_id": "rs_1", "output_index": 0, "summary_index": 0, "part": part });
            events.push(event("response.reasoning_summary_part.added", added));
        } else {
            events.extend(message_start(turn));
        }
        events
    }

    fn thinking(&self, _turn: &Turn, piece: &Piece) -> Event {
        let place = r#""item_id":"rs_1","output_index":0,"summary_index":0"#;
        delta("response.reasoning_summary_text.delta", place, piece)
    }

    fn turning(&self, turn: &Turn) -> Vec<Event> {
        if turn.script.thinking == 0 {
            return Vec::new();
        }
        let done = event("response.output_item.done", json!({ "output_index": 0, "item": reasoning(turn) }));
        std::iter::once(done).chain(message_start(turn)).collect()
    }

    fn text(&self, turn: &Turn, piece: &Piece) -> Event {
        let place = format!(r#""item_id":"msg_1","output_index":{},"content_index":0,"logprobs":[]"#, index(turn));
        delta("response.output_text.delta", &place, piece)
    }

    fn closing(&self, turn: &Turn, output_tokens: usize) -> Vec<Event> {
        let said = message(turn);
        let done = json!({ "item_id": "msg_1", "output_index": index(turn), "content_index": 0, "logprobs": [], "text": turn.script.full_text() });
        let response = ended(turn, output_tokens);
        let name = match turn.stop_reason("completed") {
            "completed" => "response.completed",
            _ => "response.incomplete",
        };
        vec![
            event("response.output_text.done", done),
            event("response.output_item.done", json!({ "output_index": index(turn), "item": said })),
            event(name, json!({ "response": response })),
        ]
    }

    fn error(&self, turn: &Turn, status: u16) -> Value {
        super::openai::OpenAi.error(turn, status)
    }

    fn error_event(&self, turn: &Turn) -> Event {
        let code = turn.error_kind("server_error");
        event("error", json!({ "code": code, "message": turn.error_message(), "param": null }))
    }

    fn message(&self, turn: &Turn) -> Value {
        ended(turn, turn.script.thinking + turn.script.text_pieces().count())
    }

    fn noise(&self) -> &'static [&'static str] {
        NOISE
    }
}

/// The real API numbers its events. Clients do not look at the number, so here it is always the same.
fn event(name: &'static str, mut data: Value) -> Event {
    data["type"] = name.into();
    data["sequence_number"] = 0.into();
    Event { name: Some(name), data: data.to_string().into_bytes() }
}

fn delta(name: &'static str, place: &str, piece: &Piece) -> Event {
    let before = format!(r#"{{"type":"{name}","sequence_number":0,{place},"delta":"#);
    Event { name: Some(name), data: [before.as_bytes(), &piece.json, b"}"].concat() }
}

/// Where the message stands among the items.
fn index(turn: &Turn) -> usize {
    usize::from(turn.script.thinking > 0)
}

fn message_start(turn: &Turn) -> [Event; 2] {
    let item = json!({ "id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": [] });
    let part = json!({ "type": "output_text", "text": "", "annotations": [] });
    let added = json!({ "item_id": "msg_1", "output_index": index(turn), "content_index": 0, "part": part });
    [
        event("response.output_item.added", json!({ "output_index": index(turn), "item": item })),
        event("response.content_part.added", added),
    ]
}

fn reasoning(turn: &Turn) -> Value {
    let part = json!({ "type": "summary_text", "text": turn.script.full_thinking() });
    json!({ "id": "rs_1", "type": "reasoning", "summary": [part] })
}

fn message(turn: &Turn) -> Value {
    let part = json!({ "type": "output_text", "text": turn.script.full_text(), "annotations": [] });
    json!({ "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [part] })
}

/// The response at its end, with everything in it.
fn ended(turn: &Turn, output_tokens: usize) -> Value {
    let thoughts = (turn.script.thinking > 0).then(|| reasoning(turn));
    let output: Vec<_> = thoughts.into_iter().chain([message(turn)]).collect();
    match turn.stop_reason("completed") {
        "completed" => response(turn, "completed", &output, Some(output_tokens)),
        reason => {
            let mut response = response(turn, "incomplete", &output, Some(output_tokens));
            response["incomplete_details"] = json!({ "reason": reason });
            response
        }
    }
}

fn response(turn: &Turn, status: &str, output: &[Value], output_tokens: Option<usize>) -> Value {
    let usage = output_tokens.filter(|_| turn.script.usage).map(|output_tokens| {
        json!({
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": output_tokens,
            "output_tokens_details": { "reasoning_tokens": turn.script.thinking },
            "total_tokens": INPUT_TOKENS + output_tokens,
        })
    });
    json!({
        "id": format!("resp_{}", turn.id),
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": turn.model,
        "output": output,
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    })
}
