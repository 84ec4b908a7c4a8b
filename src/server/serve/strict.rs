//! Refuses request heads with line ends other than CR LF, which HTTP/1.1 requires. hyper also accepts a bare LF, and a
//! proxy in front may not: the two would then disagree on where a request ends.
//!
//! The bytes are checked as they are read. A bare LF in a head is replaced by a NUL, which no head may contain, so that
//! hyper answers 400 by itself and closes. A request's framing is read only as far as needed to find the next head;
//! whether it is valid is for hyper to check.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Length of a line that is kept to read its header and value: the longest is a length, or `chunked` behind other
/// codings.
const MAX_OF_LINE: usize = 128;

/// A connection whose heads are checked.
pub(super) struct Strict<T> {
    inner: T,
    heads: Heads,
}

/// The connection's position within its requests.
#[derive(Default)]
struct Heads {
    at: At,
    /// The beginning of the current line, without its end.
    line: Vec<u8>,
    last: u8,
    framing: Framing,
}

#[derive(Clone, Copy, Default)]
enum At {
    #[default]
    Head,
    /// This number of bytes is left of the body.
    Body(u64),
    /// In the line with a chunk's size.
    Size,
    /// This number of bytes is left of the chunk and its end.
    Chunk(u64),
    Trailer,
    /// The connection is a WebSocket's from here on. (Where the server refuses the upgrade, nothing is checked any more
    /// all the same.)
    Other,
}

/// What a head declares about the body.
#[derive(Clone, Copy, Default)]
struct Framing {
    /// The request line was read.
    begun: bool,
    length: u64,
    chunked: bool,
    upgrade: bool,
}

impl<T> Strict<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, heads: Heads::default() }
    }
}

impl Heads {
    fn look(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let rest = bytes.len() - at;
            match self.at {
                At::Other => return,
                At::Body(left) => {
                    let (skipped, left) = skip(left, rest);
                    at += skipped;
                    self.at = if left == 0 { At::Head } else { At::Body(left) };
                }
                At::Chunk(left) => {
                    let (skipped, left) = skip(left, rest);
                    at += skipped;
                    self.at = if left == 0 { At::Size } else { At::Chunk(left) };
                }
                At::Head | At::Size | At::Trailer => {
                    self.take(bytes, at);
                    at += 1;
                }
            }
        }
    }

    /// The next byte of a line.
    fn take(&mut self, bytes: &mut [u8], at: usize) {
        let byte = bytes[at];
        if byte != b'\n' {
            if byte != b'\r' && self.line.len() < MAX_OF_LINE {
                self.line.push(byte);
            }
            self.last = byte;
            return;
        }
        if self.last != b'\r' {
            bytes[at] = 0;
            return;
        }
        self.last = byte;
        let line = std::mem::take(&mut self.line);
        self.at = self.after(&line);
    }

    /// The state after a line.
    fn after(&mut self, line: &[u8]) -> At {
        match self.at {
            At::Head if line.is_empty() && self.framing.begun => std::mem::take(&mut self.framing).body(),
            At::Head => {
                self.framing.read(line);
                At::Head
            }
            At::Size => match size(line) {
                0 => At::Trailer,
                size => At::Chunk(size.saturating_add(2)),
            },
            At::Trailer if line.is_empty() => At::Head,
            at => at,
        }
    }
}

/// How many of `rest` bytes belong to a part with `left` bytes to come, and how many of those are left then.
fn skip(left: u64, rest: usize) -> (usize, u64) {
    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(rest);
    (skipped, left - skipped as u64)
}

/// The size of a chunk. An invalid size ends the connection: hyper answers it.
fn size(line: &[u8]) -> u64 {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0)
}

impl Framing {
    fn read(&mut self, line: &[u8]) {
        if !std::mem::replace(&mut self.begun, !line.is_empty()) {
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()).unwrap_or(0);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.chunked = value.to_ascii_lowercase().ends_with(b"chunked");
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrade = value.eq_ignore_ascii_case(b"websocket");
        }
    }

    fn body(self) -> At {
        match self {
            Self { upgrade: true, .. } => At::Other,
            Self { chunked: true, .. } => At::Size,
            Self { length: 0, .. } => At::Head,
            Self { length, .. } => At::Body(length),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Strict<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { inner, heads } = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(inner).poll_read(context, buffer);
        heads.look(&mut buffer.filled_mut()[before..]);
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Strict<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of bare line ends found, however the bytes are split.
    fn found(requests: &[u8]) -> usize {
        let found = |length: usize| {
            let (mut heads, mut bytes) = (Heads::default(), requests.to_vec());
            bytes.chunks_mut(length).for_each(|piece| heads.look(piece));
            bytes.iter().filter(|byte| **byte == 0).count()
        };
        let at_once = found(requests.len());
        assert!((1..20).all(|length| found(length) == at_once), "{:?}", String::from_utf8_lossy(requests));
        at_once
    }

    #[test]
    fn z42_a_bare_line_end_in_a_head_is_found() {
        assert_eq!(found(b"GET / HTTP/1.1\nhost: a\r\n\r\n"), 1);
        assert_eq!(found(b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n"), 1);
        assert_eq!(found(b"GET / HTTP/1.1\r\nhost: a\r\n\n"), 1);
        assert_eq!(found(b"\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"), 1);
        assert_eq!(found(b"\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n"), 0);
    }

    #[test]
    fn z42_a_body_may_hold_any_and_the_next_head_is_looked_at_again() {
        let next = b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n";
        let post = |framing: &str, body: &str| {
            let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}");
            [head.as_bytes(), next].concat()
        };
        assert_eq!(found(&post("Content-Length: 5", "a\nb\n\n")), 1);
        assert_eq!(found(&post("content-length:0", "")), 1);
        assert_eq!(found(&post("Transfer-Encoding: chunked", "5;x=y\r\na\nb\n\n\r\n1\r\n\n\r\n0\r\n\r\n")), 1);
        assert_eq!(found(&post("transfer-encoding: chunked", "0\r\nx: y\r\n\r\n")), 1);
        assert_eq!(found(&post("Upgrade: websocket", "a\nb\n")), 0, "what follows is no request");
    }
}
