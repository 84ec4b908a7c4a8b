//! Many viewers that read nothing, and many that reconnect at the same time: rows F21 and F26 of the fault matrix.
//!
//! Each test is a process of its own: they need many files, and the first measures memory.

use super::alone::alone;
use super::app::{App, Frame, Sent, Sse, said};
use super::chaos::{Faults, Line};
use super::invariants::assert_sound;
use super::upstream::script::Script;
use super::viewer::{Viewer, client};
use crate::server::bounds::Bounds;
use crate::server::transport::KEEP_ALIVE;
use futures::future::join_all;
use reqwest::{Response, StatusCode};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const MANY_FILES: &str = "ulimit -S -n $(ulimit -H -n)";
const STOPPED: usize = 100;
/// As much as a reply may have, nearly, and small enough pieces for many events.
const LARGE_CHARS: usize = 900_000;
const REPLIES: usize = 4;
/// What a stopped reader may hold in this process: hyper's buffer of at most 408 KiB, and some for the rest. A
/// queue of its events would be 4 MiB.
const MAX_KIB: u64 = 512;

/// A client that asks, reads the answer's head and stops there.
async fn stopped_reader(app: &App, conversation: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // Else the kernel would read for it.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(app.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let path = format!("/api/v1/conversations/{conversation}/events");
    let ask = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\n\r\n", app.cookie);
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    stream
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Large replies, one after the other, to a client that reads.
async fn large_replies(app: &App, conversation: &str) {
    let script = Script { text: Some("word ".repeat(LARGE_CHARS / 5)), piece_chars: 200, ..Script::default() };
    // Too long to be told in a message.
    app.upstream.script(script.clone());
    let path = format!("/api/v1/conversations/{conversation}/messages");
    for _ in 0..REPLIES {
        let sent = Sent::of(&app.post(&path, json!({ "content": "Go on" })).await.json().await.unwrap());
        let frames = app.rest_of(conversation, &sent).await;
        assert_sound(app, &sent.reply, &[&frames[1..]], &script.full_text()).await;
    }
}

#[test]
fn f21_viewers_that_read_nothing_cost_others_nothing_and_little_memory() {
    let name = "tests::storms::f21_viewers_that_read_nothing_cost_others_nothing_and_little_memory";
    alone(name, MANY_FILES, async {
        let app = App::start().await;
        // What the replies themselves take, their journal and the client's events.
        for _ in 0..2 {
            large_replies(&app, &app.conversation().await).await;
        }
        let before = rss_kib();
        large_replies(&app, &app.conversation().await).await;
        let alone = rss_kib().saturating_sub(before);

        let conversation = app.conversation().await;
        let stopped = join_all((0..STOPPED).map(|_| stopped_reader(&app, &conversation))).await;
        let before = rss_kib();
        large_replies(&app, &conversation).await;
        let grown = rss_kib().saturating_sub(before);
        assert!(grown < alone + STOPPED as u64 * MAX_KIB, "{grown} KiB with them, {alone} KiB without");
        // They are still connected: the memory was not freed by their leaving.
        assert_eq!(app.state.limits.open_streams(), STOPPED);
        drop(stopped);
    });
}

/// Their kernels go on acknowledging: the test counts that their windows stay closed.
#[tokio::test(flavor = "multi_thread")]
async fn f21_viewers_that_read_nothing_are_let_go_of() {
    let app = App::bounded(Bounds { user_timeout: Duration::from_secs(1), ..Bounds::default() }).await;
    let conversation = app.conversation().await;
    let stopped = join_all((0..10).map(|_| stopped_reader(&app, &conversation))).await;
    assert_eq!(app.state.limits.open_streams(), 10);
    // Others read on meanwhile.
    large_replies(&app, &conversation).await;
    let gone = async {
        while app.state.limits.open_streams() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("they are let go of");
    drop(stopped);
}

/// A client that is silent because there is nothing to read gets a keep-alive every ten seconds.
#[test]
fn f21_f22_the_limit_is_thirty_seconds() {
    assert!(Bounds::default().user_timeout + KEEP_ALIVE <= Duration::from_secs(30));
}

const FOLLOWERS: usize = 1_000;

#[test]
fn f26_a_thousand_viewers_cut_at_once_come_back_and_miss_nothing() {
    let name = "tests::storms::f26_a_thousand_viewers_cut_at_once_come_back_and_miss_nothing";
    alone(name, MANY_FILES, async {
        let app = App::with(&["--streams=5000"]).await;
        let conversation = app.conversation().await;
        let line = Line::to(&app.url, Faults::default(), 26).await;
        // Waits in its middle until everybody has been cut.
        let script = Script { pieces: 40, thinking: 1, thinking_ms: 10_000, gap_ms: 25, ..Script::default() };
        let sent = app.send(&conversation, &script).await;
        let client = client();
        let viewer = |_| Viewer::new(&client, &app, &line.url, &conversation, &sent.cursor);
        let mut viewers: Vec<Viewer> = (0..FOLLOWERS).map(viewer).collect();
        let streams = join_all(viewers.iter_mut().map(Viewer::connect)).await;
        let mut streams: Vec<Sse> = streams.into_iter().map(|stream| stream.expect("no line is cut yet")).collect();
        let first = viewers
            .iter_mut()
            .zip(&mut streams)
            .map(async |(viewer, events)| while viewer.take(events).await.unwrap().data["text"] != "thought0" {});
        join_all(first).await;

        line.reset_all();
        // Events from before the cut that were not read yet come again.
        join_all(streams.into_iter().map(async |mut events| while events.next().await.is_some() {})).await;
        // `connect` asserts that each is answered with 200.
        join_all(viewers.iter_mut().map(|viewer| viewer.until_end(&sent.reply))).await;
        let again = viewers.iter().filter(|viewer| viewer.connections == 2).count();
        assert_eq!(again, FOLLOWERS, "once each");
        let seen: Vec<&[Frame]> = viewers.iter().map(|viewer| viewer.frames.as_slice()).collect();
        assert_sound(&app, &sent.reply, &seen, &script.full_text()).await;
    });
}

#[test]
fn f26_a_restart_spreads_its_viewers_and_takes_them_all_at_once_if_need_be() {
    let name = "tests::storms::f26_a_restart_spreads_its_viewers_and_takes_them_all_at_once_if_need_be";
    alone(name, MANY_FILES, async {
        let app = App::with(&["--streams=5000"]).await;
        let conversation = app.conversation().await;
        let script = Script::default();
        let sent = app.send(&conversation, &script).await;
        app.rest_of(&conversation, &sent).await;
        let streams = join_all((0..FOLLOWERS).map(|_| app.follow(&conversation, None))).await;
        app.stop.cancel();
        let hints = join_all(streams.into_iter().map(told_to_come_back)).await;
        assert_spread(&hints);

        let App { folder, upstream, served, cookie, .. } = app;
        served.await.unwrap();
        let mut app = App::on(folder, upstream, &["--streams=5000"]).await;
        app.cookie = cookie;
        let client = client();
        let back = join_all((0..FOLLOWERS).map(|_| come_back(&client, &app, &conversation, &sent))).await;
        for frame in &back {
            assert_eq!(frame.event, "snapshot", "another life");
            assert_eq!(frame.data["messages"][1]["text"], script.full_text());
        }
    });
}

/// Reads on to the end of the stream; returns its `retry`, in milliseconds.
async fn told_to_come_back(mut events: Sse) -> u64 {
    let frame = events.next().await.unwrap();
    assert_eq!(said(&[frame]), "");
    assert_eq!(events.next().await, None);
    events.retry.expect("it is told when to come back")
}

async fn come_back(client: &reqwest::Client, app: &App, conversation: &str, sent: &Sent) -> Frame {
    let url = format!("{}/api/v1/conversations/{conversation}/events", app.url);
    let request = client.get(url).header("cookie", &app.cookie).header("last-event-id", &sent.cursor);
    let response: Response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    Sse::new(response).next().await.unwrap()
}

/// Each half second gets about an equal number.
fn assert_spread(hints: &[u64]) {
    let from = |start: u64| hints.iter().filter(|hint| (start..start + 500).contains(hint)).count();
    let counts: Vec<usize> = (500..5_000).step_by(500).map(from).collect();
    assert_eq!(counts.iter().sum::<usize>(), hints.len(), "from half a second to five");
    let fair = hints.len() / counts.len();
    assert!(counts.iter().all(|count| (fair / 2..fair * 2).contains(count)), "{counts:?}");
}
