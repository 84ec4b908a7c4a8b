//! An account that has grown for years: what its pages cost, and a message into its longest conversation beside one into a new
//! one. The conversations are written into the database by SQL.

use crate::http::Caller;
use crate::process::Program;
use crate::report::Report;
use crate::row::{Budget, Row};
use crate::scene;
use crate::times::Times;
use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const CONVERSATIONS: i64 = 20_000;
/// In each conversation but the long one, and how many have some: 395,000 messages.
const MESSAGES: i64 = 20;
const USED: i64 = 19_750;
/// The messages of the long conversation: two megabytes.
const LONG: i64 = 5_000;
const LONG_TEXT: usize = 400;
/// So that the database has about 360 MB.
const TEXT: usize = 620;
/// How often each thing is asked. The median counts.
const TIMES: usize = 21;
const STARTS: usize = 5;
/// How often a reply is polled, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// From outside, before the account grew slower (issue 13).
const HOME_MS: f64 = 7.0;
const LIST_MS: f64 = 3.0;
const SNAPSHOT_MS: f64 = 8.0;
/// A message into the long conversation, as a multiple of one into a new one.
const SEND_RATIO: f64 = 3.0;
/// A keystroke in the palette.
const SEARCH_MS: f64 = 150.0;
/// What is typed, up to a word that stands once, in the oldest message.
const TYPED: [&str; 6] = ["q", "qu", "qui", "quix", "quixotic", "quixotic person"];
/// Until the index of all this is written.
const INDEXED: Duration = Duration::from_secs(240);
const START_MS: f64 = 150.0;
const REST_MB: f64 = 60.0;

/// One id for each kind and number; like a UUID v7 it begins with a time.
macro_rules! id {
    ($kind:literal, $number:literal) => {
        concat!(
            "printf('%08x-%04x-7",
            $kind,
            "-8000-%012x', (1700000000000 + 1000 * (",
            $number,
            ")) >> 16, (1700000000000 + 1000 * (",
            $number,
            ")) & 65535, ",
            $number,
            ")"
        )
    };
}

pub async fn measure(report: &mut Report) -> anyhow::Result<()> {
    eprintln!("bench: an account of {CONVERSATIONS} conversations ...");
    let upstream = scene::upstream().await?;
    let database = scene::new_database()?;
    let rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let cookie = Caller::guest(rivulet.address).await?.cookie().to_owned();
    rivulet.end().await?;
    let long = fill(&database).await.context("the conversations cannot be written")?;
    let megabytes = std::fs::metadata(&database)?.len() as f64 / 1e6;
    report.add(Row::alone("a grown account's database".into(), "MB", megabytes));

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let rivulet = scene::rivulet_on(&database, upstream.address).await?;
        starts.push(rivulet.start_time);
        rivulet.end().await?;
    }
    let start = Row::alone("start with it, median".into(), "ms", Times::new(starts)?.millis(50));
    report.add(start.with(Some(Budget::most(START_MS))).latency());

    let rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let mut caller = Caller::known(rivulet.address, cookie).await?;
    let snapshot = format!("/api/v1/conversations/{long}");
    for (what, path, most) in [
        ("its home page", "/", HOME_MS),
        ("its list", "/api/v1/conversations", LIST_MS),
        ("its long conversation", snapshot.as_str(), SNAPSHOT_MS),
    ] {
        let row = Row::alone(format!("{what}, median"), "ms", asked(&mut caller, path).await?.millis(50));
        report.add(row.with(Some(Budget::most(most))).latency());
    }
    searches(&mut caller, report).await?;
    sends(&mut caller, &long, report).await?;
    at_rest(&rivulet, report).await
}

async fn asked(caller: &mut Caller, path: &str) -> anyhow::Result<Times> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let began = Instant::now();
        caller.call(Method::GET, path, &[], None).await?.into_body().collect().await?;
        times.push(began.elapsed());
    }
    Times::new(times)
}

/// The slowest keystroke, each by its median.
async fn searches(caller: &mut Caller, report: &mut Report) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let found = caller.get("/api/v1/search?q=quixotic").await?;
        if found["items"].as_array().is_some_and(|items| items.len() == 1) {
            break;
        }
        ensure!(began.elapsed() < INDEXED, "a word in the oldest message is not found");
        sleep(Duration::from_secs(1)).await;
    }
    report.add(Row::alone("its search index is written after".into(), "s", began.elapsed().as_secs_f64()));
    let mut slowest = 0.0_f64;
    for typed in TYPED {
        let path = format!("/api/v1/search?q={}", typed.replace(' ', "+"));
        slowest = slowest.max(asked(caller, &path).await?.millis(50));
    }
    let row = Row::alone("a keystroke in its search, the slowest, median".into(), "ms", slowest);
    report.add(row.with(Some(Budget::most(SEARCH_MS))).latency());
    Ok(())
}

/// Alternately into the long conversation and into a new one, each when no reply is open.
async fn sends(caller: &mut Caller, long: &str, report: &mut Report) -> anyhow::Result<()> {
    let (mut into_long, mut into_new) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let made = caller.post("/api/v1/conversations", &json!({})).await?;
        let new = made["id"].as_str().context("a new conversation has no id")?.to_owned();
        for (conversation, times) in [(long, &mut into_long), (&new, &mut into_new)] {
            let body = json!({ "content": scene::ask(&json!({ "pieces": 1, "gap_ms": 0 })) });
            let began = Instant::now();
            let sent = caller.post(&format!("/api/v1/conversations/{conversation}/messages"), &body).await?;
            times.push(began.elapsed());
            ended(caller, &sent).await?;
        }
    }
    let (long, new) = (Times::new(into_long)?.millis(50), Times::new(into_new)?.millis(50));
    report.add(Row::alone("a message into a new conversation, median".into(), "ms", new));
    report.add(Row::alone(format!("a message into one of {LONG} messages, median"), "ms", long));
    let times = Row::alone("the second as a multiple of the first".into(), "x", long / new);
    report.add(times.with(Some(Budget::most(SEND_RATIO))).latency());
    Ok(())
}

/// Waits until the reply has ended.
async fn ended(caller: &mut Caller, sent: &Value) -> anyhow::Result<()> {
    let reply = sent["reply"]["id"].as_str().context("a message was answered without a reply")?;
    let began = Instant::now();
    while caller.get(&format!("/api/v1/replies/{reply}")).await?["status"] == "streaming" {
        ensure!(began.elapsed() < PATIENCE, "a reply does not end");
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn at_rest(rivulet: &Program, report: &mut Report) -> anyhow::Result<()> {
    let rest = rivulet.settled_kib().await? as f64 * 1024.0 / 1e6;
    report.add(Row::alone("memory at rest after all this".into(), "MB", rest).with(Some(Budget::most(REST_MB))));
    Ok(())
}

/// Fills the database of one guest, and returns the long conversation.
async fn fill(database: &Path) -> anyhow::Result<String> {
    let options = SqliteConnectOptions::new().filename(database).foreign_keys(false);
    let mut connection = options.synchronous(SqliteSynchronous::Off).connect().await?;
    let mut write = connection.begin().await?;
    conversations(&mut write).await?;
    let words = "Some words of a person, or of a model, which mean nothing here. ".repeat(16);
    sqlx::query(concat!(
        "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at)
         with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < $1)
         select ",
        id!("001", "i"),
        ", ",
        id!("000", "2 + i / $2"),
        ", 1 + i % $2, case when i % $2 = 0 then null else ",
        id!("001", "i - 1"),
        " end, case when i % 2 = 0 then 'user' else 'assistant' end, i || ' ' || $3, '', 'done',
         strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch') from n"
    ))
    .bind(USED * MESSAGES)
    .bind(MESSAGES)
    .bind(&words[..TEXT])
    .execute(&mut *write)
    .await?;
    sqlx::query(concat!(
        "insert into message (id, conversation, position, parent, role, text, thinking, status, created_at)
         with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
         select ",
        id!("002", "i"),
        ", ",
        id!("000", "1"),
        ", i, case when i = 1 then null else ",
        id!("002", "i - 1"),
        " end, case when i % 2 = 1 then 'user' else 'assistant' end, i || ' ' || $2, '', 'done',
         strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch') from n"
    ))
    .bind(LONG)
    .bind(&words[..LONG_TEXT])
    .execute(&mut *write)
    .await?;
    sqlx::query(concat!("update message set text = text || ' quixotic' where id = ", id!("001", "0")))
        .execute(&mut *write)
        .await?;
    let long = sqlx::query_scalar(concat!("select ", id!("000", "1"))).fetch_one(&mut *write).await?;
    write.commit().await?;
    sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut connection).await?;
    connection.close().await?;
    Ok(long)
}

async fn conversations(write: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query(concat!(
        "insert into conversation (id, account, title, title_by, system, parameters, created_at, updated_at)
         with recursive n (i) as (select 1 union all select i + 1 from n where i < $1)
         select ",
        id!("000", "i"),
        ", (select id from account), 'Conversation ' || i, 'person', '', '{}',
         strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch'),
         strftime('%Y-%m-%dT%H:%M:%fZ', 1700000000 + i, 'unixepoch') from n"
    ))
    .bind(CONVERSATIONS)
    .execute(write)
    .await?;
    Ok(())
}
