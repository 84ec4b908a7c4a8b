//! Collects spans: the layer that `tracing` tells of each, and what is kept of one until it closes.

use super::Lost;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::Sender;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Log lines that are kept of one span: a reply has a handful.
const MAX_EVENTS: usize = 32;
/// What is kept of one text, in bytes. A request that nobody has to be signed in for can have a path of 64 KiB, and a collector
/// refuses a batch that is too large, with all the other spans in it.
const MAX_TEXT: usize = 512;
/// Nanoseconds since 1970.
pub(super) type Nanoseconds = u64;

/// The layer.
pub struct Collector {
    sender: Sender<Finished>,
    lost: Arc<Lost>,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Truth(bool),
    Number(f64),
}

pub(super) type Fields = Vec<(&'static str, Value)>;

/// A line that was logged in a span.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) at: Nanoseconds,
    pub(super) words: String,
    pub(super) fields: Fields,
}

/// A span, as it is sent once it has closed.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) name: &'static str,
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) begun: Nanoseconds,
    /// When it was last left: a span stays open for as long as one inside it does.
    pub(super) ended: Nanoseconds,
    pub(super) fields: Fields,
    pub(super) said: Vec<Said>,
    pub(super) failed: bool,
}

impl Collector {
    pub(super) fn new(sender: Sender<Finished>, lost: Arc<Lost>) -> Self {
        Self { sender, lost }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let within = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            extensions.get::<Finished>().map(|parent| (parent.trace, parent.id))
        });
        let (trace, own) = uuid::Uuid::new_v4().as_u64_pair();
        let mut fields = Reader::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(Finished {
            name: span.name(),
            trace: within.map_or_else(|| uuid::Uuid::new_v4().as_u128(), |(trace, _)| trace),
            id: trace ^ own,
            parent: within.map(|(_, id)| id),
            begun: now(),
            ended: now(),
            fields: fields.fields,
            said: Vec::new(),
            failed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Finished>() {
            let mut fields = Reader::default();
            values.record(&mut fields);
            open.fields.extend(fields.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Finished>() else { return };
        open.failed |= *event.metadata().level() == Level::ERROR;
        if open.said.len() < MAX_EVENTS {
            let mut fields = Reader::default();
            event.record(&mut fields);
            open.said.push(Said { at: now(), words: fields.words, fields: fields.fields });
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Finished>() {
            open.ended = now();
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(finished) = span.extensions_mut().remove::<Finished>() else { return };
        if self.sender.try_send(finished).is_err() {
            self.lost.add(1);
        }
    }
}

fn now() -> Nanoseconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(Nanoseconds::MAX)
}

/// Reads the fields of a span or an event.
#[derive(Default)]
struct Reader {
    words: String,
    fields: Fields,
}

impl Reader {
    fn add(&mut self, field: &Field, value: Value) {
        let value = match value {
            Value::Text(mut text) => {
                text.truncate(text.floor_char_boundary(MAX_TEXT));
                Value::Text(text)
            }
            other => other,
        };
        match (field.name(), value) {
            ("message", Value::Text(words)) if self.words.is_empty() => self.words = words,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Reader {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Number(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Whole(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let value = i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Whole);
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Truth(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }
}
