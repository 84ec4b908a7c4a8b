use super::*;
use futures::task::AtomicWaker;
use hyper_util::client::proxy::matcher::Matcher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CONNECT: Duration = Duration::from_secs(5);
const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

fn no_proxy() -> Matcher {
    Matcher::builder().build()
}

/// A server that a test plays, and the way to it.
async fn server() -> (TcpListener, Direct) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    (listener, Direct::new(&base, CONNECT, &no_proxy()).unwrap())
}

fn post(direct: &Direct) -> Request<Body> {
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("k"));
    direct.post(path("http://model/v1/chat?a=b").unwrap(), &headers, "tests", b"{}".to_vec())
}

async fn send(direct: &Direct) -> Answer {
    direct.send(post(direct)).await.unwrap_or_else(|unsent| match unsent {
        Unsent::Connect(error) => panic!("{error}"),
        Unsent::Http(error) => panic!("{error}"),
    })
}

/// The request that arrives, without its order of headers.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"{}") {
        assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0, "it was closed");
    }
    String::from_utf8(read).unwrap()
}

async fn write(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn piece(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Completes when the other side has closed.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    stream.read_to_end(&mut rest).await.ok();
    assert!(rest.is_empty());
}

async fn rest(answer: &mut Answer) -> String {
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_request_says_what_a_server_needs() {
    let (listener, direct) = server().await;
    let asking = tokio::spawn(async move { send(&direct).await.status });
    let (mut stream, _) = listener.accept().await.unwrap();
    let asked = request(&mut stream).await;
    let host = listener.local_addr().unwrap();
    assert!(asked.starts_with("POST /v1/chat?a=b HTTP/1.1\r\n"), "{asked}");
    for header in
        [format!("host: {host}"), "user-agent: tests".into(), "x-api-key: k".into(), "content-length: 2".into()]
    {
        assert!(asked.contains(&format!("\r\n{header}\r\n")), "{asked}");
    }
    write(&mut stream, HEAD).await;
    assert_eq!(asking.await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn a_connection_serves_again_once_its_answer_is_read_and_not_before() {
    let (listener, direct) = server().await;
    let playing = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        for round in 0..3 {
            request(&mut first).await;
            write(&mut first, &format!("{HEAD}{}0\r\n\r\n", piece(&format!("round {round}")))).await;
        }
        // The one that was not read to its end.
        request(&mut first).await;
        write(&mut first, &format!("{HEAD}{}", piece("a part"))).await;
        closed(&mut first).await;
        let (mut second, _) = listener.accept().await.unwrap();
        request(&mut second).await;
        write(&mut second, &format!("{HEAD}{}0\r\n\r\n", piece("anew"))).await;
        second
    });
    for round in 0..3 {
        let mut answer = send(&direct).await;
        assert_eq!(rest(&mut answer).await, format!("round {round}"));
    }
    let mut answer = send(&direct).await;
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "a part");
    drop(answer);
    assert_eq!(rest(&mut send(&direct).await).await, "anew");
    drop(playing.await.unwrap());
}

#[tokio::test]
async fn a_connection_serves_again_when_the_end_comes_after_the_reply() {
    let (listener, direct) = server().await;
    let playing = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        write(&mut stream, &format!("{HEAD}{}", piece("all"))).await;
        (stream, listener)
    });
    let mut answer = send(&direct).await;
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "all");
    let (mut stream, listener) = playing.await.unwrap();
    let idle = Arc::clone(&direct.idle);
    answer.finish();
    write(&mut stream, "0\r\n\r\n").await;
    let kept = async {
        while idle.count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(LAST_BYTES, kept).await.expect("the connection was not kept");
    let again = tokio::spawn(async move { rest(&mut send(&direct).await).await });
    request(&mut stream).await;
    write(&mut stream, &format!("{HEAD}{}0\r\n\r\n", piece("again"))).await;
    assert_eq!(again.await.unwrap(), "again");
    drop(listener);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_used() {
    let (listener, direct) = server().await;
    let playing = tokio::spawn(async move {
        for round in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            write(&mut stream, &format!("{HEAD}{}0\r\n\r\n", piece(&format!("round {round}")))).await;
        }
    });
    for round in 0..3 {
        let mut answer = send(&direct).await;
        assert_eq!(rest(&mut answer).await, format!("round {round}"));
        drop(answer);
        // The server has closed when the connection says so.
        while direct.idle.clean() {
            tokio::task::yield_now().await;
        }
    }
    playing.await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_says_how() {
    for (end, is_end) in [("5\r\nab", true), ("not a length\r\n", false)] {
        let (listener, direct) = server().await;
        let playing = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            write(&mut stream, &format!("{HEAD}{}{end}", piece("so far"))).await;
        });
        let mut answer = send(&direct).await;
        let mut text = Vec::new();
        let error = loop {
            match answer.chunk().await {
                Ok(chunk) => text.extend_from_slice(&chunk.expect("it breaks off")),
                Err(error) => break error,
            }
        };
        assert!(text.starts_with(b"so far"));
        assert_eq!(super::super::answered::Lost::Http(error).is_end(), is_end, "{end}");
        playing.await.unwrap();
    }
}

/// Counts how often a task is woken.
struct Counted {
    wakes: AtomicUsize,
    task: AtomicWaker,
}

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.task.wake();
    }
}

/// The future's result, and how often its task was woken.
async fn counting<T>(future: impl Future<Output = T>) -> (T, usize) {
    let counted = Arc::new(Counted { wakes: AtomicUsize::new(0), task: AtomicWaker::new() });
    let waker = Waker::from(Arc::clone(&counted));
    let mut future = pin!(future);
    let result = poll_fn(|context| {
        counted.task.register(context.waker());
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await;
    (result, counted.wakes.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_piece_wakes_the_task_of_its_reply_once() {
    const PIECES: usize = 100;
    let (listener, direct) = server().await;
    let (read, mut reads) = tokio::sync::mpsc::unbounded_channel();
    let playing = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        write(&mut stream, HEAD).await;
        for _ in 0..PIECES {
            write(&mut stream, &piece("a piece")).await;
            reads.recv().await.unwrap();
        }
        write(&mut stream, "0\r\n\r\n").await;
        stream
    });
    let reading = async {
        let mut answer = send(&direct).await;
        while let Some(chunk) = answer.chunk().await.unwrap() {
            assert_eq!(chunk, "a piece");
            read.send(()).unwrap();
        }
    };
    let ((), wakes) = counting(reading).await;
    drop(playing.await.unwrap());
    // One for each, and some to connect, for the head, and for the end.
    assert!((PIECES..PIECES + 10).contains(&wakes), "{wakes}");
}

#[test]
fn only_a_server_without_tls_and_without_a_proxy_is_asked_directly() {
    let proxy = || Matcher::builder().http("http://proxy:3128").no("local").build();
    for (base, proxies, is_direct) in [
        ("http://127.0.0.1:11434", no_proxy(), true),
        ("http://[::1]:11434/v1", no_proxy(), true),
        ("https://models.example.com/v1", no_proxy(), false),
        ("http://models.example.com/v1", proxy(), false),
        ("http://models.local/v1", proxy(), true),
    ] {
        assert_eq!(Direct::new(base, CONNECT, &proxies).is_some(), is_direct, "{base}");
    }
}
