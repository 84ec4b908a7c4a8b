//! As much of HTTP/1.1 as the tests' clients speak, with control over every byte written.

use std::{collections::BTreeMap, io, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    time::sleep,
};

const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Long conversations with pictures in them fit.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A short answer, in one write.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// Reads one request; none if the client closes the connection in place of sending one. `buffer` keeps what was read
/// beyond it.
pub(super) async fn read(stream: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<Option<Request>> {
    let head_length = loop {
        if let Some(at) = buffer.windows(HEAD_END.len()).position(|window| window == HEAD_END) {
            break at + HEAD_END.len();
        }
        if MAX_HEAD_BYTES < buffer.len() {
            return Err(invalid("the head of the request is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = buffer.split_to(head_length);
    let mut request = parse(&String::from_utf8_lossy(&head)).ok_or_else(|| invalid("not a request"))?;
    request.body = read_body(stream, buffer, &request.headers).await?;
    Ok(Some(request))
}

async fn read_body(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    headers: &BTreeMap<String, String>,
) -> io::Result<Vec<u8>> {
    if headers.contains_key("transfer-encoding") {
        return Err(invalid("a request without a content-length is not supported"));
    }
    let length = headers.get("content-length").map_or(Ok(0), |length| length.parse());
    let length: usize = length.map_err(|_| invalid("the content-length is not a number"))?;
    if MAX_BODY_BYTES < length {
        return Err(invalid("the body of the request is too long"));
    }
    if headers.contains_key("expect") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.split_to(length).to_vec())
}

fn parse(head: &str) -> Option<Request> {
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    Some(Request { method: method.into(), path: path.into(), headers: headers.collect(), body: Vec::new() })
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Returns when the client has closed the connection. What it sends instead, a next request, stays in `buffer`.
pub(super) async fn gone(reader: &mut ReadHalf<'_>, buffer: &mut BytesMut) {
    while buffer.len() < MAX_BODY_BYTES {
        if let Ok(0) | Err(_) = reader.read_buf(buffer).await {
            return;
        }
    }
}

pub(super) async fn write(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let Reply { status, content_type, body } = reply;
    let length = body.len();
    let head = format!("HTTP/1.1 {status} \r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).await
}

/// A body in HTTP chunks: one chunk and one TCP write for each write, or for each slice.
pub(super) struct Body<'a, 'b> {
    writer: &'a mut WriteHalf<'b>,
    slice: Option<usize>,
    drip: Duration,
    /// Less than a slice, waiting for more.
    rest: Vec<u8>,
}

impl<'a, 'b> Body<'a, 'b> {
    /// Writes the head of the response, whose lines are `headers`.
    pub(super) async fn start(
        writer: &'a mut WriteHalf<'b>,
        status: u16,
        headers: &str,
        slice: Option<usize>,
        drip: Duration,
    ) -> io::Result<Self> {
        let head = format!("HTTP/1.1 {status} \r\ntransfer-encoding: chunked\r\n{headers}\r\n");
        writer.write_all(head.as_bytes()).await?;
        Ok(Self { writer, slice, drip, rest: Vec::new() })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(slice) = self.slice else {
            return self.chunk(bytes).await;
        };
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let slices = rest.chunks_exact(slice.max(1));
        self.rest = slices.remainder().to_vec();
        for slice in slices {
            self.chunk(slice).await?;
            pause(self.drip).await;
        }
        Ok(())
    }

    /// Writes the last slice, though it may be a short one.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.rest);
        self.chunk(&rest).await
    }

    pub(super) async fn end(mut self) -> io::Result<()> {
        self.flush().await?;
        self.writer.write_all(b"0\r\n\r\n").await
    }

    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        // An empty chunk would be the end of the body.
        if bytes.is_empty() {
            return Ok(());
        }
        let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
        chunk.extend_from_slice(bytes);
        chunk.extend_from_slice(b"\r\n");
        self.writer.write_all(&chunk).await
    }
}

/// Sleeps; not at all for zero, where a timer would still take up to a millisecond.
pub(super) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        sleep(duration).await;
    }
}
