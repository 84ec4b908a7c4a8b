//! Another program locks the database for a long time (row F18 of the fault matrix): open replies continue to stream,
//! new messages are refused, and afterwards everything is stored.

use super::Phase;
use super::watch::Watch;
use crate::scene::{self, Person};
use crate::upstream::script::Script;
use anyhow::{Context, ensure};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

const GAP_MS: u64 = 25;
/// How much longer than the lock the reply is, on both sides together.
const AROUND: Duration = Duration::from_secs(6);
/// How long nothing new may be shown of an open reply: many times its gap, for a busy machine.
const LONGEST_GAP: Duration = Duration::from_secs(1);
/// Until a server whose database is free again says that it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn run(locked: Duration) -> anyhow::Result<Phase> {
    let database = scene::new_database()?;
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let (mut reading, writing) = (Person::new(rivulet.address).await?, Person::new(rivulet.address).await?);
    let pieces = (locked + AROUND).as_millis() as usize / GAP_MS as usize;
    let script = Script { pieces, gap_ms: GAP_MS, ..Script::default() };
    let sent = reading.send(&serde_json::to_value(&script)?).await?;
    let mut watch = Watch::new(&sent)?;
    let mut stream = watch.follow(&reading.caller, &reading.events()).await?;

    let (ended, told) = tokio::join!(watch.read(&mut stream), lock(&database, locked, &writing));
    let Told { refusals, mut violations } = told?;
    let mut hold = |held: bool, what: String| (!held).then(|| violations.push(what));
    hold(ended?, "the stream ended before its reply".into());
    let gaps = watch.moments.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let longest = gaps.max().unwrap_or(locked);
    hold(longest <= LONGEST_GAP, format!("nothing was shown for {longest:?}"));
    hold(watch.status() == Some("done"), format!("the reply ended as {:?}", watch.end));
    let path = reading.path().to_owned();
    let snapshot = reading.caller.get(&path).await?;
    let kept = snapshot["messages"].as_array().and_then(|messages| messages.last()).unwrap_or(&Value::Null);
    hold(kept["text"] == *script.full_text() && kept["status"] == "done", format!("kept is {kept}"));
    hold(refusals > 0, "nothing was refused: it was not locked".into());
    writing.again().await?.send(&json!({})).await.context("after the lock")?;
    let line = format!(
        "database locked for {} s, {refusals} messages refused, an open reply showed something every {:.0} ms at the latest",
        locked.as_secs(),
        longest.as_secs_f64() * 1000.0
    );
    Ok(Phase { line, violations })
}

struct Told {
    refusals: usize,
    violations: Vec<String>,
}

/// Locks the database, and tries to write meanwhile.
async fn lock(database: &Path, locked: Duration, person: &Person) -> anyhow::Result<Told> {
    // The reply is open by then.
    sleep(AROUND / 3).await;
    let mut other: SqliteConnection = SqliteConnectOptions::new().filename(database).connect().await?;
    sqlx::query("begin exclusive").execute(&mut other).await.context("the database cannot be locked")?;
    let until = Instant::now() + locked;
    let mut told = Told { refusals: 0, violations: Vec::new() };
    let (path, message) = (format!("{}/messages", person.path()), json!({ "content": "Hello" }));
    while Instant::now() < until {
        // A connection for each: one whose request was abandoned cannot be reused.
        let mut caller = person.caller.again().await?;
        let asking = caller.ask(Method::POST, &path, &[], Some(&message));
        // A request just before the end of the lock is only slow.
        let Ok(answer) = tokio::time::timeout_at(until, asking).await else { break };
        let answer = answer?;
        told.refusals += 1;
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE || !answer.headers().contains_key("retry-after") {
            told.violations.push(format!("a message was answered with {}, {:?}", answer.status(), answer.headers()));
        }
    }
    sleep_until(until).await;
    other.close().await?;
    ready(person).await?;
    Ok(told)
}

async fn ready(person: &Person) -> anyhow::Result<()> {
    let becoming = async {
        let mut caller = person.caller.again().await?;
        while !caller.ask(Method::GET, "/readyz", &[], None).await?.status().is_success() {
            caller = person.caller.again().await?;
            sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    let came = timeout(PATIENCE, becoming).await;
    ensure!(came.is_ok(), "it is still not ready after {PATIENCE:?}");
    came?
}
