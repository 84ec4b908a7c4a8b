//! One guest who makes the most expensive requests there are (row Z34): pages, exports and streams of huge conversations,
//! many at a time, read and unread. The server's memory stays bounded, and another user's page comes in time.

use super::Phase;
use crate::http::Caller;
use crate::process::Program;
use crate::scene;
use crate::times::Times;
use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What the row allows.
const MAX_MEMORY_MIB: f64 = 256.0;
const MAX_PAGE_MS: f64 = 200.0;
/// Requests of the guest at the same time, half of which read nothing of their answers ...
const TOGETHER: usize = 40;
/// ... for this long.
const UNREAD: Duration = Duration::from_secs(3);
/// How often the other user loads a page, and how often the memory is looked at.
const EVERY: Duration = Duration::from_millis(50);
/// The guest and the other user are at different addresses, as a proxy tells them.
const GUESTS: &[(&str, &str)] = &[("x-forwarded-for", "203.0.113.9")];
const OTHERS: &[(&str, &str)] = &[("x-forwarded-for", "198.51.100.7")];
/// The limits that a server comes with.
const SETTINGS: [(&str, &str); 6] = [
    ("RIVULET_TRUSTED_PROXIES", "127.0.0.1"),
    ("RIVULET_SENDS_PER_MINUTE", "20"),
    ("RIVULET_WRITES_PER_MINUTE", "60"),
    ("RIVULET_CONVERSATIONS", "10000"),
    ("RIVULET_OPEN_REPLIES", "4"),
    ("RIVULET_STREAMS", "20"),
];

pub async fn run(length: Duration) -> anyhow::Result<Phase> {
    let database = scene::new_database()?;
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet_with(&database, upstream.address, &SETTINGS).await?;
    let mut other = Caller::guest(rivulet.address).await?;
    let page = format!("/c/{}", conversation(&mut other, &database, &[reply("Hello.".into())]).await?);
    let guest = Caller::guest(rivulet.address).await?;
    let requests = Arc::new(requests(&guest, &database).await?);

    let alone = load(&mut other, &page, Instant::now() + length / 4).await?;
    let rest_kib = rivulet.settled_kib().await?;
    let until = Instant::now() + length;
    let done = Arc::new(Done::default());
    let attack: Vec<_> = (0..TOGETHER)
        .map(|worker| {
            tokio::spawn(ask_again_and_again(
                rivulet.address,
                guest.cookie().to_owned(),
                (worker, until),
                Arc::clone(&requests),
                Arc::clone(&done),
            ))
        })
        .collect();
    let (pages, peak_kib) = tokio::join!(load(&mut other, &page, until), peak(&rivulet, until));
    for worker in attack {
        worker.await?;
    }
    judge(&alone, &pages?, (peak_kib? - rest_kib) as f64 / 1024.0, &done)
}

fn judge(alone: &Pages, pages: &Pages, grown_mib: f64, done: &Done) -> anyhow::Result<Phase> {
    let (answered, refused) = (done.answered.load(Ordering::Relaxed), done.refused.load(Ordering::Relaxed));
    ensure!(0 < answered, "no request of the guest was answered");
    let p99 = pages.times.millis(99);
    let line = format!(
        "a guest's most expensive requests, {answered} answered and {refused} refused: another's page p50 {:.0} ms, p99 \
         {p99:.0} ms, without them p50 {:.0} ms, p99 {:.0} ms; memory {grown_mib:.0} MiB above rest",
        pages.times.millis(50),
        alone.times.millis(50),
        alone.times.millis(99),
    );
    let mut violations = Vec::new();
    let mut hold = |held: bool, what: String| (!held).then(|| violations.push(what));
    hold(grown_mib <= MAX_MEMORY_MIB, format!("a guest took {grown_mib:.0} MiB"));
    hold(p99 <= MAX_PAGE_MS, format!("another's page took {p99:.0} ms"));
    hold(pages.refused == 0, format!("{} of another's pages were refused", pages.refused));
    Ok(Phase { line, violations })
}

/// The other user's pages.
struct Pages {
    times: Times,
    refused: usize,
}

async fn load(caller: &mut Caller, path: &str, until: Instant) -> anyhow::Result<Pages> {
    let (mut times, mut refused) = (Vec::new(), 0);
    let mut next = Instant::now();
    while next < until {
        sleep_until(next).await;
        let began = Instant::now();
        let answer = caller.ask(Method::GET, path, OTHERS, None).await?;
        refused += usize::from(answer.status() != StatusCode::OK);
        answer.into_body().collect().await?;
        times.push(began.elapsed());
        next = Instant::now().max(next + EVERY);
    }
    Ok(Pages { times: Times::new(times)?, refused })
}

async fn peak(rivulet: &Program, until: Instant) -> anyhow::Result<u64> {
    let mut peak = 0;
    while Instant::now() < until {
        peak = peak.max(rivulet.rss_kib()?);
        sleep(EVERY).await;
    }
    Ok(peak)
}

struct Asked {
    method: Method,
    path: String,
    body: Option<Value>,
    /// It has no end, so nothing is read of it.
    is_stream: bool,
}

#[derive(Default)]
struct Done {
    next: AtomicUsize,
    answered: AtomicUsize,
    refused: AtomicUsize,
}

async fn ask_again_and_again(
    address: std::net::SocketAddr,
    cookie: String,
    (worker, until): (usize, Instant),
    requests: Arc<Vec<Asked>>,
    done: Arc<Done>,
) {
    while Instant::now() < until {
        let asked = &requests[done.next.fetch_add(1, Ordering::Relaxed) % requests.len()];
        let reads = worker % 2 == 0 && !asked.is_stream;
        // A connection that is closed is one that the server had enough of.
        match ask(address, &cookie, asked).await {
            Ok(answer) if answer.status().is_success() => {
                done.answered.fetch_add(1, Ordering::Relaxed);
                if reads {
                    let _ = answer.into_body().collect().await;
                } else {
                    sleep_until(until.min(Instant::now() + UNREAD)).await;
                }
            }
            _ => drop(done.refused.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

async fn ask(address: std::net::SocketAddr, cookie: &str, asked: &Asked) -> anyhow::Result<Response<Incoming>> {
    let mut caller = Caller::known(address, cookie.to_owned()).await?;
    caller.ask(asked.method.clone(), &asked.path, GUESTS, asked.body.as_ref()).await
}

/// Everything that a guest with these conversations can ask for.
async fn requests(guest: &Caller, database: &Path) -> anyhow::Result<Vec<Asked>> {
    let mut guest = guest.again().await?;
    let asked = |method, path: String, body| Asked { method, path, body, is_stream: false };
    let get = |path: String| asked(Method::GET, path, None);
    let mut requests = vec![get("/account/export".into()), get("/api/v1/search?q=nowhere".into())];
    for texts in conversations() {
        let id = conversation(&mut guest, database, &texts).await?;
        let rest = format!("/api/v1/conversations/{id}");
        let snapshot = guest.get(&rest).await?;
        let last = snapshot["messages"].as_array().and_then(|all| all.last()).context("the conversation is empty")?;
        let message = format!("/api/v1/messages/{}", last["id"].as_str().context("a message has no id")?);
        requests.extend([format!("/c/{id}"), rest.clone(), format!("{rest}/messages?limit=200"), message].map(get));
        requests.push(asked(Method::POST, "/api/chat/open".into(), Some(json!({ "conversation": id }))));
        let follow = json!({ "conversation": id, "cursor": null, "list": null });
        let streams = [get(format!("{rest}/events")), asked(Method::POST, "/api/follow".into(), Some(follow))];
        requests.extend(streams.map(|it| Asked { is_stream: true, ..it }));
        // Pages take the most.
        requests.extend((0..4).map(|_| get(format!("/c/{id}"))));
    }
    Ok(requests)
}

/// Texts that take the most to show: the row's own, and Markdown that becomes many times its length.
fn conversations() -> Vec<Vec<(&'static str, String)>> {
    let code = |line: &str, bytes: usize| format!("```js\n{}\n```\n", line.repeat(bytes / line.len()));
    let signs: String = (0..16).map(|_| code("1e+", 60 << 10)).collect();
    vec![
        (0..20).map(|_| reply(code("let a = [1, 2];\n", 100_000))).collect(),
        vec![reply(signs.clone()), reply(signs)],
        (0..4).map(|_| reply("- ```\n".repeat((500 << 10) / 6))).collect(),
        (0..2).map(|_| reply("a.io ".repeat((1000 << 10) / 5))).collect(),
        // What a guest writes who has no model.
        (0..50).map(|_| ("user", "<&".repeat(16_000))).collect(),
    ]
}

fn reply(text: String) -> (&'static str, String) {
    ("assistant", text)
}

/// A new conversation with these messages, written as if they had been said.
async fn conversation(caller: &mut Caller, database: &Path, texts: &[(&str, String)]) -> anyhow::Result<String> {
    let made = caller.post("/api/v1/conversations", &json!({})).await?;
    let id = made["id"].as_str().context("a new conversation has no id")?.to_owned();
    let mut write: SqliteConnection = SqliteConnectOptions::new().filename(database).connect().await?;
    let mut parent: Option<String> = None;
    for (position, (role, text)) in (1_i64..).zip(texts) {
        // Ids are as long as those of the server's, and differ by the conversation.
        let message = format!("{}-{position:012x}", &id[..23]);
        sqlx::query(
            "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at, finished_at)
             values ($1, $2, $3, $4, $5, $6, '', 'done', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')",
        )
        .bind(&message)
        .bind(&id)
        .bind(position)
        .bind(parent)
        .bind(role)
        .bind(text)
        .execute(&mut write)
        .await?;
        parent = Some(message);
    }
    write.close().await?;
    Ok(id)
}
