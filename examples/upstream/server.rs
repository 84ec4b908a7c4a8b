//! A scriptable model API: a real HTTP server over real TCP that speaks the providers' wire formats, fails on demand,
//! and reports what it saw. Tests, browser tests and benches put it where the provider would be, so that the real
//! provider code is what runs.
//!
//! It answers `POST …/messages` as Anthropic does, `POST …/chat/completions` and `POST …/responses` as OpenAI does (below
//! `/mistral/`, the former as Mistral does), `POST …:streamGenerateContent` as Gemini does and `POST /api/chat` as Ollama
//! does. What it answers is a [`Script`](script::Script), found in this order:
//!
//! 1. in the request: a line `@upstream {json}` in the last user message;
//! 2. in the queue: `POST /scripts`, or [`State::push`], each for one request (or for `times`);
//! 3. the default: `PUT /script`, or [`State::script`].
//!
//! `PUT /models` (or [`State::has`]) sets what `GET /api/tags` lists, as Ollama does, and
//! `GET /v1/models`, as OpenAI does.
//!
//! `GET /seen` (or [`State::seen`]) tells what arrived, the images in it among the rest, and how each answer ended; `GET /arrived/2`, `/ended/2` and
//! `/closed/2` wait until that many requests arrived, ended, or were closed by the client; `POST /text` tells the text
//! of a script in full; `DELETE /seen` forgets everything, scripts included.
//!
//! In a Rust test: `#[path = "../examples/upstream/server.rs"] mod upstream;`, then `Upstream::start().await`.
//!
//! Slices, resets and odd framing need control over every byte written, so there is no HTTP library underneath.

mod anthropic;
mod control;
mod format;
mod gemini;
mod http;
pub(crate) mod images;
mod mistral;
mod ollama;
mod openai;
mod play;
mod responses;
pub(crate) mod script;
pub(crate) mod state;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod wire;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::Deref,
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use format::Format;
use http::Request;
use state::{Ended, State};

/// Longer than any client's pool keeps an idle connection, so that it is always the client who closes it.
const IDLE_LIMIT: Duration = Duration::from_secs(600);

/// How long to rest when no connection can be accepted, which means that file descriptors ran out.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A running upstream. Dropping it ends the server and every connection.
pub(crate) struct Upstream {
    url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

impl Upstream {
    /// Starts on any free port of 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::listen(address).await.expect("a free port of 127.0.0.1 can be had")
    }

    pub(crate) async fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::new());
        let server = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { url, state, server })
    }

    /// Such as `http://127.0.0.1:4010`, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Deref for Upstream {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Owns the connections: they end with it.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(serve(stream, Arc::clone(&state)))),
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// One connection. An error here is the client's going away, which the request in hand has already recorded.
async fn serve(mut stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::new();
    while let Ok(request) = timeout(IDLE_LIMIT, http::read(&mut stream, &mut buffer)).await {
        let Some(request) = request? else { break };
        let Some(format) = Format::of(&request.method, &request.path) else {
            let reply = control::reply(&state, &request).await;
            http::write(&mut stream, &reply).await?;
            continue;
        };
        if answer(&mut stream, &mut buffer, &state, format, request).await? == Ended::Reset {
            break;
        }
    }
    Ok(())
}

/// Plays the script to the end, or until the client goes away, whichever is first.
async fn answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    state: &State,
    format: Format,
    request: Request,
) -> io::Result<Ended> {
    let (turn, entry) = state.arrive(format, request);
    let (mut reader, mut writer) = stream.split();
    let ended = tokio::select! {
        biased;
        () = http::gone(&mut reader, buffer) => Ended::ClosedByClient,
        ended = play::play(state, &turn, &entry, &mut writer) => ended.unwrap_or(Ended::ClosedByClient),
    };
    if ended == Ended::Reset && turn.script.reset_after.is_some() {
        stream.set_zero_linger()?;
    }
    state.finish(&entry, ended);
    if ended == Ended::ClosedByClient {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(ended)
}
