//! Frames that RFC 6455 does not allow, as in the Autobahn test suite: they end their own connection, and no other.

use super::client::{ALLOWED, Client};
use crate::tests::app::App;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A frame with a mask of zeros, so that it is sent as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A connection that is upgraded by hand, its first message read.
async fn raw(app: &App) -> TcpStream {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "GET /app/{} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        app.state.sockets.app.key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    until(&mut stream, "connection_established").await;
    stream
}

async fn until(stream: &mut TcpStream, mark: &str) {
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    while !seen.contains(mark) {
        let read =
            tokio::time::timeout(Duration::from_secs(20), stream.read(&mut buffer)).await.expect("silent").unwrap();
        assert_ne!(read, 0, "closed before {mark}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

async fn is_closed(stream: &mut TcpStream, what: &str) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "{what}: the connection stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a39_malformed_frames_end_their_connection_only() {
    let app = App::with(&[ALLOWED]).await;
    let mut bystander = Client::connect(&app).await;
    let mut unmasked = frame(0x81, b"{}");
    unmasked[1] &= 0x7f;
    unmasked.drain(2..6);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("bad UTF-8", frame(0x81, b"\"\xc3\x28\"")),
        ("bad UTF-8 over two fragments", [frame(0x01, b"\xce"), frame(0x80, b"\xff")].concat()),
        ("a reserved bit", frame(0xc1, b"{}")),
        ("a reserved opcode", frame(0x83, b"{}")),
        ("a reserved control opcode", frame(0x8b, b"")),
        ("no mask", unmasked),
        ("a fragmented ping", frame(0x09, b"x")),
        ("a long ping", frame(0x89, &[b'x'; 126])),
        ("a continuation of nothing", frame(0x80, b"x")),
        ("a text within a fragmented text", [frame(0x01, b"{"), frame(0x81, b"}")].concat()),
        ("a long message", frame(0x81, &[b' '; 20_000])),
        ("a long message in fragments", [frame(0x01, &[b' '; 9_000]), frame(0x00, &[b' '; 9_000])].concat()),
        ("a length of 2^63", [vec![0x81, 0xff], (u64::MAX >> 1).to_be_bytes().to_vec(), vec![0; 4]].concat()),
        ("an odd close code", frame(0x88, &[0x03, 0xec])),
    ];
    for (what, bytes) in cases {
        let mut stream = raw(&app).await;
        // It may be closed before all of it is written.
        stream.write_all(&bytes).await.ok();
        is_closed(&mut stream, what).await;
    }
    bystander.frame(&json!({ "event": "pusher:ping" })).await;
    assert_eq!(bystander.next().await.name, "pusher:pong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goodbye_is_answered() {
    let app = App::with(&[ALLOWED]).await;
    for said in [&[][..], &1000_u16.to_be_bytes(), &4999_u16.to_be_bytes()] {
        let mut stream = raw(&app).await;
        stream.write_all(&frame(0x88, said)).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("stays open").unwrap();
        assert_eq!(answer, [&[0x88, said.len() as u8], said].concat(), "the same back, then the end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_but_allowed_frames_are_read() {
    let app = App::with(&[ALLOWED]).await;
    let mut stream = raw(&app).await;
    let ping = br#"{"event":"pusher:ping","data":{}}"#;
    let pieces = [frame(0x01, &ping[..9]), frame(0x89, b"in between"), frame(0x00, b""), frame(0x80, &ping[9..])];
    for byte in pieces.concat() {
        stream.write_all(&[byte]).await.unwrap();
    }
    until(&mut stream, "pusher:pong").await;
    for wrong in ["nothing", "[]", "{}", "{\"event\":1}", "\"\\ud800\"", "{\"event\":\"pusher:subscribe\",\"data\":5}"]
    {
        stream.write_all(&frame(0x81, wrong.as_bytes())).await.unwrap();
        until(&mut stream, "Invalid message format").await;
    }
    stream.write_all(&frame(0x82, b"binary")).await.unwrap();
    until(&mut stream, "Invalid message format").await;
    stream.write_all(&frame(0x81, br#"{"event":"pusher:signin","data":{}}"#)).await.unwrap();
    stream.write_all(&frame(0x81, ping)).await.unwrap();
    until(&mut stream, "pusher:pong").await;
}
