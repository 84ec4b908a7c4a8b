//! Merges a provider's pieces into events: the first at once, the rest over at most 20 ms.

use crate::event::Event;
use crate::model::MessageId;
use crate::server::journal::Journal;
use crate::server::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a piece may wait for the next ones. Shorter than a frame and a half on a screen, long enough to halve the
/// events of a fast model.
const MERGE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
}

/// Pieces on their way into the journal.
pub(super) struct Pieces {
    journal: Arc<Journal>,
    reply: MessageId,
    kind: Kind,
    waiting: String,
    began: Instant,
    last: Option<Instant>,
    metrics: Arc<Metrics>,
}

impl Pieces {
    pub(super) fn new(journal: Arc<Journal>, reply: MessageId, metrics: Arc<Metrics>) -> Self {
        let began = Instant::now();
        Self { journal, reply, kind: Kind::Text, waiting: String::new(), began, last: None, metrics }
    }

    pub(super) fn push(&mut self, kind: Kind, text: &str) {
        if kind != self.kind {
            self.flush();
            self.kind = kind;
        }
        self.waiting.push_str(text);
        // Silent thinking is an event too: the page then says that the model thinks.
        let silent = kind == Kind::Thinking && text.is_empty() && self.waiting.is_empty();
        if silent {
            self.append(String::new());
        } else if self.due().is_some_and(|due| due <= Instant::now()) {
            self.flush();
        }
    }

    /// When the waiting pieces have to go; none when nothing waits.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.last.map_or_else(Instant::now, |last| last + MERGE))
    }

    pub(super) fn flush(&mut self) {
        if !self.waiting.is_empty() {
            let text = std::mem::take(&mut self.waiting);
            self.append(text);
        }
    }

    fn measure(&mut self) {
        let now = Instant::now();
        let (since, histogram) = match self.last.replace(now) {
            None => (self.began, &self.metrics.first_token),
            Some(last) => (last, &self.metrics.token_gap),
        };
        histogram.observe((now - since).as_secs_f64());
    }

    fn append(&mut self, text: String) {
        let reply = self.reply;
        self.journal.append(match self.kind {
            Kind::Text => Event::Token { reply, text },
            Kind::Thinking => Event::Thinking { reply, text },
        });
        self.measure();
    }
}
