//! A reply in each format, written by hand after the vendors' documentation: it thinks, it greets in characters of two
//! and four bytes, and it has an unknown member, part or event.

use super::{finished, text, thinking, usage};
use crate::server::provider::{Delta, Kind};

/// The text of all of them.
pub(super) const GREETING: &str = "Grüß Gott 👋🏽";

/// A recorded answer.
pub(super) struct Recording {
    pub(super) kind: Kind,
    pub(super) stream: &'static str,
    /// How the event begins that completes the reply.
    pub(super) ending: &'static str,
    pub(super) deltas: Vec<Delta>,
}

pub(super) fn recordings() -> [Recording; 6] {
    let greeting = || vec![text("Grüß "), text("Gott 👋🏽")];
    let thoughts = || vec![thinking("Grüße "), thinking("sind nötig.")];
    let silent = || vec![thinking(""), thinking("Grüße sind nötig.")];
    [
        Recording {
            kind: Kind::Anthropic,
            stream: include_str!("recordings/anthropic.sse"),
            ending: "event: message_delta",
            deltas: [vec![usage(25, 1)], silent(), greeting(), vec![usage(25, 15), finished("end_turn")]].concat(),
        },
        Recording {
            kind: Kind::OpenAi,
            stream: include_str!("recordings/openai.sse"),
            ending: r#"data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}"#,
            deltas: vec![
                thinking("Hm."),
                text("Grüß "),
                thinking("Und?"),
                text("Gott 👋🏽"),
                usage(9, 12),
                finished("stop"),
            ],
        },
        Recording {
            kind: Kind::Responses,
            stream: include_str!("recordings/responses.sse"),
            ending: "event: response.completed",
            deltas: [
                vec![thinking("")],
                thoughts(),
                vec![thinking("\n\nAlso.")],
                greeting(),
                vec![usage(9, 31), finished("completed")],
            ]
            .concat(),
        },
        Recording {
            kind: Kind::Gemini,
            stream: include_str!("recordings/gemini.sse"),
            ending: r#"data: {"candidates":[{"content":{"parts":[{"text":"","thoughtSignature""#,
            deltas: vec![
                thinking(""),
                usage(8, 0),
                thinking("Grüße sind nötig."),
                usage(8, 19),
                text("Grüß "),
                usage(8, 23),
                text("Gott 👋🏽"),
                usage(8, 31),
                finished("STOP"),
            ],
        },
        Recording {
            kind: Kind::Ollama,
            stream: include_str!("recordings/ollama.ndjson"),
            ending: r#"{"model":"qwen3","created_at":"2026-11-22T10:00:00.5Z""#,
            deltas: [thoughts(), greeting(), vec![usage(11, 18), finished("stop")]].concat(),
        },
        Recording {
            kind: Kind::Mistral,
            stream: include_str!("recordings/mistral.sse"),
            ending: r#"data: {"id":"m1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}"#,
            deltas: [vec![thinking("Hm, "), thinking("Grüße.")], greeting(), vec![usage(9, 12), finished("stop")]]
                .concat(),
        },
    ]
}
