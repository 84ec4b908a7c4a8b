//! An event with its number, and its encodings.

use crate::event::{Cursor, Event};
use crate::wire::{self, Body, Topic as Channel};
use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use std::sync::OnceLock;
use std::time::Instant;

/// An event with its number. Its encodings are made once, by the first reader who needs them.
pub struct Entry {
    pub seq: u64,
    pub event: Event,
    pub(super) at: Instant,
    /// In a box: most entries are never read.
    encoded: OnceLock<Box<Encoded>>,
}

#[derive(Default)]
struct Encoded {
    sse: OnceLock<Bytes>,
    line: OnceLock<Body>,
    /// By the channel that they are for.
    messages: OnceLock<(Box<str>, Vec<Utf8Bytes>)>,
}

impl Entry {
    pub(super) fn new(seq: u64, event: Event, at: Instant) -> Self {
        Self { seq, event, at, encoded: OnceLock::new() }
    }

    /// The entry as a Server-Sent Event.
    pub fn sse(&self, epoch: u64) -> Bytes {
        let encode = || Bytes::from(wire::sse(&self.event, Cursor { epoch, seq: self.seq }));
        self.encoded().sse.get_or_init(encode).clone()
    }

    /// The entry as a line.
    pub fn line(&self, channel: Channel, epoch: u64) -> String {
        let body = self.encoded().line.get_or_init(|| Body::new(&self.event));
        body.line(channel, Cursor { epoch, seq: self.seq })
    }

    /// The entry as the messages of this channel, made by the first of its subscribers for all of them.
    pub fn messages(&self, channel: &str, make: impl Fn() -> Vec<String>) -> Vec<Utf8Bytes> {
        let made = || make().into_iter().map(Utf8Bytes::from).collect();
        let (known, messages) = self.encoded().messages.get_or_init(|| (channel.into(), made()));
        if **known == *channel { messages.clone() } else { made() }
    }

    fn encoded(&self) -> &Encoded {
        self.encoded.get_or_init(Box::default)
    }
}
