//! The accept loop: HTTP/1.1 with the time limits that `axum::serve` does not have, and an end that comes.

use crate::server::State;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// A client that has not sent its request's head by then is not going to (slow-loris).
const HEADER_READ: Duration = Duration::from_secs(10);
/// What a stopped reader can make the kernel hold for it.
const SEND_BUFFER_BYTES: usize = 128 << 10;
/// A peer that acknowledges nothing for this long is gone (promise S11).
const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// A pause when no connection can be accepted (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Kept free at the end of the drain for writing the last replies and closing the store.
const LAST_WRITES: Duration = Duration::from_secs(2);
/// How long connections get to send their last bytes after the last reply has ended.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// The client's network address.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves until `stop` is cancelled, then drains (promise S13). Returns within the drain time, open streams or not.
pub async fn run(listener: TcpListener, router: Router, state: State, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let close = CancellationToken::new();
    let accepting = accept(&listener, router, &connections, &close);
    tokio::pin!(accepting);
    tokio::select! {
        () = &mut accepting => {}
        () = stop.cancelled() => {}
    }
    let deadline = Instant::now() + state.settings.drain();
    tracing::info!(replies = state.engine.open_replies(), "Stopping: open replies may end, new ones are refused");
    state.drain.begin();
    // Viewers may still come back and see the end of their reply, and health checks the truth.
    let margin = LAST_WRITES.min(state.settings.drain() / 4);
    let drained = async {
        if timeout_at(deadline, state.engine.drain(deadline - margin)).await.is_err() {
            tracing::error!("The store does not take the last replies; the next start marks them as interrupted");
        }
    };
    tokio::select! {
        () = accepting => {}
        () = drained => {}
    }
    close.cancel();
    connections.close();
    let last = (Instant::now() + LAST_BYTES).min(deadline);
    if timeout_at(last, connections.wait()).await.is_err() {
        tracing::info!(connections = connections.len(), "Connections that were still open are cut");
    }
    // The files are whole without it; closing only folds the write-ahead log in.
    let _ = timeout_at(deadline, state.store.close()).await;
}

async fn accept(listener: &TcpListener, router: Router, connections: &TaskTracker, close: &CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                connections.spawn(connection(socket, peer, router.clone(), close.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "A connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, peer: SocketAddr, router: Router, close: CancellationToken) {
    if let Err(error) = prepare(&socket) {
        tracing::debug!(%error, "A socket could not be set up");
        return;
    }
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ)
        .serve_connection(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = close.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "A connection ended early");
    }
}

fn prepare(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}
