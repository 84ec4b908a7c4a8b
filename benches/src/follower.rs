//! A viewer's connection without an HTTP library: ten thousand of them are to cost this process little.

use crate::scene::Person;
use anyhow::{Context, bail};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

/// Each source address has ports of its own.
const PER_SOURCE: usize = 4_000;
/// How many connect at the same time: fewer than the server's queue of connections that wait to be accepted.
pub const CONNECT_TOGETHER: usize = 200;
/// The event with its cursor, after which a follower counts.
const FIRST: &[u8] = b"event: snapshot";
const PATIENCE: Duration = Duration::from_secs(60);

/// The server and conversation to follow, and the user's cookie.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub path: String,
    pub cookie: String,
}

impl Target {
    pub fn of(address: SocketAddr, person: &Person) -> Self {
        Self { address, path: person.events(), cookie: person.caller.cookie().to_owned() }
    }
}

pub struct Follower {
    stream: TcpStream,
    /// The last bytes that were read, in case the mark was cut in two.
    tail: Vec<u8>,
}

impl Follower {
    /// The follower with this number.
    pub async fn new(target: &Target, index: usize) -> anyhow::Result<Self> {
        let Target { address, path, cookie } = target;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n\r\n");
        let mut follower = Self::open(*address, index, &request).await?;
        timeout(PATIENCE, follower.until(FIRST)).await.context("a follower was not told where it stands")??;
        Ok(follower)
    }

    /// Connects and sends the request.
    pub async fn open(address: SocketAddr, index: usize, request: &str) -> anyhow::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        let source = Ipv4Addr::new(127, 0, 0, 1 + (index / PER_SOURCE) as u8);
        socket.bind((source, 0).into()).with_context(|| format!("{source} cannot be connected from"))?;
        let mut stream = socket.connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        Ok(Self { stream, tail: Vec::new() })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Reads until `mark` has arrived, and returns all of it.
    pub async fn text_until(&mut self, mark: &str) -> anyhow::Result<String> {
        loop {
            let text = String::from_utf8_lossy(&self.tail).into_owned();
            if text.contains(mark) {
                self.tail = Vec::new();
                return Ok(text);
            }
            let read = timeout(PATIENCE, self.read()).await.with_context(|| format!("{mark} did not come"))?;
            if read?.is_none() {
                bail!("the connection ended before {mark}: {text}");
            }
        }
    }

    /// Reads until `mark` has arrived.
    pub async fn until(&mut self, mark: &[u8]) -> anyhow::Result<Instant> {
        loop {
            let Some(now) = self.read().await? else {
                bail!("a follower's stream ended: {}", String::from_utf8_lossy(&self.tail))
            };
            if self.tail.windows(mark.len()).any(|window| window == mark) {
                self.tail = Vec::new();
                return Ok(now);
            }
            self.tail.drain(..self.tail.len().saturating_sub(mark.len()));
        }
    }

    /// Reads to the end of the stream, however it ends. Returns the last `most` bytes.
    pub async fn rest(mut self, most: usize) -> String {
        while let Ok(Some(_)) = self.read().await {
            self.tail.drain(..self.tail.len().saturating_sub(most));
        }
        String::from_utf8_lossy(&self.tail).into_owned()
    }

    /// Appends the next bytes to the tail, and returns when they arrived.
    async fn read(&mut self) -> io::Result<Option<Instant>> {
        loop {
            self.stream.readable().await?;
            // On the stack between two waits, not in the task.
            let mut chunk = [0_u8; 4096];
            match self.stream.try_read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    self.tail.extend_from_slice(&chunk[..length]);
                    return Ok(Some(Instant::now()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
