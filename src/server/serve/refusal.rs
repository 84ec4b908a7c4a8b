//! The answer to a connection for which there is no slot.

use crate::error::{PROBLEM_JSON, Problem};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Concurrent refusals; beyond that the connection is closed without an answer. They take no slot.
const MAX_AT_ONCE: usize = 64;
/// How long the client gets to read the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// By then a slot is usually free.
const RETRY_AFTER_SECONDS: u64 = 5;

pub(super) struct Refusals {
    turns: Arc<Semaphore>,
    answer: Arc<str>,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(MAX_AT_ONCE)), answer: answer().into() }
    }

    /// Answers 503 and closes the connection.
    pub(super) fn refuse(&self, socket: TcpStream) {
        let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() else { return };
        let answer = Arc::clone(&self.answer);
        tokio::spawn(async move {
            if let Err(error) = timeout(PATIENCE, say(socket, &answer)).await.unwrap_or(Ok(())) {
                tracing::debug!(%error, "A refusal did not arrive");
            }
            drop(turn);
        });
    }
}

/// Closing a socket with unread data resets it, and the answer may be lost.
async fn say(mut socket: TcpStream, answer: &str) -> io::Result<()> {
    socket.write_all(answer.as_bytes()).await?;
    socket.shutdown().await?;
    let mut unread = [0; 1024];
    while socket.read(&mut unread).await? != 0 {}
    Ok(())
}

fn answer() -> String {
    let problem = Problem::Unavailable {
        message: "Too many connections are open, here or from your address. Close some, or try again in a moment."
            .into(),
        retry_after_seconds: RETRY_AFTER_SECONDS,
    };
    let body = serde_json::to_string(&problem).expect("a problem is always valid JSON");
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: {RETRY_AFTER_SECONDS}\r\n\
         cache-control: no-store\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
