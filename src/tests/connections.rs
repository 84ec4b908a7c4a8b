//! Connections that cost without asking for anything, and too many of them: rows F25 and F41 of the fault matrix.

use super::alone::alone;
use super::app::App;
use crate::server::bounds::Bounds;
use crate::server::serve::slots::Slots;
use std::fs::File;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(20);
const ASK: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const ASK_AND_STAY: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn quick() -> Bounds {
    let short = Duration::from_millis(400);
    Bounds { head_read: short, body_read: short, ..Bounds::default() }
}

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap()
}

/// What comes until the server closes the connection; a reset closes it, too.
async fn rest(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut bytes)).await;
    read.expect("the server closes the connection").ok();
    String::from_utf8(bytes).unwrap()
}

async fn ask(socket: &mut TcpStream) -> String {
    socket.write_all(ASK.as_bytes()).await.unwrap();
    rest(socket).await
}

#[test]
fn f25_the_limits_are_ten_and_thirty_seconds() {
    let Bounds { head_read, body_read, .. } = Bounds::default();
    assert_eq!((head_read, body_read), (Duration::from_secs(10), Duration::from_secs(30)));
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_silent_and_half_requests_are_closed_and_others_are_served() {
    let app = App::bounded(quick()).await;
    let began = Instant::now();
    let mut idle = Vec::new();
    for begin in ["", "G", "GET / HTTP/1.1\r\nhost: localhost\r\n", "PRI * HTTP/2.0\r\n"].iter().cycle().take(100) {
        let mut socket = connect(&app).await;
        socket.write_all(begin.as_bytes()).await.unwrap();
        idle.push(socket);
    }
    assert!(ask(&mut connect(&app).await).await.starts_with("HTTP/1.1 200"));
    for socket in &mut idle {
        let answer = rest(socket).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert!(Duration::from_millis(400) <= began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_a_body_that_drips_is_cut_off() {
    let app = App::bounded(quick()).await;
    for path in ["/chat/stream", "/api/v1/conversations", "/forms/send"] {
        let kind = if path == "/forms/send" { "application/x-www-form-urlencoded" } else { "application/json" };
        let cookie = &app.cookie;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncookie: {cookie}\r\ncontent-type: {kind}\r\ncontent-length: 9999\r\n\r\n"
        );
        let (mut reader, mut writer) = connect(&app).await.into_split();
        writer.write_all(head.as_bytes()).await.unwrap();
        let drip = tokio::spawn(async move {
            // Never silent for long, until the other side has closed.
            while writer.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, reader.read_to_string(&mut answer)).await.expect("it is closed").ok();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{path}: {answer}");
        drop(reader);
        tokio::time::timeout(PATIENCE, drip).await.expect("for good").unwrap();
    }
}

/// Too many, as one of the two limits says. The harness' own client may hold one as well, or just let go of it.
async fn refuses_the_fifth(app: &App) {
    let mut held = Vec::new();
    let answer = loop {
        let mut socket = connect(app).await;
        socket.write_all(ASK_AND_STAY.as_bytes()).await.unwrap();
        let mut begin = [0; 12];
        socket.read_exact(&mut begin).await.unwrap();
        if begin != *b"HTTP/1.1 200" {
            break String::from_utf8_lossy(&begin).into_owned() + &rest(&mut socket).await;
        }
        held.push(socket);
        assert!(held.len() <= 4);
    };
    assert!(3 <= held.len(), "{}", held.len());
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: ") && answer.contains("application/problem+json"), "{answer}");
    assert!(app.metrics().contains("rivulet_refused_total{limit=\"connections\"}"));
    drop(held);
    // Slots are free as soon as the server has seen the ends.
    let freed = async { while !ask(&mut connect(app).await).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_an_address_has_so_many_connections_and_no_more() {
    refuses_the_fifth(&App::with(&["--connections-per-address=4"]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_the_server_has_so_many_connections_and_no_more() {
    refuses_the_fifth(&App::bounded(Bounds { connections: 4, ..Bounds::default() }).await).await;
}

#[test]
fn one_address_does_not_take_the_places_of_others() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let places = Slots::new(5, 2);
    let held: Vec<_> = (0..2).map(|_| places.take(address("192.0.2.1")).unwrap()).collect();
    assert!(places.take(address("192.0.2.1")).is_none());
    assert!(places.take(address("::ffff:192.0.2.1")).is_none(), "the same, written as IPv6");
    let other = places.take(address("192.0.2.2")).unwrap();
    let near = [places.take(address("2001:db8::1")).unwrap(), places.take(address("2001:db8::2")).unwrap()];
    assert!(places.take(address("2001:db8:0:0:9::")).is_none(), "a whole network is one address");
    assert!(places.take(address("2001:db8:0:1::1")).is_none(), "five in all");
    drop(held);
    assert!(places.take(address("192.0.2.1")).is_some());
    drop((other, near));
}

/// The limit on file descriptors is the whole process'.
#[test]
fn f41_without_file_descriptors_the_server_waits_and_recovers() {
    let name = "tests::connections::f41_without_file_descriptors_the_server_waits_and_recovers";
    alone(name, "ulimit -n 100", without_file_descriptors());
}

async fn without_file_descriptors() {
    let app = App::start().await;
    let address = app.url.trim_start_matches("http://").parse().unwrap();
    // Made while there is room: the clients need nothing more.
    let clients: Vec<_> = (0..8).map(|_| TcpSocket::new_v4().unwrap()).collect();
    let mut held = Vec::new();
    let mut fill = || loop {
        match File::open("/dev/null") {
            Ok(file) => held.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(fill().raw_os_error(), Some(24), "EMFILE");
    let began = Instant::now();
    let mut waiting =
        futures::future::try_join_all(clients.into_iter().map(|client| client.connect(address))).await.unwrap();
    let failed = async {
        while app.state.metrics.accept_failures.get() < 4 {
            // A descriptor that the process itself frees must not go to a client.
            fill();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, failed).await.unwrap();
    // Three pauses of 50 ms at the least: it does not spin.
    assert!(Duration::from_millis(150) <= began.elapsed(), "{:?}", began.elapsed());
    drop(held);
    for client in &mut waiting {
        assert!(ask(client).await.starts_with("HTTP/1.1 200"));
    }
    assert!(ask(&mut connect(&app).await).await.starts_with("HTTP/1.1 200"));
}
