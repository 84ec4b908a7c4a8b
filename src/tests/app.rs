//! Boots the real router on a free port, with a fresh database and a scriptable model API.

use super::services;
use super::upstream::Upstream;
use super::upstream::script::Script;
use crate::app::shell;
use crate::server::bounds::Bounds;
use crate::server::settings::Settings;
use crate::server::{State, routes, serve};
use clap::Parser;
use futures::StreamExt;
use leptos_axum::LeptosRoutes;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longer than anything that will succeed takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server and a browser's worth of cookie.
pub(crate) struct App {
    pub(crate) url: String,
    pub(crate) state: State,
    pub(crate) upstream: Upstream,
    pub(crate) cookie: String,
    pub(crate) folder: Folder,
    pub(crate) stop: CancellationToken,
    pub(crate) served: JoinHandle<()>,
    client: reqwest::Client,
}

/// A folder that goes when the test ends.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("rivulet-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The URL of the test's database.
    pub(crate) fn database(&self) -> String {
        services::database_of(&self.0).unwrap_or_else(|| self.sqlite())
    }

    /// The URL of a database of SQLite in it, whichever one the tests run on.
    pub(crate) fn sqlite(&self) -> String {
        format!("sqlite:{}/rivulet.db", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        services::forget(&self.0);
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A provider of the kind that no variable names, as an operator would write it.
fn config(folder: &Folder, upstream: &Upstream) -> PathBuf {
    let (path, key) = (folder.0.join("rivulet.toml"), folder.0.join("key"));
    std::fs::write(&key, "key-of-the-test\n").unwrap();
    let (url, key) = (upstream.url(), key.display());
    let table =
        format!("[providers.responses]\nkind = \"openai-responses\"\nbase_url = \"{url}/v1\"\nkey_file = \"{key}\"\n");
    std::fs::write(&path, table).unwrap();
    path
}

/// The settings of a test: every provider is the upstream.
pub(crate) fn settings(folder: &Folder, upstream: &Upstream, more: &[&str]) -> Settings {
    let (anthropic, openai) = (upstream.url().to_owned(), format!("{}/v1", upstream.url()));
    let database = folder.database();
    let usual = [
        "rivulet",
        "--listen=127.0.0.1:0",
        &format!("--database-url={database}"),
        "--anthropic-api-key=key-of-the-test",
        &format!("--anthropic-base-url={anthropic}"),
        "--openai-api-key=key-of-the-test",
        &format!("--openai-base-url={openai}"),
        "--mistral-api-key=key-of-the-test",
        &format!("--mistral-base-url={anthropic}/mistral"),
        "--gemini-api-key=key-of-the-test",
        &format!("--gemini-base-url={anthropic}"),
        &format!("--ollama-host={anthropic}"),
        &format!("--config={}", config(folder, upstream).display()),
        "--model=anthropic/mock",
        "--sends-per-minute=10000",
        "--writes-per-minute=60000",
        "--open-replies=1000",
        "--streams=1000",
        "--drain-seconds=4",
    ]
    .map(str::to_owned);
    let mut arguments: Vec<String> = usual.to_vec();
    for argument in more {
        let name = argument.split('=').next().unwrap();
        arguments.retain(|usual| usual.split('=').next() != Some(name));
        arguments.push((*argument).to_owned());
    }
    Settings::parse_from(arguments)
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts with flags that add to, or replace, those of every test.
    pub(crate) async fn with(more: &[&str]) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start().await);
        Self::on(folder, upstream, more).await
    }

    /// Starts with a `rivulet.toml` of the test's own, in which `URL` stands for the upstream's address.
    pub(crate) async fn configured(toml: &str) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start().await);
        // Not the file that every test has.
        let path = folder.0.join("own.toml");
        std::fs::write(&path, toml.replace("URL", upstream.url())).unwrap();
        Self::on(folder, upstream, &[&format!("--config={}", path.display())]).await
    }

    /// Starts with short limits, so that a test need not wait for them.
    pub(crate) async fn bounded(bounds: Bounds) -> Self {
        let (folder, upstream) = (Folder::new(), Upstream::start().await);
        Self::at(folder, upstream, &[], bounds).await
    }

    pub(crate) async fn on(folder: Folder, upstream: Upstream, more: &[&str]) -> Self {
        Self::at(folder, upstream, more, Bounds::default()).await
    }

    pub(crate) async fn at(folder: Folder, upstream: Upstream, more: &[&str], bounds: Bounds) -> Self {
        // Fails when another test was first, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let settings = settings(&folder, &upstream, more);
        let guests = settings.guests();
        let state = State::start_with(settings, bounds).await.unwrap();
        let listener = serve::listen(state.settings.listen).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = routes::router(state.clone(), |router| {
            let options = state.leptos.clone();
            let draw = move || shell(options.clone());
            router.leptos_routes_with_context(&state, routes::page_routes(), routes::page_policy, draw)
        });
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve::run(listener, router, state.clone(), stop.clone()));
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut app = Self { url, state, upstream, cookie: String::new(), folder, stop, served, client };
        if guests {
            app.cookie = app.new_cookie().await;
        }
        app
    }

    /// Opens the start page as a new browser would.
    pub(crate) async fn new_cookie(&self) -> String {
        let page = self.client.get(&self.url).send().await.unwrap();
        assert_eq!(page.status(), StatusCode::OK);
        let cookie = page.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).header("cookie", &self.cookie)
    }

    /// A request without a cookie.
    pub(crate) fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        let sent = self.request(Method::POST, path).json(&body).send();
        tokio::time::timeout(PATIENCE, sent).await.expect("no answer").unwrap()
    }

    /// A form as a browser sends it.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let encoded = reqwest::Url::parse_with_params(&self.url, fields).unwrap();
        let body = encoded.query().unwrap_or_default().to_owned();
        let kind = "application/x-www-form-urlencoded";
        self.request(Method::POST, path).header("content-type", kind).body(body)
    }

    pub(crate) async fn conversation(&self) -> String {
        let made = self.post("/api/v1/conversations", json!({})).await;
        assert_eq!(made.status(), StatusCode::CREATED);
        text(&made.json::<Value>().await.unwrap()["id"])
    }

    /// Sends a message that the upstream answers as `script` says.
    pub(crate) async fn send(&self, conversation: &str, script: &Script) -> Sent {
        self.send_to(conversation, script, "anthropic/mock").await
    }

    pub(crate) async fn send_to(&self, conversation: &str, script: &Script, model: &str) -> Sent {
        let body = json!({ "content": directive(script), "model": model });
        let answer = self.post(&format!("/api/v1/conversations/{conversation}/messages"), body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        Sent::of(&answer.json().await.unwrap())
    }

    /// Follows a conversation by SSE.
    pub(crate) async fn follow(&self, conversation: &str, cursor: Option<&str>) -> Sse {
        let request = self.request(Method::GET, &format!("/api/v1/conversations/{conversation}/events"));
        let request = match cursor {
            Some(cursor) => request.header("last-event-id", cursor),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Sse::new(response)
    }

    /// The metrics, as Prometheus would read them.
    pub(crate) fn metrics(&self) -> String {
        crate::server::routes::metrics_text(&self.state)
    }

    pub(crate) async fn snapshot(&self, conversation: &str) -> Value {
        self.get(&format!("/api/v1/conversations/{conversation}")).await.json().await.unwrap()
    }

    /// The newest message of the conversation, as the store has it.
    pub(crate) async fn last_message(&self, conversation: &str) -> Value {
        self.snapshot(conversation).await["messages"].as_array().unwrap().last().unwrap().clone()
    }

    /// Follows until the reply has ended, and returns the events from the cursor to the terminal one.
    pub(crate) async fn rest_of(&self, conversation: &str, sent: &Sent) -> Vec<Frame> {
        let mut events = self.follow(conversation, Some(&sent.cursor)).await;
        events.until_end(&sent.reply).await
    }

    /// Ends the server as a signal does. What is left of it is for the next one: the folder, the model API, the browser's cookie.
    pub(crate) async fn end(self) -> (Folder, Upstream, String) {
        let Self { stop, served, folder, upstream, cookie, .. } = self;
        stop.cancel();
        served.await.unwrap();
        (folder, upstream, cookie)
    }
}

/// What a send answered.
pub(crate) struct Sent {
    pub(crate) message: String,
    pub(crate) reply: String,
    pub(crate) cursor: String,
}

impl Sent {
    pub(crate) fn of(answer: &Value) -> Self {
        Self {
            message: text(&answer["message"]["id"]),
            reply: text(&answer["reply"]["id"]),
            cursor: text(&answer["cursor"]),
        }
    }
}

/// The message that makes the upstream follow `script`.
pub(crate) fn directive(script: &Script) -> String {
    format!("Please answer.\n@upstream {}", serde_json::to_string(script).unwrap())
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// One Server-Sent Event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl Frame {
    pub(crate) fn seq(&self) -> u64 {
        self.id.split_once(':').unwrap().1.parse().unwrap()
    }

    /// The seq of the first event in it: pieces that a late viewer gets may be merged.
    pub(crate) fn first(&self) -> u64 {
        self.data["first"].as_u64().unwrap_or_else(|| self.seq())
    }

    pub(crate) fn is_end(&self) -> bool {
        matches!(self.event.as_str(), "done" | "stopped" | "interrupted" | "error")
    }
}

/// The text of a reply in these events.
pub(crate) fn said(frames: &[Frame]) -> String {
    let tokens = frames.iter().filter(|frame| frame.event == "token");
    tokens.map(|frame| text(&frame.data["text"])).collect()
}

/// Numbers without gaps and without repetition.
pub(crate) fn assert_contiguous(frames: &[Frame]) {
    for pair in frames.windows(2) {
        assert_eq!(pair[1].first(), pair[0].seq() + 1, "a gap between {pair:?}");
    }
}

/// Reads an event stream as a small client would.
pub(crate) struct Sse {
    chunks: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    buffer: Vec<u8>,
    pub(crate) comments: usize,
    pub(crate) retry: Option<u64>,
}

impl Sse {
    pub(crate) fn new(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store, no-transform");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        assert!(!response.headers().contains_key("content-encoding"));
        Self { chunks: response.bytes_stream().boxed(), buffer: Vec::new(), comments: 0, retry: None }
    }

    /// The next event; none at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(frame) = self.parse(std::str::from_utf8(&frame).unwrap()) {
                    return Some(frame);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.chunks.next()).await.expect("the stream is silent")?;
            self.buffer.extend_from_slice(&chunk.ok()?);
        }
    }

    fn parse(&mut self, frame: &str) -> Option<Frame> {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        if frame.starts_with(':') {
            self.comments += 1;
        }
        if let Some(retry) = field("retry: ") {
            self.retry = Some(retry.parse().unwrap());
        }
        let data = serde_json::from_str(&field("data: ")?).unwrap();
        Some(Frame { id: field("id: ").unwrap_or_default(), event: field("event: ")?, data })
    }

    /// The events up to the one that ends `reply`.
    pub(crate) async fn until_end(&mut self, reply: &str) -> Vec<Frame> {
        self.until_that(|frame| frame.is_end() && frame.data["reply"] == reply).await
    }

    /// The events up to the first of this kind.
    pub(crate) async fn until(&mut self, event: &str) -> Vec<Frame> {
        self.until_that(|frame| frame.event == event).await
    }

    pub(crate) async fn until_that(&mut self, is_last: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let mut frames: Vec<Frame> = Vec::new();
        let reading = async {
            while !frames.last().is_some_and(&is_last) {
                frames.push(self.next().await.expect("the stream ended too early"));
            }
        };
        let came = tokio::time::timeout(PATIENCE * 2, reading).await;
        assert!(came.is_ok(), "it did not come; the last of {}: {:?}", frames.len(), frames.last());
        frames
    }
}

/// Asserts that an answer is a problem with this status, and returns it.
pub(crate) async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status);
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    problem
}
