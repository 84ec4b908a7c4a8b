//! The store: accounts, conversations and messages in SQLite.
//!
//! One writer and some read-only connections: with a single writer no transaction ever fails because of another
//! one of ours (`BEGIN IMMEDIATE` on several lost nine of ten). The SQL is the common subset of SQLite and PostgreSQL,
//! with `$n` parameters, so that a second database needs no second text.
//!
//! Texts are compared byte by byte: pages are cut by `<` and `>` (of conversations, accounts, exports), and their ids,
//! times and names have to have one order everywhere. SQLite compares so; in PostgreSQL it is the collation "C".
//! No text has a U+0000 (`server/nul`).

pub mod accounts;
mod asking;
pub mod audit;
pub mod backup;
pub mod before_send;
pub mod branches;
mod columns;
pub mod conversations;
pub mod deletion;
pub mod endings;
pub mod export;
mod file;
pub mod guests;
pub mod history;
pub mod identities;
pub mod images;
pub mod invitations;
pub mod leaving;
mod lock;
pub mod making;
mod merging;
pub mod messages;
mod names;
mod open_replies;
mod opening;
pub mod other_process;
mod owner;
pub mod people;
pub mod postgres;
pub mod presence;
mod processes;
pub mod public_links;
pub mod quota;
pub mod resets;
pub mod revocations;
pub mod schema;
pub mod search;
mod session_ends;
pub mod sessions;
pub mod sharing;
pub(crate) mod sql;
pub mod tokens;
mod unique;
pub mod updating;
pub mod usage;
mod used;
mod write;
mod writing;

use super::store::processes::Processes;
use crate::error::Problem;
use anyhow::Context;
use lock::Lock;
use presence::Presence;
use sql::write_ahead::{self, MAX_LOG_BYTES, WriteAhead};
use sql::{Key, Seats, query};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use unique::Unique;
use write::{Alone, Write};

/// Reads are short; more connections than this only cost memory. The first is opened at the start.
pub(crate) const READERS: usize = 8;
/// Another process may hold the file briefly (a backup). Beyond this, users are told to try again.
const BUSY: Duration = Duration::from_secs(5);
/// How many statements each connection keeps prepared: more than the store has. sqlx's own limit is fewer, and the
/// statements would then push each other out.
const STATEMENTS: usize = 512;
/// Checking a file takes about a second for a gigabyte: a larger one would delay the start, and the reads that find its
/// damage report it.
const MAX_CHECKED_BYTES: u64 = 64 << 20;
/// What is written and deleted again to check for free space: a long message and its changes to other tables.
const PROBE_BYTES: usize = 16 << 10;
/// The key of that test row; only the check reads it.
const PROBE: &str = "probe";
/// How long a caller is told to wait when the store is busy.
pub const RETRY_AFTER_SECONDS: u64 = 5;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: Seats,
    reader: Seats,
    write_ahead: Arc<WriteAhead>,
    hand_overs: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    held: endings::HeldEndings,
    presence: Arc<dyn Presence>,
    log: Arc<deletion::OldLog>,
    file: Arc<file::Opened>,
}

impl Store {
    /// Opens the database, makes it with its folder if it is not there, and brings its tables up to date.
    ///
    /// `url` is `sqlite:` and a path. The file can be read by its owner only.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        Self::open_with(url, None).await
    }

    /// [`Store::open`], with a folder for the copy that is made before tables are changed.
    pub async fn open_with(url: &str, copies: Option<&Path>) -> anyhow::Result<Self> {
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
        let file = Arc::new(file::Opened::at(&path).with_context(gone)?);
        let mut first = options.connect().await.map_err(|error| not_opened(error, &path))?;
        check(&mut first, &path).await?;
        updating::bring_up_to_date(&mut first, &path, copies).await?;
        let hand_overs = Arc::default();
        let writer = Seats::new(vec![first], options.clone(), &hand_overs);
        let write_ahead = Arc::new(WriteAhead::open(&options, MAX_LOG_BYTES, &hand_overs).await?);
        let options = options.read_only(true);
        let first = options.connect().await?;
        let reader = Seats::growing(first, READERS - 1, options, Arc::clone(&file), &hand_overs);
        // All connections are to one file.
        file.check().with_context(gone)?;
        let presence = Processes::begin(&path, files);
        let presence =
            presence.with_context(|| format!("DATABASE_URL: no file can be made beside {}", path.display()))?;
        let presence: Arc<dyn Presence> = Arc::new(presence);
        let (writes, held, log) = Default::default();
        let store = Self { writer, reader, write_ahead, hand_overs, writes, held, presence, log, file };
        match store.first_writes().await {
            Err(error) if is_full(&error) => {
                tracing::error!(%error, "The disk is full: what is there can be read, and nothing is taken until there is room");
            }
            done => done.with_context(|| format!("DATABASE_URL: {} cannot be written", path.display()))?,
        }
        Ok(store)
    }

    async fn first_writes(&self) -> sqlx::Result<()> {
        self.ready().await?;
        self.fill_looks().await
    }

    /// Starts a write beside which nothing else is written, and checks in it that the caller is still authorised
    /// (`asking`). Call it only from a task that is not dropped half-way (`task::owned`).
    pub(crate) async fn write(&self) -> sqlx::Result<Alone> {
        self.file.check()?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut write = Alone::begin(&self.writer).await?;
        asking::ask_in(&mut write).await?;
        Ok(write)
    }

    /// Starts a write as [`Store::write`] does, for which only those wait that are alone or have one of these keys.
    pub(crate) async fn write_beside(&self, keys: &[Key]) -> sqlx::Result<Write> {
        self.file.check()?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut write = Write::begin(&self.writer, sql::Lock::Beside(keys)).await?;
        asking::ask_in(&mut write).await?;
        Ok(write)
    }

    /// The connections that read: each query takes one of them.
    pub(crate) fn read(&self) -> &Seats {
        &self.reader
    }

    /// How many write transactions were begun since the start.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many commands were handed over to SQLite's threads since the start.
    pub fn hand_overs(&self) -> u64 {
        self.hand_overs.load(Ordering::Relaxed)
    }

    /// Whether the store answers reads and writes, and whether there is free space.
    pub async fn ready(&self) -> sqlx::Result<()> {
        self.file.check()?;
        query("select 1 from account limit 1").execute(&self.reader).await?;
        let mut write = Write::begin(&self.writer, sql::Lock::Beside(&[])).await?;
        // About the size of a message, written and deleted again: a full disk only shows when something is written.
        query(
            "insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
        )
        .bind(PROBE)
        .bind("0".repeat(PROBE_BYTES))
        .execute(&mut write)
        .await?;
        query("delete from setting where name = $1").bind(PROBE).execute(&mut write).await?;
        write.commit().await
    }

    /// Keeps the write-ahead log short. To be called twice a second.
    ///
    /// # Errors
    /// `PoolClosed` once the store is closed.
    pub async fn tend_log(&self) -> sqlx::Result<()> {
        self.write_ahead.tend().await
    }

    /// Closes every connection, after which the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
        self.write_ahead.close().await;
        if let Err(error) = self.presence.end().await {
            tracing::warn!(%error, "What says that this process lives could not be removed");
        }
    }
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
        sqlx::Error::Database(cause) if primary_code(cause.as_ref()) == Some(SQLITE_CORRUPT) => {
            damaged(path, cause.message())
        }
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

/// SQLite's primary result codes that mean "not now" (<https://sqlite.org/rescode.html>).
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::RowNotFound = error {
            return Self::NotFound;
        }
        if asking::is_withdrawn(&error) {
            return Self::Unknown;
        }
        if let Some(unique) = unique::violated(&error) {
            return Self::Conflict(match unique {
                Unique::OpenReply => {
                    "A reply is being written here. Stop it, or wait for its end, then send again.".into()
                }
                Unique::Other => "This id is taken. Use a new one.".into(),
            });
        }
        tracing::error!(%error, "The store failed");
        let message = match &error {
            sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                "The server's database is not where it was. Nothing was saved; tell the administrator."
            }
            sqlx::Error::PoolTimedOut => "The server's database is busy. Nothing was saved; try again in a moment.",
            // The row that it refers to was deleted concurrently.
            sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => return Self::NotFound,
            sqlx::Error::Database(cause) => match primary_code(cause.as_ref()) {
                Some(SQLITE_BUSY | SQLITE_LOCKED) => {
                    "The server's database is busy. Nothing was saved; try again in a moment."
                }
                Some(SQLITE_FULL) => "The server's disk is full. Nothing was saved; tell the administrator.",
                Some(SQLITE_READONLY | SQLITE_IOERR | SQLITE_CANTOPEN) => {
                    "The server cannot write to its database. Nothing was saved; tell the administrator."
                }
                Some(SQLITE_CORRUPT | SQLITE_NOTADB) => "The server's database is damaged. Tell the administrator.",
                _ => return Self::Internal,
            },
            _ => return Self::Internal,
        };
        Self::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS }
    }
}

/// Whether something was not written because the disk is full.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(primary_code) == Some(SQLITE_FULL)
}

fn primary_code(error: &dyn sqlx::error::DatabaseError) -> Option<i32> {
    let code: i32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}
