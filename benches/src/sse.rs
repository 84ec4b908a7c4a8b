//! Reads an event stream for the measurement: when text arrived, how many of the upstream's pieces, whether it ended.

use anyhow::{Context, bail};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// The upstream's pieces are `t0`, ` t1`, ` t2`: as many pieces as this letter.
const PIECE: u8 = b't';

/// The events that are measured; others are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Text, with the number of its pieces: a relay may merge neighbours.
    Pieces(usize),
    End,
}

pub struct Events {
    body: Incoming,
    buffer: Vec<u8>,
    /// How much of the buffer has been read.
    done: usize,
}

impl Events {
    pub fn new(body: Incoming) -> Self {
        Self { body, buffer: Vec::new(), done: 0 }
    }

    /// The next event that is measured.
    pub async fn next(&mut self) -> anyhow::Result<Seen> {
        loop {
            while let Some(length) = self.buffer[self.done..].windows(2).position(|pair| pair == b"\n\n") {
                let event = &self.buffer[self.done..self.done + length];
                let seen = read(event)?;
                self.done += length + 2;
                if let Some(seen) = seen {
                    return Ok(seen);
                }
            }
            self.buffer.drain(..self.done);
            self.done = 0;
            let frame = self.body.frame().await.context("the stream ended before the reply did")??;
            if let Some(data) = frame.data_ref() {
                self.buffer.extend_from_slice(data);
            }
        }
    }

    /// Reads on to the end of the body.
    pub async fn rest(mut self) -> anyhow::Result<()> {
        while let Some(frame) = self.body.frame().await {
            frame?;
        }
        Ok(())
    }
}

/// Both dialects: Anthropic's, as the relay passes it on, and Rivulet's.
fn read(event: &[u8]) -> anyhow::Result<Option<Seen>> {
    let (name, data) = event.split_at(event.iter().position(|byte| *byte == b'\n').unwrap_or(event.len()));
    Ok(match name.strip_prefix(b"event: ") {
        Some(b"token" | b"content_block_delta") => Some(Seen::Pieces(pieces(data))),
        Some(b"done" | b"message_stop") => Some(Seen::End),
        Some(b"error" | b"stopped" | b"interrupted") => bail!("a reply failed: {}", String::from_utf8_lossy(event)),
        _ => None,
    })
}

fn pieces(data: &[u8]) -> usize {
    const TEXT: &[u8] = b"\"text\":\"";
    let Some(at) = data.windows(TEXT.len()).position(|window| window == TEXT) else { return 0 };
    data[at + TEXT.len()..].iter().take_while(|byte| **byte != b'"').filter(|byte| **byte == PIECE).count()
}
