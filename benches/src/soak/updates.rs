//! A start that changes the tables of a database of the first version, killed at random moments: the next start goes on,
//! and nothing is lost.

use super::Phase;
use super::commands::sound;
use crate::process::folder;
use crate::rng::Dice;
use crate::scene;
use anyhow::Context;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A database of the first version of the tables.
const FIRST: &str = include_str!("../../../src/tests/schemas/0001.sql");
/// Messages in it, so that a change of the tables takes a while.
const MESSAGES: i64 = 60_000;
const MORE: &str = "
    with recursive number (n) as (select 5 union all select n + 1 from number where n < $1)
    insert into message (id, conversation, position, role, text, thinking, status, created_at, finished_at, input_tokens)
    select 'message ' || n, (select id from conversation), n, 'user', 'A text of message ' || n || hex(zeroblob(100)), '', 'done',
           '2026-11-11T10:00:00.000Z', '2026-11-11T10:00:00.000Z', 1 from number";

pub async fn run(kills: usize, seed: u64) -> anyhow::Result<Phase> {
    let mut dice = Dice::new(seed);
    let old = old_database().await?;
    let upstream = scene::upstream().await?;
    let database = place(&old)?;
    let rivulet = scene::rivulet_on(&database, upstream.address).await?;
    let whole = rivulet.start_time;
    rivulet.end().await?;
    let (mut half_way, mut violations) = (0, Vec::new());
    for kill in 1..=kills {
        let database = place(&old)?;
        start_and_kill(&database, Duration::from_micros(dice.below(whole.as_micros() as u64))).await?;
        half_way += usize::from(version(&database).await? != version(&old).await?);
        let again = scene::rivulet_on(&database, upstream.address).await.context("it does not start after a kill");
        match (again, check(&database).await) {
            (Ok(rivulet), Ok(())) => rivulet.end().await?,
            (Err(error), _) | (_, Err(error)) => violations.push(format!("kill {kill}: {error:#}")),
        }
    }
    let line = format!(
        "{kills} kills of a start that changes the tables of {MESSAGES} messages in {:.0} ms, {half_way} of them with some \
         changes made",
        whole.as_secs_f64() * 1_000.0
    );
    Ok(Phase { line, violations })
}

async fn old_database() -> anyhow::Result<PathBuf> {
    let path = folder()?.join("old.db");
    std::fs::remove_file(&path).ok();
    // A dump has the tables in the order of their names.
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true).foreign_keys(false);
    let mut connection = options.connect().await?;
    sqlx::raw_sql(FIRST).execute(&mut connection).await?;
    sqlx::query(MORE).bind(MESSAGES).execute(&mut connection).await?;
    connection.close().await?;
    Ok(path)
}

fn place(old: &Path) -> anyhow::Result<PathBuf> {
    let database = scene::new_database()?;
    std::fs::remove_dir_all(folder()?.join("backups")).ok();
    std::fs::copy(old, &database)?;
    Ok(database)
}

async fn start_and_kill(database: &Path, after: Duration) -> anyhow::Result<()> {
    let program = std::env::var_os("RIVULET_BENCH_SERVER").unwrap_or_else(|| "target/release/rivulet".into());
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("DATABASE_URL", format!("sqlite:{}", database.display()))
        .env("RIVULET_LISTEN", "127.0.0.1:0");
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    sleep(after.saturating_sub(began.elapsed())).await;
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// The last change that was made. Read from a copy: opening the file itself would repair what the next start is to find.
async fn version(database: &Path) -> anyhow::Result<i64> {
    let copy = folder()?.join("killed.db");
    for ending in ["", "-wal"] {
        let to = format!("{}{ending}", copy.display());
        std::fs::remove_file(&to).ok();
        std::fs::copy(format!("{}{ending}", database.display()), &to).ok();
    }
    let mut connection = sound(&copy).await?;
    Ok(sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut connection).await?)
}

async fn check(database: &Path) -> anyhow::Result<()> {
    let mut connection = sound(database).await?;
    let messages: i64 = sqlx::query_scalar("select count(*) from message").fetch_one(&mut connection).await?;
    anyhow::ensure!(messages == MESSAGES, "{messages} of {MESSAGES} messages are there");
    Ok(())
}
