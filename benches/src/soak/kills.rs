//! `kill -9` at random moments (rows F13 and F14 of the fault matrix). After each: the database is sound, no reply is left
//! open, and of each that was acknowledged there is its text but for the last second.

use super::Phase;
use super::script::healthy;
use super::watch::Watch;
use crate::process::folder;
use crate::rng::Dice;
use crate::scene::{self, Person};
use anyhow::{Context, ensure};
use futures::future::join_all;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The users, each with a reply open nearly all of the time.
const PEOPLE: usize = 8;
/// When the server is killed after they have arrived: from their first messages to past some checkpoints.
const SOONEST_MS: u64 = 50;
const SPREAD_MS: u64 = 3_000;
/// How much of the text that a viewer saw may be lost (promise S6).
const MAX_LOST: Duration = Duration::from_secs(1);

/// A reply that was acknowledged.
struct Story {
    whole: String,
    message: String,
    watch: Watch,
}

/// The results of all kills.
#[derive(Default)]
struct Sum {
    replies: usize,
    open: usize,
    most_lost: Duration,
    violations: Vec<String>,
}

pub async fn run(kills: usize, seed: u64) -> anyhow::Result<Phase> {
    let mut dice = Dice::new(seed);
    let database = scene::new_database()?;
    let upstream = scene::upstream().await?;
    let mut rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let mut sum = Sum::default();
    for kill in 1..=kills {
        let people = Person::many(rivulet.address, PEOPLE).await?;
        let talking: Vec<_> = people.into_iter().map(|person| talk(person, Dice::new(dice.below(u64::MAX)))).collect();
        let talking: Vec<_> = talking.into_iter().map(tokio::spawn).collect();
        sleep(Duration::from_millis(SOONEST_MS + dice.below(SPREAD_MS))).await;
        // The server had everything that a viewer has by now.
        let killed = Instant::now();
        // SIGKILL.
        drop(rivulet);
        let told = join_all(talking).await;
        ensure_sound(&database, &mut sum, kill).await?;
        rivulet = scene::rivulet_on(&database, upstream.address).await.context("it does not start after a kill")?;
        let mut kept = open(&database, true).await?;
        let left: i64 =
            sqlx::query_scalar("select count(*) from message where status = 'streaming'").fetch_one(&mut kept).await?;
        if left > 0 {
            sum.violations.push(format!("kill {kill}: {left} replies are still open after the start"));
        }
        for told in told {
            let (stories, ended) = told?;
            if ended.at < killed {
                sum.violations.push(format!("kill {kill}: before it, {:#}", ended.why));
            }
            for story in &stories {
                if let Err(violation) = check(story, killed, &mut kept, &mut sum).await {
                    sum.violations.push(format!("kill {kill}: {violation:#}"));
                }
            }
        }
    }
    let Sum { replies, open, most_lost, violations } = sum;
    let lost = most_lost.as_secs_f64();
    let line =
        format!("{kills} kills, {replies} replies, {open} of them open at a kill, at most {lost:.2} s of text lost");
    Ok(Phase { line, violations })
}

/// Why a user could not continue, and when.
struct End {
    at: Instant,
    why: anyhow::Error,
}

/// Sends messages and reads replies until the server is gone.
async fn talk(mut person: Person, mut dice: Dice) -> (Vec<Story>, End) {
    let mut stories = Vec::new();
    loop {
        if let Err(why) = ask(&mut person, &mut dice, &mut stories).await {
            return (stories, End { at: Instant::now(), why });
        }
    }
}

async fn ask(person: &mut Person, dice: &mut Dice, stories: &mut Vec<Story>) -> anyhow::Result<()> {
    let script = healthy(dice);
    let sent = person.send(&serde_json::to_value(&script)?).await?;
    let message = sent["message"]["id"].as_str().context("a message has no id")?.to_owned();
    stories.push(Story { whole: script.full_text(), message, watch: Watch::new(&sent)? });
    let watch = &mut stories.last_mut().context("there is one")?.watch;
    let mut stream = watch.follow(&person.caller, &person.events()).await?;
    ensure!(watch.read(&mut stream).await?, "the stream ended before the reply");
    Ok(())
}

async fn open(database: &Path, read_only: bool) -> sqlx::Result<SqliteConnection> {
    SqliteConnectOptions::new().filename(database).read_only(read_only).connect().await
}

/// Checks a copy: opening the database itself would repair what the next start is to find.
async fn ensure_sound(database: &Path, sum: &mut Sum, kill: usize) -> anyhow::Result<()> {
    let copy = folder()?.join("killed.db");
    for ending in ["", "-wal"] {
        let (from, to) = (format!("{}{ending}", database.display()), format!("{}{ending}", copy.display()));
        std::fs::copy(&from, &to).with_context(|| format!("{from} is not there"))?;
    }
    let found: Vec<String> =
        sqlx::query_scalar("pragma integrity_check").fetch_all(&mut open(&copy, false).await?).await?;
    if found != ["ok"] {
        sum.violations.push(format!("kill {kill}: the database is damaged: {found:?}"));
    }
    Ok(())
}

async fn check(story: &Story, killed: Instant, kept: &mut SqliteConnection, sum: &mut Sum) -> anyhow::Result<()> {
    let Story { whole, message, watch } = story;
    let row = "select text, status, (select count(*) from message where id = $2) from message where id = $1";
    let (text, status, messages): (String, String, i64) =
        sqlx::query_as(row).bind(&watch.reply).bind(message).fetch_optional(kept).await?.context("a reply is gone")?;
    sum.replies += 1;
    ensure!(messages == 1, "the message that {} answers is gone", watch.reply);
    ensure!(whole.starts_with(&watch.text), "what was shown of {} is not its text", watch.reply);
    ensure!(whole.starts_with(&text), "what is kept of {} is not its text", watch.reply);
    if let Some(told) = watch.status() {
        ensure!(status == told && text == watch.text, "{} was told as {told} and is kept as {status}", watch.reply);
        return Ok(());
    }
    sum.open += 1;
    ensure!(matches!(status.as_str(), "interrupted" | "done"), "{} is kept as {status}", watch.reply);
    ensure!(status != "done" || text == *whole, "{} is kept as done, and is not whole", watch.reply);
    let first_lost = watch.moments.iter().find(|(_, length)| text.len() < *length);
    let lost = first_lost.map_or(Duration::ZERO, |(at, _)| killed.saturating_duration_since(*at));
    sum.most_lost = sum.most_lost.max(lost);
    ensure!(lost <= MAX_LOST, "{lost:?} of {} are lost", watch.reply);
    Ok(())
}
