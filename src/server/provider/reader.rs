//! From an answer's bytes to its deltas: parser, decoder and caps together. Pure.

use super::framing::Framing;
use super::parser::Parser;
use super::{Decoder, Delta, Failure, FailureKind, Origin};
use crate::model::Usage;
use crate::server::nul;
use crate::server::provider::ProviderLimits;
use crate::server::provider::excerpt::tidy;
use std::sync::Arc;

/// No model reads or writes a billion tokens in one reply: a provider that counts more has miscounted. And the ledger's
/// sums stay far below the database's largest number.
const MAX_TOKENS: u64 = 1_000_000_000;

/// Reads one answer. After a `Finished` or a `Failed` it says nothing more.
pub struct Reader {
    origin: Arc<Origin>,
    parser: Parser,
    decoder: Box<dyn Decoder>,
    /// How many bytes may still come.
    room: usize,
    over: bool,
}

impl Reader {
    /// Reads the usual content of this framing, unless its media type is `doubtful`: then only what begins like an
    /// answer.
    pub(super) fn new(
        origin: &Arc<Origin>,
        (framing, doubtful): (Framing, bool),
        decoder: Box<dyn Decoder>,
        limits: &ProviderLimits,
    ) -> Self {
        let parser = Parser::new(framing, doubtful, limits.event_bytes);
        Self { origin: Arc::clone(origin), parser, decoder, room: limits.body_bytes, over: false }
    }

    /// The deltas of these bytes.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Delta> {
        let mut events = Vec::new();
        let readable = &chunk[..chunk.len().min(self.room)];
        self.room -= readable.len();
        let parsed = self.parser.push(readable, &mut events);
        let mut deltas = Vec::new();
        events.iter().for_each(|event| self.decoder.push(event, &mut deltas));
        deltas.extend(self.foreign(false));
        if parsed.is_err() {
            deltas.push(Delta::Failed(too_long_a_line()));
        } else if readable.len() < chunk.len() {
            deltas.push(Delta::Failed(too_much()));
        }
        self.until_over(deltas)
    }

    /// The deltas when the stream ended here, in order.
    pub fn end(&mut self) -> Vec<Delta> {
        let last = self.parser.end();
        if let Some(foreign) = self.foreign(true) {
            return self.until_over(vec![foreign]);
        }
        let mut deltas = Vec::new();
        last.iter().for_each(|event| self.decoder.push(event, &mut deltas));
        // An event that the end cut in two cannot be parsed, but the failure is the cut.
        let misread = |delta: &Delta| matches!(delta, Delta::Failed(failure) if failure.kind == FailureKind::Protocol);
        deltas.retain(|delta| !misread(delta));
        deltas.extend(self.decoder.end());
        self.until_over(deltas)
    }

    /// The deltas when the stream broke here: `failure`, or nothing if the reply was complete before.
    pub fn broke(&mut self, failure: Failure) -> Vec<Delta> {
        let mut deltas = self.decoder.end();
        let is_incomplete = |delta: &Delta| match delta {
            Delta::Failed(failure) => matches!(failure.kind, FailureKind::Truncated | FailureKind::Protocol),
            _ => false,
        };
        if deltas.pop_if(|last| is_incomplete(last)).is_some() {
            deltas.push(Delta::Failed(failure));
        }
        self.until_over(deltas)
    }

    /// The failure of a body that is not an answer: a login page, mostly, whose title says so.
    fn foreign(&self, is_all: bool) -> Option<Delta> {
        let words = self.parser.foreign(is_all)?;
        Some(Delta::Failed(Failure::of(FailureKind::Protocol, &self.origin).quoting(&words)))
    }

    fn until_over(&mut self, mut deltas: Vec<Delta>) -> Vec<Delta> {
        if self.over {
            return Vec::new();
        }
        let is_last = |delta: &Delta| matches!(delta, Delta::Finished { .. } | Delta::Failed(_));
        if let Some(last) = deltas.iter().position(is_last) {
            self.over = true;
            deltas.truncate(last + 1);
        }
        deltas.iter_mut().for_each(make_believable);
        deltas
    }
}

/// Makes a delta one that may be passed on: with believable counts, and text that every database can hold.
fn make_believable(delta: &mut Delta) {
    match delta {
        Delta::Usage(Usage { input_tokens, output_tokens, .. }) => {
            *input_tokens = MAX_TOKENS.min(*input_tokens);
            *output_tokens = MAX_TOKENS.min(*output_tokens);
        }
        Delta::Text(text) | Delta::Thinking(text) => *text = nul::replaced(std::mem::take(text)),
        // It may be shown.
        Delta::Finished { reason } => *reason = tidy(reason),
        _ => {}
    }
}

fn too_long_a_line() -> Failure {
    let message = "The model provider sent a single event that is longer than any that Rivulet reads. What came before is \
                   kept.";
    Failure::new(FailureKind::Protocol, message)
}

/// The text is far shorter than this, or the reply would have ended before.
fn too_much() -> Failure {
    let message = "The model provider sent 256 MiB for one reply, and hardly any text in it, so Rivulet ended the reply here. \
                   What came before is kept.";
    Failure::new(FailureKind::Protocol, message)
}
