//! A viewer of one reply: reads its events, checks their order, and remembers when it had how much of the text.

use crate::http::Caller;
use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A stream sends a keep-alive every ten seconds.
const SILENCE: Duration = Duration::from_secs(30);

/// The events of one reply so far.
pub struct Watch {
    pub reply: String,
    /// Where it was opened: a late viewer begins here.
    pub opened: String,
    cursor: String,
    pub text: String,
    /// The times at which the text reached each length.
    pub moments: Vec<(Instant, usize)>,
    /// The event that ended it.
    pub end: Option<String>,
}

impl Watch {
    /// A viewer of the reply that the answer to a message names.
    pub fn new(sent: &Value) -> anyhow::Result<Self> {
        let field = |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{sent} lacks a field"));
        let opened = field(&sent["cursor"])?;
        Ok(Self {
            reply: field(&sent["reply"]["id"])?,
            cursor: opened.clone(),
            opened,
            text: String::new(),
            moments: Vec::new(),
            end: None,
        })
    }

    /// A viewer who has seen nothing of it yet.
    pub fn late(&self) -> Self {
        let (reply, opened) = (self.reply.clone(), self.opened.clone());
        Self { reply, cursor: opened.clone(), opened, text: String::new(), moments: Vec::new(), end: None }
    }

    /// Follows from its cursor, on a connection of its own.
    pub async fn follow(&self, caller: &Caller, path: &str) -> anyhow::Result<Stream> {
        let mut caller = caller.again().await?;
        let answer = caller.call(Method::GET, path, &[("last-event-id", &self.cursor)], None).await?;
        Ok(Stream { body: answer.into_body(), buffer: Vec::new() })
    }

    /// Reads to the reply's end. False: the stream ended before.
    pub async fn read(&mut self, stream: &mut Stream) -> anyhow::Result<bool> {
        while self.end.is_none() {
            let Some(event) = stream.next().await? else { return Ok(false) };
            self.take(event)?;
        }
        Ok(true)
    }

    /// # Errors
    /// The event is not the next one.
    pub fn take(&mut self, event: Event) -> anyhow::Result<()> {
        let Event { id, name, data } = event;
        if name == "resumed" {
            ensure!(data["from"] == *self.cursor, "resumed at {} in place of {}", data["from"], self.cursor);
            return Ok(());
        }
        ensure!(name != "snapshot", "the journal let go of an open reply, {}", self.reply);
        let first = data["first"].as_u64().map_or_else(|| seq(&id), Ok)?;
        ensure!(first == seq(&self.cursor)? + 1, "after {} came {name} {id} from {first}", self.cursor);
        self.cursor = id;
        if data["reply"] != *self.reply {
            return Ok(());
        }
        ensure!(self.end.is_none(), "{name} came after the reply's end");
        match name.as_str() {
            "token" => {
                self.text.push_str(data["text"].as_str().context("a token has no text")?);
                self.moments.push((Instant::now(), self.text.len()));
            }
            "done" | "stopped" | "interrupted" | "error" => self.end = Some(name),
            _ => {}
        }
        Ok(())
    }

    /// The status that its end stands for.
    pub fn status(&self) -> Option<&str> {
        self.end.as_deref().map(|end| if end == "error" { "failed" } else { end })
    }
}

fn seq(cursor: &str) -> anyhow::Result<u64> {
    let (_, seq) = cursor.split_once(':').with_context(|| format!("{cursor:?} is no cursor"))?;
    Ok(seq.parse()?)
}

pub struct Event {
    id: String,
    name: String,
    data: Value,
}

/// The events of one connection.
pub struct Stream {
    body: Incoming,
    buffer: Vec<u8>,
}

impl Stream {
    /// The next event; none once the connection has ended, in order or not.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            while let Some(length) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..length + 2).collect();
                if let Some(event) = parse(std::str::from_utf8(&frame)?)? {
                    return Ok(Some(event));
                }
            }
            let frame = timeout(SILENCE, self.body.frame()).await.context("a stream gave no sign of life")?;
            let Some(Ok(frame)) = frame else { return Ok(None) };
            if let Some(bytes) = frame.data_ref() {
                self.buffer.extend_from_slice(bytes);
            }
        }
    }
}

/// None: a comment, or a hint when to come back.
fn parse(frame: &str) -> anyhow::Result<Option<Event>> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
    let Some(data) = field("data: ") else { return Ok(None) };
    let (id, name) = (field("id: ").unwrap_or_default().into(), field("event: ").unwrap_or_default().into());
    Ok(Some(Event { id, name, data: serde_json::from_str(data)? }))
}
