//! A minimal HTTP/1.1 client: its own cost reduces what the measured programs get.

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Rivulet closes a connection that is idle for 10 s. A client has to be the first to let go of it, or a request can be
/// sent into a connection that is just being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(9);

/// A client with one connection at a time, and its user's cookie.
pub struct Caller {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    used: Instant,
    cookie: String,
}

impl Caller {
    pub async fn new(address: SocketAddr) -> anyhow::Result<Self> {
        Self::with(address, String::new()).await
    }

    /// A new guest, with the cookie that the first page sets.
    pub async fn guest(address: SocketAddr) -> anyhow::Result<Self> {
        let mut caller = Self::new(address).await?;
        let page = caller.call(Method::GET, "/", &[], None).await?;
        let cookie = page.headers().get("set-cookie").context("the first page set no cookie")?.to_str()?;
        caller.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        page.into_body().collect().await?;
        Ok(caller)
    }

    /// The user with this cookie.
    pub async fn known(address: SocketAddr, cookie: String) -> anyhow::Result<Self> {
        Self::with(address, cookie).await
    }

    /// Another connection of the same user.
    pub async fn again(&self) -> anyhow::Result<Self> {
        Self::with(self.address, self.cookie.clone()).await
    }

    async fn with(address: SocketAddr, cookie: String) -> anyhow::Result<Self> {
        Ok(Self { address, sender: connect(address).await?, used: Instant::now(), cookie })
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Sends for the user with this cookie from now on.
    pub fn speak_for(&mut self, cookie: &str) {
        cookie.clone_into(&mut self.cookie);
    }

    /// Restarts the idle time at the end of a long answer.
    pub fn used_now(&mut self) {
        self.used = Instant::now();
    }

    /// An answer whose head has come, whatever its status.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder().method(&method).uri(path).header("host", self.address.to_string());
        if !self.cookie.is_empty() {
            request = request.header("cookie", &self.cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        if IDLE_LIMIT < self.used.elapsed() {
            self.sender = connect(self.address).await?;
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        self.used = Instant::now();
        Ok(response)
    }

    /// Sends a request. An answer without a status of success is an error.
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Response<Incoming>> {
        let response = self.ask(method.clone(), path, headers, body).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let said = response.into_body().collect().await?.to_bytes();
        anyhow::bail!("{method} {path} was answered with {status}: {}", String::from_utf8_lossy(&said))
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        json(self.call(Method::GET, path, &[], None).await?).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        json(self.call(Method::POST, path, &[], Some(body)).await?).await
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("{address} cannot be connected to"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender and the last body; its errors come out there.
    tokio::spawn(connection);
    Ok(sender)
}

async fn json(response: Response<Incoming>) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?)
}

/// Whether a process listens there and, if a path is given, answers it with 200.
pub async fn answers(address: SocketAddr, path: Option<&str>) -> bool {
    match path {
        None => TcpStream::connect(address).await.is_ok(),
        Some(path) => is_fine(address, path).await.is_ok(),
    }
}

async fn is_fine(address: SocketAddr, path: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let status = answer.get(9..12).unwrap_or_default();
    ensure!(status == StatusCode::OK.as_str().as_bytes());
    Ok(())
}
