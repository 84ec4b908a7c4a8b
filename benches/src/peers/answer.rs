//! Reads a streamed reply of any of the programs: when each piece of text came.

use super::door::frame;
use anyhow::{Context, bail};
use hyper::body::Incoming;
use serde_json::Value;
use std::time::Instant;

/// The pieces of text are `t0`, ` t1`, ` t2`: as many pieces as this letter.
const PIECE: char = 't';

/// Text that came in one event. A program may merge neighbours.
pub(super) struct Piece {
    pub at: Instant,
    pub count: usize,
}

pub(super) struct Answer {
    body: Incoming,
    buffer: Vec<u8>,
}

enum Read {
    Text(usize),
    End,
    Other,
}

impl Answer {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, buffer: Vec::new() }
    }

    /// Reads one reply.
    pub(super) async fn pieces(&mut self) -> anyhow::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        loop {
            let (at, bytes) = frame(&mut self.body).await?.context("the stream ended before the reply did")?;
            self.buffer.extend_from_slice(&bytes);
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.buffer.drain(..end + 2).collect();
                match read(std::str::from_utf8(&event)?)? {
                    Read::Text(count) if 0 < count => pieces.push(Piece { at, count }),
                    Read::End => return Ok(pieces),
                    Read::Text(_) | Read::Other => {}
                }
            }
        }
    }
}

/// OpenAI's dialect and Rivulet's.
fn read(event: &str) -> anyhow::Result<Read> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ").unwrap_or_default();
    match field("event: ") {
        Some("token") => return Ok(text(&serde_json::from_str(data)?, "/text")),
        Some("done") => return Ok(Read::End),
        Some("error" | "stopped" | "interrupted") => bail!("a reply failed: {event}"),
        Some(_) => return Ok(Read::Other),
        None => {}
    }
    if data == "[DONE]" {
        return Ok(Read::End);
    }
    // A comment, to keep the connection open.
    if data.is_empty() {
        return Ok(Read::Other);
    }
    let value: Value = serde_json::from_str(data)?;
    if !value["error"].is_null() {
        bail!("a reply failed: {event}");
    }
    Ok(text(&value, "/choices/0/delta/content"))
}

fn text(value: &Value, place: &str) -> Read {
    let text = value.pointer(place).and_then(Value::as_str).unwrap_or_default();
    Read::Text(text.chars().filter(|char| *char == PIECE).count())
}
