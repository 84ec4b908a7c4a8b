//! Merges a provider's pieces into events: the first at once, the rest over a moment that no eye sees. Also stores how long the
//! model thinks, so that every viewer sees one value.

use crate::event::Event;
use crate::model::MessageId;
use crate::server::journal::Writer;
use crate::server::metrics::Metrics;
use crate::server::times::now;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
}

/// Pieces that are not in the journal yet.
pub(super) struct Pieces {
    journal: Writer,
    reply: MessageId,
    kind: Kind,
    waiting: String,
    began: Instant,
    last: Option<Instant>,
    thinking: Option<Stretch>,
    /// How long the model thought in earlier stretches.
    thought: Duration,
    metrics: Arc<Metrics>,
    /// How long a piece may wait for the next ones.
    merge: Duration,
}

/// Thinking that is in progress.
struct Stretch {
    began: Instant,
    /// When it began, until the viewers have been told.
    since: Option<String>,
}

impl Pieces {
    pub(super) fn new(journal: Writer, reply: MessageId, metrics: Arc<Metrics>) -> Self {
        Self {
            merge: journal.merges_for(),
            journal,
            reply,
            kind: Kind::Text,
            waiting: String::new(),
            began: Instant::now(),
            last: None,
            thinking: None,
            thought: Duration::ZERO,
            metrics,
        }
    }

    pub(super) fn push(&mut self, kind: Kind, text: &str) {
        if kind != self.kind {
            self.flush();
            self.kind = kind;
        }
        match kind {
            Kind::Text => self.stop_thinking(),
            Kind::Thinking => self.think(),
        }
        self.waiting.push_str(text);
        if self.is_silent() {
            self.append(String::new());
        } else if self.last.is_none_or(|last| self.merge <= last.elapsed()) {
            self.flush();
        }
    }

    /// When the waiting pieces must be flushed; none when nothing waits.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        Some(self.last.map_or_else(Instant::now, |last| last + self.merge))
    }

    pub(super) fn flush(&mut self) {
        if !self.waiting.is_empty() {
            let text = std::mem::take(&mut self.waiting);
            self.append(text);
        }
    }

    /// No more will come.
    pub(super) fn end(&mut self) {
        self.flush();
        self.stop_thinking();
    }

    fn think(&mut self) {
        self.thinking.get_or_insert_with(|| Stretch { began: Instant::now(), since: Some(now()) });
    }

    fn stop_thinking(&mut self) {
        let Some(stretch) = self.thinking.take() else { return };
        self.thought += stretch.began.elapsed();
        let ms = u64::try_from(self.thought.as_millis()).ok();
        self.journal.append(Event::Thinking { reply: self.reply, text: String::new(), since: stretch.since, ms });
    }

    /// Thinking without text is published as well: the page then says that the model thinks.
    fn is_silent(&self) -> bool {
        self.waiting.is_empty() && self.thinking.as_ref().is_some_and(|stretch| stretch.since.is_some())
    }

    fn measure(&mut self) {
        let now = Instant::now();
        let (since, histogram) = match self.last.replace(now) {
            None => (self.began, &self.metrics.first_token),
            Some(last) => (last, &self.metrics.token_gap),
        };
        histogram.observe(now - since);
    }

    fn append(&mut self, text: String) {
        let reply = self.reply;
        let since = self.thinking.as_mut().and_then(|stretch| stretch.since.take());
        self.journal.append(match self.kind {
            Kind::Text => Event::Token { reply, text },
            Kind::Thinking => Event::Thinking { reply, text, since, ms: None },
        });
        self.measure();
    }
}
