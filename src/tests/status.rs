//! `/status`: what it tells everybody, and that it is not there unless it is turned on.

use super::app::App;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ON: &str = "--status-page=on";

async fn page(app: &App) -> (StatusCode, String) {
    let answer = app.stranger(Method::GET, "/status").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    (answer.status(), answer.text().await.unwrap())
}

/// The words of the page, without its tags and its ids.
fn words(html: &str) -> String {
    let body = html.split_once("<main").unwrap().1;
    body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_there_is_no_status_page() {
    let app = App::start().await;
    let answer = app.stranger(Method::GET, "/status").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_read_whether_it_works_and_reaches_its_providers() {
    let app = App::with(&[ON]).await;
    let (status, html) = page(&app).await;
    assert_eq!(status, StatusCode::OK);
    let words = words(&html);
    assert!(words.contains("Everything works.") && words.contains("Running since"), "{words}");
    for name in ["anthropic", "openai", "mistral", "gemini", "ollama", "responses"] {
        assert!(words.contains(&format!("{name} ")), "{name} is not in {words}");
    }
    assert!(!words.contains("not reached"), "{words}");
    for secret in
        ["key-of-the-test", app.upstream.url().trim_start_matches("http://"), "mock", env!("CARGO_PKG_VERSION")]
    {
        assert!(!html.contains(secret), "{secret} is in {html}");
    }
}

/// A server that answers 502 to everything, as a proxy does whose provider is down, and counts.
async fn broken() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n")
                && let Ok(byte) = socket.read_u8().await
            {
                head.push(byte);
            }
            socket.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.ok();
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_not_reached() {
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (broken, _) = broken().await;
    let app =
        App::with(&[ON, &format!("--gemini-base-url={broken}"), &format!("--ollama-host=http://{refused}")]).await;
    let (status, html) = page(&app).await;
    let words = words(&html);
    assert_eq!(status, StatusCode::OK, "others answer");
    assert_eq!(words.matches("not reached").count(), 3, "two, and the sentence about them: {words}");
    assert!(!words.contains("Everything works."), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_look_are_told_what_one_look_found() {
    let (broken, asked) = broken().await;
    let app = App::with(&[ON, &format!("--gemini-base-url={broken}")]).await;
    join_all((0..20).map(|_| page(&app))).await;
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the provider");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_nothing_is_told() {
    let app = App::with(&[ON]).await;
    app.state.store.close().await;
    let (status, html) = page(&app).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(words(&html).contains("New messages are not taken right now."), "{html}");
}
