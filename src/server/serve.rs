//! The accept loop: HTTP/1.1 with the limits that `axum::serve` does not have, and a bounded shutdown.

mod refusal;
pub mod slots;
mod strict;
pub mod timely;

use super::bounds::UPLOADS;
use super::peer::Peer;
use super::serve::slots::Slot;
use super::serve::slots::Slots;
use crate::server::State;
use crate::server::bounds::Bounds;
use crate::server::outlet::{Line, Outlet};
use crate::server::waiting::Rarely;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use refusal::Refusals;
use socket2::SockRef;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use strict::Strict;
use timely::Timely;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt;

/// How much a stopped reader can make the kernel buffer for it.
const SEND_BUFFER_BYTES: usize = 128 << 10;
/// A connection's buffers for reading and for writing; about the largest request head, which is a URL and cookies.
const BUFFER_BYTES: usize = 64 << 10;
/// The listen backlog, as large as Linux usually allows (net.core.somaxconn). When thousands of viewers reconnect at
/// once, one that finds no place tries again after a second, and then after two more, and four.
const WAITING: u32 = 4_096;
/// The pause when no connection can be accepted (no file descriptors left), so that the loop does not spin; it doubles
/// ...
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// ... up to this: the longest delay until connections are accepted again once there is room.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Reserved at the end of the drain for writing the last replies and closing the store.
const LAST_WRITES: Duration = Duration::from_secs(2);
/// How long connections get to send their last bytes after the last reply has ended.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// A connection's slot, which the shutdown waits for. Held by what goes on after HTTP has ended: a WebSocket.
#[derive(Clone)]
pub struct Lasting(Arc<(Slot, TaskTrackerToken)>);

impl fmt::Debug for Lasting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lasting({})", Arc::strong_count(&self.0))
    }
}

/// Listens on this address.
///
/// # Errors
/// The address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Otherwise a restarted server would wait until the kernel has forgotten the previous one's connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// Serves until `stop` is cancelled, then drains (promise S13). Returns within the drain time, open streams or not.
pub async fn run(listener: TcpListener, router: Router, state: State, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let close = CancellationToken::new();
    let service = Service { router, bounds: state.bounds, close: close.clone() };
    let accepting = accept(&listener, &state, service, &connections);
    tokio::pin!(accepting);
    tokio::select! {
        () = &mut accepting => {}
        () = stop.cancelled() => {}
    }
    let deadline = Instant::now() + state.settings.drain();
    tracing::info!(replies = state.engine.open_replies(), "Stopping: open replies may end, new ones are refused");
    state.drain.begin();
    state.journals.close();
    // Viewers may still reconnect and see the end of their reply, and health checks get the true state.
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
    // Sockets are closed one after the other; without any there is nothing to wait for.
    let sockets = if state.sockets.count() == 0 { Duration::ZERO } else { state.longest_spread() };
    let last = (Instant::now() + LAST_BYTES + sockets).min(deadline);
    if timeout_at(last, connections.wait()).await.is_err() {
        tracing::info!(connections = connections.len(), "Connections that were still open are cut");
    }
    // The files are complete without it; closing only folds the write-ahead log in.
    let _ = timeout_at(deadline, state.store.close()).await;
}

/// Shared by all connections.
#[derive(Clone)]
struct Service {
    router: Router,
    bounds: Bounds,
    close: CancellationToken,
}

async fn accept(listener: &TcpListener, state: &State, service: Service, connections: &TaskTracker) {
    let places = Slots::new(state.bounds.connections, state.settings.connections_per_address);
    let refusals = Refusals::new();
    let mut pause = SHORTEST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                pause = SHORTEST_PAUSE;
                let Some(place) = places.take(peer.ip()) else {
                    state.metrics.refused("connections");
                    refusals.refuse(socket);
                    continue;
                };
                let lasting = Lasting(Arc::new((place, connections.token())));
                connections.spawn(connection(socket, peer, lasting, service.clone()));
            }
            // The peer has disconnected already.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                state.metrics.accept_failures.inc();
                tracing::warn!(%error, "No connection can be accepted");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn connection(socket: TcpStream, peer: SocketAddr, lasting: Lasting, service: Service) {
    let Service { router, bounds, close } = service;
    if let Err(error) = prepare(&socket, bounds) {
        tracing::debug!(%error, "A socket could not be set up");
        return;
    }
    let outlet = Outlet::new(socket);
    let line = Line::new(outlet.clone());
    let answer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        if request.headers().contains_key(header::UPGRADE) {
            request.extensions_mut().insert(lasting.clone());
        }
        // Of an older version the body is not in chunks.
        if request.version() == Version::HTTP_11 {
            request.extensions_mut().insert(outlet.clone());
        }
        let is_upload = request.uri().path() == UPLOADS;
        let deadline = Instant::now() + if is_upload { bounds.upload_read } else { bounds.body_read };
        // In a box, which is dropped when the answer begins: otherwise each stream would keep its memory.
        Box::pin(router.clone().oneshot(request.map(|body| Body::new(Timely::new(body, deadline)))))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_read)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(Strict::new(line)), answer)
        .with_upgrades();
    tokio::pin!(connection);
    // Polled once, and not for each byte of the connection: all connections share the token's lock.
    let mut closing = Rarely::new(close.cancelled());
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = &mut closing => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "A connection ended early");
    }
}

fn prepare(socket: &TcpStream, bounds: Bounds) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    // Linux counts a window that stays closed as well: a stopped reader's kernel goes on acknowledging.
    socket.set_tcp_user_timeout(Some(bounds.user_timeout))?;
    Ok(())
}
