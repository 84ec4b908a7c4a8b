//! What to answer, and how to fail. It does not know the wire formats.
//!
//! Every field has a default, so `{}` is a healthy answer of twenty pieces. A typo is an error, not a healthy answer.

use serde::{Deserialize, Serialize};

/// What begins the line that carries a script in a message.
const DIRECTIVE: &str = "@upstream ";

/// Faults named `…_after: n` happen when n pieces of text have been written; 0 is after the opening events and any
/// thinking, and the number of all pieces is just before the closing events.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Script {
    // The text. The first of `text`, `markdown` and `multibyte` that is set decides; else it is `t0 t1 t2 …`.
    /// How many pieces, where the text is not given.
    pub(crate) pieces: usize,
    pub(crate) text: Option<String>,
    /// How many characters of `text` or `markdown` make a piece.
    pub(crate) piece_chars: usize,
    /// A document with headings, lists, a table and code.
    pub(crate) markdown: bool,
    /// Characters of two to eighteen bytes.
    pub(crate) multibyte: bool,
    /// Pieces of thinking before the text.
    pub(crate) thinking: usize,

    // Odd text: each of these is one more piece, after the first.
    /// A piece of this many bytes, so that its line is a little longer. In a plain answer: appended to the body.
    pub(crate) long_line: Option<usize>,
    pub(crate) invalid_utf8: bool,
    /// The JSON escape `\ud83d` with no other half.
    pub(crate) lone_surrogate: bool,
    pub(crate) nul: bool,

    // Time.
    /// Before the response headers.
    pub(crate) headers_ms: u64,
    /// Between the headers and the first byte of the body.
    pub(crate) first_ms: u64,
    /// Between the beginning of the thinking and its first piece. Anthropic: only there it begins without one.
    pub(crate) silent_ms: u64,
    /// Between any thinking and the text, in silence, as when a model does not show what it thinks.
    pub(crate) thinking_ms: u64,
    /// Between pieces, kept to the clock: a late piece does not delay the next. 0 is as fast as possible.
    pub(crate) gap_ms: u64,
    /// Waits for a `POST /go` when this many pieces of text have been written, counted as for the faults.
    pub(crate) hold_after: Vec<usize>,

    // Faults in the middle.
    /// Stops writing and keeps the socket open.
    pub(crate) silence_after: Option<usize>,
    /// Ends the body properly, without the events that say so.
    pub(crate) cut_after: Option<usize>,
    /// Closes the socket in the middle of the body.
    pub(crate) close_after: Option<usize>,
    /// Closes the socket in the middle of the body with a TCP reset.
    pub(crate) reset_after: Option<usize>,
    /// Sends an error event, then ends the body properly.
    pub(crate) error_after: Option<usize>,
    /// For `error_after` and `status`; else what the provider would say.
    pub(crate) error_kind: Option<String>,
    pub(crate) error_message: Option<String>,

    // Plain answers. `status` or `body` makes one, in place of a stream of events.
    pub(crate) status: Option<u16>,
    /// Else an error in the provider's format, or with a status of 2xx the whole message as JSON.
    pub(crate) body: Option<String>,
    /// Alone, it is a lie about a stream of events.
    pub(crate) content_type: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// Says that asking again helps, as OpenAI's and Anthropic's header does.
    pub(crate) should_retry: bool,
    /// Where else to ask, for a status that says so.
    pub(crate) location: Option<String>,
    pub(crate) retry_after_ms: Option<u64>,
    /// How many requests to answer so: of a script in the queue, before the next is used; of a script in a message,
    /// before the same request is answered without its faults, as when a retry succeeds.
    pub(crate) times: Option<usize>,

    // Framing.
    pub(crate) line_end: LineEnd,
    pub(crate) bom: bool,
    /// Comments, pings and unknown events before each piece.
    pub(crate) comments: bool,
    /// `data:{}` in place of `data: {}`.
    pub(crate) no_space: bool,
    /// Ends right after the last byte of the last event.
    pub(crate) no_final_newline: bool,
    /// OpenAI and Mistral: no `[DONE]`.
    pub(crate) no_done: bool,
    /// OpenAI: chunks with `choices: []` at both ends, even if usage was not asked for.
    pub(crate) empty_choices: bool,
    /// Writes the body in slices of this many bytes, each an HTTP chunk and a TCP write of its own.
    pub(crate) split: Option<usize>,
    /// Between slices.
    pub(crate) drip_ms: u64,

    // The end.
    /// Whether to tell token counts.
    pub(crate) usage: bool,
    /// Else `end_turn`, `stop`, `completed` or `STOP`.
    pub(crate) stop_reason: Option<String>,
}

/// How lines of the event stream end.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LineEnd {
    #[default]
    Lf,
    Cr,
    Crlf,
    /// All three, in turn.
    Mixed,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            pieces: 20,
            text: None,
            piece_chars: 4,
            markdown: false,
            multibyte: false,
            thinking: 0,
            long_line: None,
            invalid_utf8: false,
            lone_surrogate: false,
            nul: false,
            headers_ms: 0,
            first_ms: 0,
            silent_ms: 0,
            thinking_ms: 0,
            gap_ms: 0,
            hold_after: Vec::new(),
            silence_after: None,
            cut_after: None,
            close_after: None,
            reset_after: None,
            error_after: None,
            error_kind: None,
            error_message: None,
            status: None,
            body: None,
            content_type: None,
            retry_after: None,
            should_retry: false,
            location: None,
            retry_after_ms: None,
            times: None,
            line_end: LineEnd::Lf,
            bom: false,
            comments: false,
            no_space: false,
            no_final_newline: false,
            no_done: false,
            empty_choices: false,
            split: None,
            drip_ms: 0,
            usage: true,
            stop_reason: None,
        }
    }
}

impl Script {
    /// The script in a message, if there is one.
    pub(super) fn in_message(text: &str) -> Option<serde_json::Result<Self>> {
        let script = text.lines().find_map(|line| line.trim().strip_prefix(DIRECTIVE))?;
        Some(serde_json::from_str(script))
    }

    /// An answer that tells the API's client what is wrong with its request.
    pub(super) fn refusal(message: String) -> Self {
        Self { status: Some(400), error_message: Some(message), ..Self::default() }
    }

    /// The answer without its faults.
    pub(super) fn healthy(self) -> Self {
        Self {
            headers_ms: 0,
            first_ms: 0,
            silence_after: None,
            cut_after: None,
            close_after: None,
            reset_after: None,
            error_after: None,
            status: None,
            body: None,
            content_type: None,
            retry_after: None,
            should_retry: false,
            location: None,
            retry_after_ms: None,
            ..self
        }
    }
}
