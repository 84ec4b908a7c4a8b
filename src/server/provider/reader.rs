//! An answer's bytes in, deltas out, whole: parser, decoder and caps together. Pure.

use super::framing::{Framing, Parser};
use super::quote::tidy;
use super::{Decoder, Delta, Failure, FailureKind, Limits};
use crate::model::Usage;

/// No model reads or writes a billion tokens in one reply: a provider that counts more has miscounted. And the ledger's sums
/// stay far from what a number in the database can be.
const MOST_TOKENS: u64 = 1_000_000_000;

/// Reads one answer. After a `Finished` or a `Failed` it says nothing more.
pub struct Reader {
    parser: Parser,
    decoder: Box<dyn Decoder>,
    /// How many bytes may still come.
    room: usize,
    over: bool,
}

impl Reader {
    pub fn new(framing: Framing, decoder: Box<dyn Decoder>, limits: &Limits) -> Self {
        let parser = framing.parser(limits.event_bytes);
        Self { parser, decoder, room: limits.body_bytes, over: false }
    }

    /// What these bytes add.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Delta> {
        let mut events = Vec::new();
        let readable = &chunk[..chunk.len().min(self.room)];
        self.room -= readable.len();
        let parsed = self.parser.push(readable, &mut events);
        let mut deltas: Vec<_> = events.iter().flat_map(|event| self.decoder.push(event)).collect();
        if parsed.is_err() {
            deltas.push(Delta::Failed(too_long_a_line()));
        } else if readable.len() < chunk.len() {
            deltas.push(Delta::Failed(too_much()));
        }
        self.until_over(deltas)
    }

    /// What it means that the stream ended here, in order.
    pub fn end(&mut self) -> Vec<Delta> {
        let last = self.parser.end();
        let mut deltas = last.map(|event| self.decoder.push(&event)).unwrap_or_default();
        // An event that the end cut in two cannot be understood, but what is wrong is the cut.
        let misread = |delta: &Delta| matches!(delta, Delta::Failed(failure) if failure.kind == FailureKind::Protocol);
        deltas.retain(|delta| !misread(delta));
        deltas.push(self.decoder.end());
        self.until_over(deltas)
    }

    /// What it means that the stream broke here: `failure`, or nothing if the reply was complete before.
    pub fn broke(&mut self, failure: Failure) -> Vec<Delta> {
        let end = match self.decoder.end() {
            Delta::Failed(_) => Delta::Failed(failure),
            complete => complete,
        };
        self.until_over(vec![end])
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
        deltas.into_iter().map(believable).collect()
    }
}

fn believable(delta: Delta) -> Delta {
    let usage = match delta {
        Delta::Usage(usage) => usage,
        // It may be shown.
        Delta::Finished { reason } => return Delta::Finished { reason: tidy(&reason) },
        delta => return delta,
    };
    let (input_tokens, output_tokens) = (usage.input_tokens.min(MOST_TOKENS), usage.output_tokens.min(MOST_TOKENS));
    Delta::Usage(Usage { input_tokens, output_tokens, ..usage })
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
