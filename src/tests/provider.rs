//! What providers send, and what is read in it: recordings, every way to cut them, and everything that is wrong with
//! them. No network here.

mod choices;
mod dialects;
mod endings;
mod errors;
mod file;
mod framing;
mod hosts;
mod recordings;
mod refusals;
mod requests;

use crate::model::Usage;
use crate::server::provider::reader::Reader;
use crate::server::provider::{Delta, Failure, FailureKind, Kind, Limits, Origin};
use recordings::{GREETING, Recording, recordings};
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

fn reader(kind: Kind) -> Reader {
    let origin = Origin::environment(kind.name(), &kind.name().to_uppercase());
    kind.reader(&Arc::new(origin), &Limits::default())
}

/// Everything an answer says that comes in these chunks and then ends.
fn read<'a>(kind: Kind, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Delta> {
    let mut reader = reader(kind);
    let mut deltas: Vec<_> = chunks.into_iter().flat_map(|chunk| reader.push(chunk)).collect();
    deltas.extend(reader.end());
    deltas
}

fn read_whole(kind: Kind, stream: &str) -> Vec<Delta> {
    read(kind, [stream.as_bytes()])
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
