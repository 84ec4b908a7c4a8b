//! Copies of the whole database, made while others write to it.
//!
//! SQLite writes the copy itself (`vacuum into`), in one read transaction: it has everything that was committed before,
//! and nothing else. It has only rows that exist, so nothing that was deleted is in it. A copy is written under another
//! name and checked before it gets its own, so a file with that name is always whole.

mod partial;
mod restoring;
mod room;
mod series;
mod whole;

pub use restoring::{Restored, restore};
pub use room::RESERVE;
pub use series::{Series, before_update, own_folder};
pub use whole::{Contents, contents};

use super::BUSY;
use super::lock::Lock;
use super::processes;
use super::sql::write_ahead::{MAX_LOG_BYTES, left_alone};
use anyhow::{Context, bail};
use partial::Partial;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio::task::spawn_blocking;

/// The database's file, by its URL.
///
/// # Errors
/// The URL names no file.
pub fn file(url: &str) -> anyhow::Result<PathBuf> {
    let options = SqliteConnectOptions::from_str(url)
        .context("DATABASE_URL expects sqlite: and a path, such as sqlite:data/rivulet.db")?;
    Ok(options.get_filename().to_owned())
}

/// Copies the database to a file that only its owner can read.
///
/// # Errors
/// A sentence: there is no database, something else has the name, the disk is full, or the copy is not sound. Nothing
/// is left then but what was there before.
pub async fn copy(database: &Path, to: &Path, replaces: bool) -> anyhow::Result<Contents> {
    ensure_there(database)?;
    ensure_free(database, to, replaces)?;
    let partial = Partial::begin(to)?;
    let contents = fill(database, &partial).await?;
    ensure_free(database, to, replaces)?;
    let to = to.to_owned();
    // The disk is waited for, on a server with replies to relay.
    spawn_blocking(move || partial.finish(&to)).await??;
    Ok(contents)
}

/// Writes a copy to `out`, such as a pipe to another machine. It is made beside the database first, and checked there.
///
/// # Errors
/// As [`copy`], or what reads `out` has gone.
pub async fn write_to(database: &Path, out: &mut (dyn Write + Send)) -> anyhow::Result<Contents> {
    ensure_there(database)?;
    let partial = Partial::begin(database)?;
    let contents = fill(database, &partial).await?;
    partial.write_to(out).context("The copy could not be written to the standard output")?;
    Ok(contents)
}

async fn fill(database: &Path, partial: &Partial) -> anyhow::Result<Contents> {
    let _lock = Lock::to_copy(database).context("DATABASE_URL")?;
    let mut connection = open(database).await?;
    // The file is there and empty, and only its owner can read it: SQLite would let everybody.
    let made = sqlx::query("vacuum into $1").bind(partial.path()?).execute(&mut connection).await;
    made.with_context(|| format!("{} could not be copied to {}", database.display(), partial.target()))?;
    connection.close().await.ok();
    whole::contents(partial.file()).await
}

/// Whether a process works on this database: a server, or a command.
///
/// # Errors
/// The folder cannot be read.
pub fn is_used(database: &Path) -> std::io::Result<bool> {
    processes::any_lives(database)
}

/// A connection to a database that a server may have open.
pub(super) async fn open(database: &Path) -> anyhow::Result<SqliteConnection> {
    ensure_there(database)?;
    let options = SqliteConnectOptions::new().filename(database).busy_timeout(BUSY);
    let opened = left_alone(options, MAX_LOG_BYTES).connect().await;
    opened.with_context(|| format!("DATABASE_URL: {} cannot be opened", database.display()))
}

fn ensure_there(database: &Path) -> anyhow::Result<()> {
    match std::fs::metadata(database) {
        Ok(found) if found.is_file() => Ok(()),
        _ => bail!("DATABASE_URL: there is no database at {}", database.display()),
    }
}

/// Refuses a name that is taken, before and after the work. The database itself is never replaced.
fn ensure_free(database: &Path, to: &Path, replaces: bool) -> anyhow::Result<()> {
    let Ok(found) = std::fs::symlink_metadata(to) else { return Ok(()) };
    let shown = to.display();
    if is_same(database, to) {
        bail!("{shown} is the database itself. Name another file");
    }
    if !found.is_file() {
        bail!("{shown} is not a file. Name one that is not there yet");
    }
    if !replaces {
        bail!("{shown} is there already. Name another file, or replace it with --force");
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    identity(one).is_some() && identity(one) == identity(other)
}
