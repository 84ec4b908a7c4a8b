//! A client that reads HTTP and event streams by the book, and tells how the bytes were divided.

use std::io;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::super::Upstream;

/// A connection, and what was read from it.
pub(super) struct Client {
    stream: TcpStream,
    pub(super) read: Vec<u8>,
}

pub(super) struct Answer {
    pub(super) head: String,
    /// The body, as it was divided.
    pub(super) chunks: Vec<Vec<u8>>,
    /// Whether the body ended properly.
    pub(super) whole: bool,
}

impl Client {
    pub(super) async fn connect(upstream: &Upstream) -> Self {
        let address = upstream.url().strip_prefix("http://").unwrap();
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub(super) async fn send(&mut self, line: &str, body: &Value) {
        let body = body.to_string();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nanthropic-version: x\r\ncontent-length: {length}\r\n\r\n");
        self.stream.write_all((head + &body).as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..at + 2).collect();
                return Ok(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < length {
            self.more().await?;
        }
        Ok(self.read.drain(..length).collect())
    }

    pub(super) async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn head(&mut self) -> io::Result<String> {
        let mut head = String::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(head);
            }
            head += &(line + "\n");
        }
    }

    pub(super) async fn answer(&mut self) -> Answer {
        let head = self.head().await.unwrap();
        let mut answer = Answer { head, chunks: Vec::new(), whole: false };
        while let Ok(length) = self.line().await {
            let length = usize::from_str_radix(&length, 16).unwrap();
            let chunk = self.exactly(length + 2).await.unwrap();
            if length == 0 {
                answer.whole = true;
                break;
            }
            answer.chunks.push(chunk[..length].to_vec());
        }
        answer
    }

    /// A head and a body of a known length.
    pub(super) async fn reply(&mut self) -> (String, String) {
        let head = self.head().await.unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let body = self.exactly(length.parse().unwrap()).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.chunks.concat()).unwrap()
    }

    /// The lines of JSON, or the data of the events, by the book: https://html.spec.whatwg.org/#event-stream-interpretation
    pub(super) fn events(&self) -> Vec<Value> {
        let body = String::from_utf8_lossy(&self.chunks.concat()).replace("\r\n", "\n").replace('\r', "\n");
        let body = body.strip_prefix('\u{feff}').unwrap_or(&body);
        if self.head.contains("content-type: application/x-ndjson") {
            return body.lines().filter_map(|line| parse(line.trim())).collect();
        }
        let mut events = Vec::new();
        let mut data = Vec::new();
        for line in body.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            match field {
                "" if line.is_empty() => events.push(std::mem::take(&mut data).join("\n")),
                "data" => data.push(value.strip_prefix(' ').unwrap_or(value).to_owned()),
                _ => {}
            }
        }
        events.iter().filter_map(|event| parse(event)).collect()
    }

    pub(super) fn text(&self) -> String {
        self.events().iter().filter_map(text).collect()
    }
}

/// The text in an event of any format; the text of thinking is not meant.
fn text(event: &Value) -> Option<String> {
    if event["type"] == "response.output_text.delta" {
        return event["delta"].as_str().map(str::to_owned);
    }
    let part = &event["candidates"][0]["content"]["parts"][0];
    let part = if part["thought"] == true { &Value::Null } else { &part["text"] };
    let places =
        [&event["delta"]["text"], &event["choices"][0]["delta"]["content"], &event["message"]["content"], part];
    places.into_iter().find_map(Value::as_str).map(str::to_owned)
}

fn parse(event: &str) -> Option<Value> {
    let event = event.replace("\\ud83d", "\u{fffd}");
    match event.as_str() {
        "" => None,
        "[DONE]" => Some(Value::from("[DONE]")),
        json => Some(serde_json::from_str(json).unwrap()),
    }
}
