//! What providers send, and how it is read: recordings, every way to cut them, and everything that is wrong with them.
//! No network here.

mod choices;
mod dialects;
mod empty;
mod endings;
mod errors;
mod file;
mod framing;
mod hosts;
mod odd;
mod recordings;
mod refusals;
mod requests;
mod shapes;
mod thoughts;
mod tokens;

use crate::model::Usage;
use crate::server::provider::ProviderLimits;
use crate::server::provider::reader::Reader;
use crate::server::provider::{Delta, Failure, FailureKind, Kind, Origin};
use recordings::{GREETING, Recording, recordings};
use serde_json::Value;
use std::sync::Arc;

fn text(text: &str) -> Delta {
    Delta::Text(text.into())
}

fn thinking(text: &str) -> Delta {
    Delta::Thinking(text.into())
}

fn usage(input_tokens: u64, output_tokens: u64) -> Delta {
    Delta::Usage(Usage { input_tokens, output_tokens, ..Usage::default() })
}

fn finished(reason: &str) -> Delta {
    Delta::Finished { reason: reason.into() }
}

fn origin(kind: Kind) -> Arc<Origin> {
    Arc::new(Origin::environment(kind.name(), &kind.name().to_uppercase()))
}

fn reader(kind: Kind) -> Reader {
    kind.reader(&origin(kind), &ProviderLimits::default())
}

/// Everything that an answer of these chunks says.
fn read<'a>(kind: Kind, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Delta> {
    let mut reader = reader(kind);
    let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| reader.push(chunk)).collect();
    deltas.extend(reader.end());
    deltas
}

fn read_whole(kind: Kind, stream: &str) -> Vec<Delta> {
    read(kind, [stream.as_bytes()])
}

/// The deltas of a case of `src/tests/cases`: an answer from a bug report, as the server sent it.
fn case(name: &str) -> Vec<Delta> {
    let path = format!("{}/src/tests/cases/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let case: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let named = case["provider_kind"].as_str().unwrap();
    let kind = Kind::ALL.into_iter().find(|kind| named.split(' ').next() == Some(kind.name())).unwrap();
    let answer = &case["the_model_api_answers"];
    let media_type = answer["headers"]["Content-Type"].as_str().unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap();
    let mut reader = kind.reader_of(media_type, &origin(kind), &ProviderLimits::default());
    let pieces = answer["body_in_pieces"].as_array().unwrap();
    let mut deltas: Vec<_> = pieces.iter().flat_map(|piece| reader.push(piece.as_str().unwrap().as_bytes())).collect();
    deltas.extend(reader.end());
    deltas
}

/// The deltas of an answer with this media type.
fn read_as(kind: Kind, media_type: &str, answer: &str) -> Vec<Delta> {
    let mut reader = kind.reader_of(media_type, &origin(kind), &ProviderLimits::default());
    let mut deltas = reader.push(answer.as_bytes());
    deltas.extend(reader.end());
    deltas
}

/// The deltas of an answer of these events, or lines.
fn read_lines(kind: Kind, lines: &[&str]) -> Vec<Delta> {
    let stream: String = lines.iter().map(|json| line(kind, json)).collect();
    read_whole(kind, &stream)
}

/// The reason that a reply ended with.
fn reason(deltas: &[Delta]) -> &str {
    match deltas.last() {
        Some(Delta::Finished { reason }) => reason,
        other => panic!("not finished: {other:?}"),
    }
}

fn thought(deltas: &[Delta]) -> String {
    let thought = |delta: &Delta| if let Delta::Thinking(text) = delta { Some(text.clone()) } else { None };
    deltas.iter().filter_map(thought).collect()
}

/// The event that completes a reply, in this format.
fn ending(kind: Kind) -> String {
    match kind {
        Kind::Anthropic => {
            line(kind, r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#)
                + &line(kind, r#"{"type":"message_stop"}"#)
        }
        Kind::OpenAi | Kind::Mistral => line(kind, r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
        Kind::Responses => line(kind, r#"{"type":"response.completed","response":{}}"#),
        Kind::Gemini => line(kind, r#"{"candidates":[{"finishReason":"STOP"}]}"#),
        Kind::Ollama => line(kind, r#"{"done":true,"done_reason":"stop"}"#),
    }
}

/// A piece of text as the format writes it, where the JSON in its place may be anything.
fn piece(kind: Kind, json: &str) -> String {
    token(kind, "TEXT").replace("\"TEXT\"", json)
}

/// A piece of a thought, likewise.
fn musing(kind: Kind, json: &str) -> String {
    let event = match kind {
        Kind::Anthropic => r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":TEXT}}"#,
        Kind::OpenAi => r#"{"choices":[{"delta":{"reasoning":TEXT}}]}"#,
        Kind::Mistral => r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"text":TEXT}]}]}}]}"#,
        Kind::Responses => r#"{"type":"response.reasoning_summary_text.delta","delta":TEXT}"#,
        Kind::Gemini => r#"{"candidates":[{"content":{"parts":[{"thought":true,"text":TEXT}]}}]}"#,
        Kind::Ollama => r#"{"message":{"thinking":TEXT},"done":false}"#,
    };
    line(kind, &event.replace("TEXT", json))
}

/// The failure that an answer ended with, and the text before it.
fn failure(deltas: &[Delta]) -> (String, Failure) {
    let Some((Delta::Failed(failure), before)) = deltas.split_last() else {
        panic!("not failed: {deltas:?}");
    };
    (shown(before), failure.clone())
}

fn shown(deltas: &[Delta]) -> String {
    let text = |delta: &Delta| if let Delta::Text(text) = delta { Some(text.clone()) } else { None };
    deltas.iter().filter_map(text).collect()
}

/// A piece of text as the format writes it. `text` stands in the JSON as it is.
fn token(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Anthropic => {
            format!(
                "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
                 {{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
            )
        }
        Kind::OpenAi | Kind::Mistral => format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"),
        Kind::Responses => {
            format!(
                "event: response.output_text.delta\ndata: \
                 {{\"type\":\"response.output_text.delta\",\"delta\":\"{text}\"}}\n\n"
            )
        }
        Kind::Gemini => {
            format!("data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}}}]}}\n\n")
        }
        Kind::Ollama => format!("{{\"message\":{{\"content\":\"{text}\"}},\"done\":false}}\n"),
    }
}

/// A line of data: a whole event of its own, or a line of JSON.
fn line(kind: Kind, json: &str) -> String {
    match kind {
        Kind::Ollama => format!("{json}\n"),
        _ => format!("data: {json}\n\n"),
    }
}
