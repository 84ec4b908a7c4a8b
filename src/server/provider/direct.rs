//! Connections to a model server without TLS, each read in the task of the reply that uses it.
//!
//! An HTTP client runs each connection in a task of its own, which wakes the reply for every piece and is woken by it in
//! turn. Here the reply polls its connection itself, so that a piece wakes one task instead of two. HTTPS, HTTP/2 and
//! proxies are reqwest's: those connections are shared, or hidden in it.

mod bell;
mod idle;

use bell::Bell;
use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper::http::uri::Scheme;
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use idle::Idle;
use reqwest::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Body, StatusCode, Url};
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tower::ServiceExt;

/// A server that vanished is noticed as early as reqwest would: probes begin after this long without a byte, and come at
/// this interval ...
const PROBE_AFTER: Duration = Duration::from_secs(15);
/// ... this many times.
const PROBES: u32 = 3;
/// How long bytes may stay unacknowledged, as with reqwest.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How long a connection may take to its answer's last byte once the reply is complete.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// The way to one server.
pub(super) struct Direct {
    /// Its scheme, host and port.
    server: Uri,
    host: HeaderValue,
    connector: HttpConnector,
    connect: Duration,
    idle: Arc<Idle>,
}

/// Why there is no answer.
pub(super) enum Unsent {
    Connect(Box<dyn Error + Send + Sync>),
    Http(hyper::Error),
}

/// An answer that is being read.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// None once it is dropped.
    body: Option<Incoming>,
    held: Option<Held>,
    idle: Arc<Idle>,
}

/// A connection, and the handle for sending on it.
struct Held {
    sender: SendRequest<Body>,
    /// None once it has ended.
    connection: Option<Running>,
    bell: Bell,
}

type Running = Pin<Box<Connection<TokioIo<TcpStream>, Body>>>;

/// The path of an address, with its query; none where HTTP cannot carry it.
pub(super) fn path(url: &str) -> Option<Uri> {
    let url = Url::parse(url).ok()?;
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    path.parse().ok()
}

impl Direct {
    /// None where the server is not reached directly and without TLS.
    pub(super) fn new(base: &str, connect: Duration, proxies: &Matcher) -> Option<Self> {
        let url = Url::parse(base).ok()?;
        let host = url.host_str()?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let server = format!("{}://{authority}/", url.scheme()).parse::<Uri>().ok()?;
        if server.scheme() != Some(&Scheme::HTTP) || proxies.intercept(&server).is_some() {
            return None;
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(connect));
        connector.set_keepalive(Some(PROBE_AFTER));
        connector.set_keepalive_interval(Some(PROBE_AFTER));
        connector.set_keepalive_retries(Some(PROBES));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        Some(Self { server, host: authority.try_into().ok()?, connector, connect, idle: Arc::default() })
    }

    /// A POST request to this path.
    pub(super) fn post(&self, path: Uri, headers: &HeaderMap, agent: &'static str, body: Vec<u8>) -> Request<Body> {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path;
        headers.clone_into(request.headers_mut());
        request.headers_mut().insert(HOST, self.host.clone());
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(agent));
        request
    }

    /// Sends the request and waits for the answer's headers.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Result<Answer, Unsent> {
        while let Some(held) = self.idle.take() {
            match held.ask(request, &self.idle).await {
                Ok(answer) => return Ok(answer),
                // It was closed before it took the request.
                Err(mut error) => match error.take_message() {
                    Some(back) => request = back,
                    None => return Err(Unsent::Http(error.into_error())),
                },
            }
        }
        let held = self.connect().await?;
        held.ask(request, &self.idle).await.map_err(|error| Unsent::Http(error.into_error()))
    }

    async fn connect(&self) -> Result<Held, Unsent> {
        // The connector divides its time by the number of addresses, and resolving the name has none.
        let connected = timeout(self.connect, self.connector.clone().oneshot(self.server.clone())).await;
        let stream = match connected {
            Ok(connected) => connected.map_err(|error| Unsent::Connect(error.into()))?,
            Err(late) => return Err(Unsent::Connect(late.into())),
        };
        let (sender, connection) = http1::handshake(stream).await.map_err(Unsent::Http)?;
        Ok(Held { sender, connection: Some(Box::pin(connection)), bell: Bell::new() })
    }
}

impl Held {
    async fn ask(mut self, request: Request<Body>, idle: &Arc<Idle>) -> Result<Answer, TrySendError<Request<Body>>> {
        let answered = {
            let mut answer = pin!(self.sender.try_send_request(request));
            let (connection, bell) = (&mut self.connection, &self.bell);
            let answered = poll_fn(|context| {
                bell.quietly(context, |context| {
                    run(connection, context);
                    // Only the connection, which was just polled, makes an answer ready: nothing else has to wake the task.
                    answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                })
            });
            answered.await?
        };
        let (head, body) = answered.into_parts();
        let idle = Arc::clone(idle);
        Ok(Answer { status: head.status, headers: head.headers, body: Some(body), held: Some(self), idle })
    }

    /// Whether it would take another request now.
    fn is_ready(&mut self) -> bool {
        run(&mut self.connection, &mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }
}

/// Reads and writes what can be read and written.
fn run(connection: &mut Option<Running>, context: &mut Context<'_>) {
    let Some(running) = connection else { return };
    if let Poll::Ready(ended) = running.as_mut().poll(context) {
        // Dropped, so that the answer ends. An error that matters to it was passed on to it.
        *connection = None;
        if let Err(error) = ended {
            tracing::debug!(%error, "A connection to a provider ended");
        }
    }
}

impl Answer {
    /// The next bytes; none at the end. Cancel-safe.
    pub(super) async fn chunk(&mut self) -> hyper::Result<Option<Bytes>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<Option<Bytes>>> {
        let (Some(held), Some(body)) = (&mut self.held, &mut self.body) else { return Poll::Ready(Ok(None)) };
        let Held { connection, bell, .. } = held;
        bell.quietly(context, |context| {
            run(connection, context);
            let mut silent = Context::from_waker(Waker::noop());
            loop {
                let frame = ready!(Pin::new(&mut *body).poll_frame(&mut silent)).transpose()?;
                // What is not data are trailers, which no provider sends.
                match frame.map(Frame::into_data) {
                    Some(Err(_)) => {}
                    data => return Poll::Ready(Ok(data.and_then(Result::ok))),
                }
            }
        })
    }

    /// Reads the rest, which is the end mostly, so that the connection can serve again. Nobody waits for it.
    pub(super) fn finish(mut self) {
        let is_over = matches!(self.poll_chunk(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(None)));
        if let Ok(runtime) = Handle::try_current()
            && !is_over
        {
            let rest = async move { while let Ok(Some(_)) = self.chunk().await {} };
            runtime.spawn(timeout(LAST_BYTES, rest));
        }
    }
}

impl Drop for Answer {
    /// Keeps the connection where the answer was read to its end, or its rest has arrived; closes it otherwise.
    fn drop(&mut self) {
        // First: the connection then reads the rest, if that is there.
        self.body = None;
        if let Some(mut held) = self.held.take().filter(|held| held.connection.is_some())
            && held.is_ready()
        {
            self.idle.keep(held);
        }
    }
}

#[cfg(test)]
mod tests;
