//! Viewers who wait are written to without being woken, and see the same as any other.

use super::app::{App, assert_contiguous, said};
use super::upstream::script::Script;
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Further apart than pieces are merged over, so that each is an event.
fn slow(pieces: usize) -> Script {
    Script { pieces, gap_ms: 25, multibyte: true, ..Script::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_of_a_reply_are_not_woken_for_its_pieces() {
    let app = App::start().await;
    let (conversation, script) = (app.conversation().await, slow(60));
    // More than one task writes to.
    let mut followers = join_all((0..80).map(|_| app.follow(&conversation, None))).await;
    let sent = app.send(&conversation, &script).await;
    for seen in join_all(followers.iter_mut().map(|events| events.until_end(&sent.reply))).await {
        assert_contiguous(&seen[1..]);
        assert_eq!(said(&seen), script.full_text());
    }
    let written = app.state.journals.written_directly();
    assert!(80 * 40 < written, "of 80 followers and 60 pieces {written} were written directly");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_an_older_http_gets_no_chunks() {
    let app = App::start().await;
    let (conversation, script) = (app.conversation().await, slow(10));
    let mut socket = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!("GET /api/v1/conversations/{conversation}/events HTTP/1.0\r\ncookie: {}\r\n\r\n", app.cookie);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !contains(&read, "event: snapshot") {
        assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0);
    }
    app.send(&conversation, &script).await;
    while !contains(&read, "event: done") {
        assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0);
    }
    let text = String::from_utf8(read).unwrap();
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    let fields = ["event: ", "id: ", "data: ", ":", "retry: "];
    let other = body.lines().find(|line| !line.is_empty() && !fields.iter().any(|field| line.starts_with(field)));
    assert_eq!(other, None);
    assert_eq!(app.state.journals.written_directly(), 0);
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
