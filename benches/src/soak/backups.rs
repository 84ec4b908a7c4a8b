//! `rivulet backup` while 200 replies are open and a thousand messages are sent, killed at random moments. Every copy that
//! has its name is whole and has every message that was acknowledged before it began; the last one is restored elsewhere.

use super::Phase;
use super::commands::{self, sound};
use crate::process::folder;
use crate::rng::Dice;
use crate::scene::{self, Person};
use crate::upstream::script::Script;
use anyhow::{Context, ensure};
use futures::future::try_join_all;
use sqlx::SqliteConnection;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

const OPEN_REPLIES: usize = 200;
const SENDERS: usize = 20;
const SENDS: usize = 1_000;
/// An open reply that outlives the phase: it ends when the server is stopped.
const LONG: usize = 40_000;

/// The ids of messages, in the order in which they were acknowledged.
type Acknowledged = Mutex<Vec<String>>;

pub async fn run(kills: usize, seed: u64) -> anyhow::Result<Phase> {
    let mut dice = Dice::new(seed);
    let database = scene::new_database()?;
    let upstream = scene::upstream().await?;
    let rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let copy = new_copy()?;
    let acknowledged = Acknowledged::default();
    let mut readers = Person::many(rivulet.address, OPEN_REPLIES).await?;
    let long = serde_json::to_value(&Script { pieces: LONG, gap_ms: 25, ..Script::default() })?;
    for reader in &mut readers {
        reader.send(&long).await?;
    }
    let senders = Person::many(rivulet.address, SENDERS).await?;
    let sending = try_join_all(senders.into_iter().map(|person| send(person, &acknowledged)));
    let copying = copy_and_kill(kills, &mut dice, &database, &copy, &acknowledged);
    let (sent, copied) = tokio::join!(sending, copying);
    sent?;
    let Copied { whole, mut violations } = copied?;
    commands::backup(&database, &copy)?.finish().await?;
    violations.extend(missing(&copy, &acknowledged, acknowledged.lock().map_or(0, |all| all.len())).await?);
    let restored = restore(&copy, &database).await?;
    rivulet.end().await?;
    let again = scene::rivulet_on(&restored, upstream.address).await.context("it does not start on the backup")?;
    let mut connection = sound(&restored).await?;
    let open: i64 = sqlx::query_scalar("select count(*) from message where status = 'streaming'")
        .fetch_one(&mut connection)
        .await?;
    let interrupted: i64 = sqlx::query_scalar("select count(*) from message where status = 'interrupted'")
        .fetch_one(&mut connection)
        .await?;
    if open != 0 || interrupted < OPEN_REPLIES as i64 {
        violations.push(format!("restored, {open} replies are open and {interrupted} interrupted"));
    }
    again.end().await?;
    let line = format!(
        "{SENDS} sends beside {OPEN_REPLIES} open replies, {whole} whole backups and {kills} killed ones, {interrupted} \
         replies interrupted in the restored one"
    );
    Ok(Phase { line, violations })
}

async fn send(mut person: Person, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let short = serde_json::to_value(&Script { pieces: 20, gap_ms: 5, ..Script::default() })?;
    for _ in 0..SENDS / SENDERS {
        let sent = person.send(&short).await?;
        let id = sent["message"]["id"].as_str().context("a message has no id")?.to_owned();
        acknowledged.lock().map_err(|_| anyhow::anyhow!("a sender panicked"))?.push(id);
    }
    Ok(())
}

struct Copied {
    whole: usize,
    violations: Vec<String>,
}

/// One whole copy for each that is killed, so that something changes in between.
async fn copy_and_kill(
    kills: usize,
    dice: &mut Dice,
    database: &Path,
    copy: &Path,
    acknowledged: &Acknowledged,
) -> anyhow::Result<Copied> {
    let mut copied = Copied { whole: 0, violations: Vec::new() };
    let mut took = Duration::ZERO;
    for kill in 0..=kills {
        if 0 < kill {
            let after = Duration::from_micros(dice.below(took.as_micros() as u64 * 11 / 10));
            commands::backup(database, copy)?.kill(after).await?;
        }
        let before = acknowledged.lock().map_or(0, |all| all.len());
        if kill % 5 == 0 {
            let began = Instant::now();
            commands::backup(database, copy)?.finish().await?;
            took = began.elapsed();
            copied.whole += 1;
            copied.violations.extend(missing(copy, acknowledged, before).await?);
        } else {
            // Whichever finished last.
            copied.violations.extend(missing(copy, acknowledged, 0).await?);
        }
    }
    Ok(copied)
}

/// Whether the copy is sound and has the first `count` of the acknowledged messages.
async fn missing(copy: &Path, acknowledged: &Acknowledged, count: usize) -> anyhow::Result<Vec<String>> {
    let mut connection = match sound(copy).await {
        Ok(connection) => connection,
        Err(error) => return Ok(vec![format!("{error:#}")]),
    };
    let ids: Vec<String> = acknowledged.lock().map(|all| all[..count].to_vec()).unwrap_or_default();
    let mut missing = Vec::new();
    for id in ids {
        if !has(&mut connection, &id).await? {
            missing.push(format!("{id} was acknowledged before a copy began that does not have it"));
        }
    }
    Ok(missing)
}

async fn has(connection: &mut SqliteConnection, id: &str) -> anyhow::Result<bool> {
    let found = sqlx::query("select 1 from message where id = $1").bind(id).fetch_optional(connection).await?;
    Ok(found.is_some())
}

fn new_copy() -> anyhow::Result<PathBuf> {
    let copy = folder()?.join("backup.db");
    if copy.exists() {
        std::fs::remove_file(&copy)?;
    }
    Ok(copy)
}

/// Restores the copy to another place. In its own it is refused, while the server lives.
async fn restore(copy: &Path, database: &Path) -> anyhow::Result<PathBuf> {
    let refused = commands::restore(copy, database)?.finish().await;
    ensure!(refused.is_err(), "a backup was restored under a running server");
    let restored = folder()?.join("restored.db");
    for ending in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{ending}", restored.display())).ok();
    }
    commands::restore(copy, &restored)?.finish().await?;
    Ok(restored)
}
