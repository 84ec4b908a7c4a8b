//! A connection's way out, past its own task.
//!
//! What goes to thousands of viewers is the same bytes for all of them. A task that wakes up, asks its cursor, and hands
//! the bytes through HTTP's layers costs several times the write itself. So an event that goes to many is written to each
//! idle connection directly, and only a connection that cannot take it now is left to its task.
//!
//! The task's own writes go through the same lock, and the bytes of the two never mix: what one of them has begun to
//! write is finished before the other writes.

pub mod fan;
pub mod framing;

use crate::server::sync::lock;
use bytes::{Buf, Bytes};
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::poll_proceed;

/// A connection that may be written to directly. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outlet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: TcpStream,
    writing: Mutex<Writing>,
}

#[derive(Debug, Default)]
struct Writing {
    /// What the socket did not take of the last direct write.
    rest: Bytes,
    /// The task has begun to write, or has bytes that come first.
    is_held: bool,
    is_closed: bool,
}

impl Outlet {
    pub fn new(socket: TcpStream) -> Self {
        Self(Arc::new(Inner { socket, writing: Mutex::default() }))
    }

    /// Keeps direct writes back until the connection's task has flushed all that it has to write.
    pub fn hold(&self) {
        lock(&self.0.writing).is_held = true;
    }

    /// Writes all of it, now or as soon as the client reads, before anything else. False: nothing was written, since
    /// something else comes first or the client is slow.
    pub fn write(&self, bytes: &Bytes) -> bool {
        let mut writing = lock(&self.0.writing);
        if writing.is_held || writing.is_closed || !writing.rest.is_empty() {
            return false;
        }
        // Another error is one that the task meets as well.
        let Ok(written) = self.0.socket.try_write(bytes) else { return false };
        if written < bytes.len() {
            writing.rest = bytes.slice(written..);
            tokio::spawn(self.clone().finish());
        }
        true
    }

    /// Writes what is left of a direct write.
    async fn finish(self) {
        while self.0.socket.writable().await.is_ok() {
            match self.0.write_rest(&mut lock(&self.0.writing)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => return,
            }
        }
    }
}

impl Inner {
    fn write_rest(&self, writing: &mut Writing) -> io::Result<()> {
        while !writing.rest.is_empty() {
            let written = self.socket.try_write(&writing.rest)?;
            writing.rest.advance(written);
        }
        // What it is a part of may be large, or shared.
        writing.rest = Bytes::new();
        Ok(())
    }

    /// Calls `write` once what is left of a direct write is written.
    fn poll<T>(
        &self,
        context: &mut Context<'_>,
        mut write: impl FnMut(&mut Writing) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            {
                let mut writing = lock(&self.writing);
                match self.write_rest(&mut writing).and_then(|()| write(&mut writing)) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    done => return Poll::Ready(done),
                }
            }
            ready!(self.socket.poll_write_ready(context))?;
        }
    }
}

/// The connection as its own task has it. Dropped, it is closed.
#[derive(Debug)]
pub struct Line(Outlet);

impl Line {
    pub fn new(outlet: Outlet) -> Self {
        Self(outlet)
    }

    fn inner(&self) -> &Inner {
        &self.0.0
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut writing = lock(&self.inner().writing);
        writing.is_closed = true;
        if !writing.rest.is_empty() {
            // Ends the task that waits for the client to read it. The peer may have closed it already.
            let _ = SockRef::from(&self.inner().socket).shutdown(Shutdown::Both);
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = &self.inner().socket;
        loop {
            ready!(socket.poll_read_ready(context))?;
            match socket.try_read_buf(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(drop)),
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = self.inner();
        // Where what is to be written and who reads it are always ready, the other tasks of this thread have their turn too.
        let budget = ready!(poll_proceed(context));
        let written = inner.poll(context, |writing| {
            let written = inner.socket.try_write_vectored(pieces)?;
            // Until it is flushed, the rest comes before anything else.
            let all: usize = pieces.iter().map(|piece| piece.len()).sum();
            writing.is_held |= written < all;
            Ok(written)
        });
        if written.is_ready() {
            budget.made_progress();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Called by the task once it has written all that it has.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll(context, |writing| {
            writing.is_held = false;
            Ok(())
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let inner = self.inner();
        inner.poll(context, |_| SockRef::from(&inner.socket).shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tests::rng::Dice;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// The two ends of a connection whose buffers hold little.
    pub(in crate::server) async fn connection() -> (Outlet, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (far, near) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (far, near) = (far.unwrap(), near.unwrap().0);
        SockRef::from(&near).set_send_buffer_size(8 << 10).unwrap();
        SockRef::from(&far).set_recv_buffer_size(8 << 10).unwrap();
        (Outlet::new(near), far)
    }

    /// A piece that says whose it is and how long: mixed with another, it cannot be read.
    fn piece(whose: u8, length: usize) -> Vec<u8> {
        let mut piece = vec![whose];
        piece.extend((length as u32).to_be_bytes());
        piece.resize(5 + length, whose);
        piece
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_written_directly_and_by_the_task_never_mixes() {
        let (outlet, mut far) = connection().await;
        let mut line = Line::new(outlet.clone());
        let task = tokio::spawn(async move {
            let mut dice = Dice::new(1);
            for _ in 0..300 {
                line.write_all(&piece(b't', dice.below(40_000) as usize)).await.unwrap();
                line.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
            line
        });
        let others = tokio::spawn(async move {
            let (mut dice, mut written) = (Dice::new(2), 0);
            while !task.is_finished() {
                written += usize::from(outlet.write(&piece(b'd', dice.below(20_000) as usize).into()));
                tokio::task::yield_now().await;
            }
            // Dropping the line would cut off what the other end has not read of the last one.
            let mut line = task.await.unwrap();
            line.shutdown().await.unwrap();
            written
        });
        let (mut counts, mut head) = ([0, 0], [0; 5]);
        while far.read_exact(&mut head).await.is_ok() {
            let mut body = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize];
            far.read_exact(&mut body).await.unwrap();
            assert!(body.iter().all(|byte| *byte == head[0]), "the pieces are mixed");
            counts[usize::from(head[0] == b'd')] += 1;
        }
        let written = others.await.unwrap();
        assert!(0 < written, "nothing was written directly");
        assert_eq!(counts, [300, written]);
    }

    #[tokio::test]
    async fn a_task_that_could_write_without_end_lets_others_have_their_turn() {
        let (outlet, _far) = connection().await;
        let mut line = Line::new(outlet);
        let written = std::future::poll_fn(|context| {
            let mut write = || Pin::new(&mut line).poll_write(context, b"x");
            Poll::Ready((0..1000).take_while(|_| write().is_ready()).count())
        });
        // The buffers of the connection hold several times as much.
        assert!((1..1000).contains(&written.await));
    }

    #[tokio::test]
    async fn nothing_is_written_directly_before_what_the_task_holds() {
        let (outlet, _far) = connection().await;
        let mut line = Line::new(outlet.clone());
        let bytes = Bytes::from_static(b"x");
        assert!(outlet.write(&bytes));
        outlet.hold();
        assert!(!outlet.write(&bytes));
        line.flush().await.unwrap();
        assert!(outlet.write(&bytes));
        drop(line);
        assert!(!outlet.write(&bytes), "it is closed");
    }
}
