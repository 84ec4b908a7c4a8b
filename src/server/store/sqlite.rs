//! SQLite's file: how it is opened, and what has to be right with it.

use super::file::Opened;
use super::lock::Lock;
use super::processes::Processes;
use super::sql::Seats;
use super::sql::fault::{Fault, fault};
use super::sql::write_ahead::{self, MAX_LOG_BYTES, WriteAhead};
use super::{BUSY, Parts, owner, updating};
use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Reads are short; more connections than this only cost memory. The first is opened at the start.
pub(crate) const READERS: usize = 8;
/// How many statements each connection keeps prepared: more than the store has. sqlx's own limit is fewer, and the
/// statements would then push each other out.
const STATEMENTS: usize = 512;
/// Checking a file takes about a second for a gigabyte: a larger one would delay the start, and the reads that find its
/// damage report it.
const MAX_CHECKED_BYTES: u64 = 64 << 20;

/// What only SQLite has.
pub(super) struct Sqlite {
    pub write_ahead: WriteAhead,
    pub file: Arc<Opened>,
}

/// Opens the database, makes it with its folder if it is not there, and brings its tables up to date.
pub(super) async fn open(url: &str, copies: Option<&Path>) -> anyhow::Result<Parts> {
    let options = SqliteConnectOptions::from_str(url)
        .context("DATABASE_URL expects sqlite: and a path, such as sqlite:data/rivulet.db")?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENTS)
        // Deleted data is overwritten, not only unlinked. For every write: a reply's text of a second ago is in
        // pages that its next checkpoint frees.
        .pragma("secure_delete", "on");
    let options = write_ahead::left_alone(options, MAX_LOG_BYTES);
    let path = options.get_filename().to_owned();
    let files = take(&path)?;
    let gone = || format!("DATABASE_URL: {} is gone", path.display());
    let file = Arc::new(Opened::at(&path).with_context(gone)?);
    let mut first = options.connect().await.map_err(|error| not_opened(error, &path))?;
    check(&mut first, &path).await?;
    updating::bring_up_to_date(&mut first, &path, copies).await?;
    let hand_overs = Arc::default();
    let writer = Seats::new(vec![first], options.clone(), &hand_overs);
    let write_ahead = WriteAhead::open(&options, MAX_LOG_BYTES, &hand_overs).await?;
    let options = options.read_only(true);
    let first = options.connect().await?;
    let reader = Seats::growing(first, READERS - 1, options, Arc::clone(&file), &hand_overs);
    // All connections are to one file.
    file.check().with_context(gone)?;
    let presence = Processes::begin(&path, files);
    let presence = presence.with_context(|| format!("DATABASE_URL: no file can be made beside {}", path.display()))?;
    let sqlite = Some(Arc::new(Sqlite { write_ahead, file }));
    let shown = path.display().to_string();
    let watcher = reader.clone();
    Ok(Parts { writer, reader, watcher, sqlite, presence: Arc::new(presence), hand_overs, shown })
}

/// Refuses a damaged file before anything is read from it, or worse, added to it.
async fn check(connection: &mut SqliteConnection, path: &Path) -> anyhow::Result<()> {
    if std::fs::metadata(path).is_ok_and(|file| MAX_CHECKED_BYTES < file.len()) {
        return Ok(());
    }
    let checked = sqlx::query_scalar("pragma quick_check(1)").fetch_one(connection).await;
    let found: String = checked.unwrap_or_else(|error| error.to_string());
    let found = found.lines().last().unwrap_or_default();
    if found == "ok" { Ok(()) } else { Err(damaged(path, found)) }
}

/// Where the damage is in the first pages, not even a connection can be opened.
fn not_opened(error: sqlx::Error, path: &Path) -> anyhow::Error {
    match &error {
        sqlx::Error::Database(cause) if fault(&error) == Some(Fault::Damaged) => damaged(path, cause.message()),
        _ => anyhow::Error::new(error)
            .context(format!("DATABASE_URL: {} cannot be opened as a database", path.display())),
    }
}

fn damaged(path: &Path, found: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "DATABASE_URL: {} is damaged ({found}). Restore a backup (rivulet restore); sqlite3's .recover may save what is in it",
        path.display()
    )
}

/// Makes the folder and an empty file, and keeps restores away from it.
fn take(path: &Path) -> anyhow::Result<Lock> {
    let unwritable = || format!("DATABASE_URL: {} cannot be written", path.display());
    std::fs::create_dir_all(owner::folder(path)).with_context(unwritable)?;
    let lock = Lock::shared(path).context("DATABASE_URL")?;
    make_private(path).with_context(unwritable)?;
    Ok(lock)
}

/// Makes an empty file that only its owner can read, where there is none: conversations are private.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let is_new = !path.exists();
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    // A command that root runs before the server's first start. SQLite gives its own files to the owner of this one.
    if is_new {
        // Others than root have nothing to give away.
        owner::give_as_folder(&file, path).ok();
    }
    Ok(())
}
