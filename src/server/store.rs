//! The store: accounts, conversations and messages in SQLite or in PostgreSQL.
//!
//! On SQLite one writer and some read-only connections: with a single writer no transaction ever fails because of another
//! one of ours (`BEGIN IMMEDIATE` on several lost nine of ten). On PostgreSQL each write says which others wait for it
//! (`sql/lock`); where nothing is said, all do. The SQL is the common subset of both, with `$n` parameters, so that there
//! is one text.
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
mod columns_of;
pub mod conversations;
pub mod deletion;
pub mod desk;
pub mod endings;
pub mod export;
mod file;
pub mod forking;
pub mod guests;
pub mod history;
pub mod identities;
pub mod images;
pub mod invitations;
pub mod leaving;
pub mod list_entries;
mod lock;
pub mod making;
mod merging;
pub mod messages;
pub mod moving;
mod names;
pub mod news;
mod open_replies;
pub(crate) mod opening;
pub mod other_process;
mod owner;
pub mod people;
pub mod postgres;
pub mod preferences;
pub mod presence;
mod processes;
pub mod public_links;
pub mod queued;
pub mod quota;
pub mod resets;
pub mod revocations;
pub mod schema;
pub mod search;
mod session_ends;
pub mod sessions;
pub mod sharing;
pub(crate) mod sql;
pub(crate) mod sqlite;
pub mod tokens;
mod unique;
pub mod updating;
pub mod usage;
mod used;
pub mod watching;
mod write;
mod writing;

use crate::error::Problem;
use anyhow::Context;
use news::News;
use presence::Presence;
use presence::beats::{Beats, is_session_of, session};
use sql::fault::{Fault, fault};
use sql::{Key, Seats, Server, query};
use sqlite::Sqlite;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use unique::Unique;
use write::{Alone, Write};

/// Another process may hold SQLite's file briefly (a backup). Beyond this, users are told to try again.
const BUSY: Duration = Duration::from_secs(5);
/// How many sessions of PostgreSQL a node has at most, but for the one that says that it lives, and the one that watches
/// what others ask of this node: of three nodes and those that take their place during an update, fewer than PostgreSQL
/// accepts where nothing is set (100).
pub(crate) const SESSIONS: usize = 14;
/// How many of those may write, or wait for a lock with a transaction begun: readers have the others, however long
/// somebody is alone.
pub(crate) const WRITERS: usize = 9;
/// What is written and deleted again to check for free space: a long message and its changes to other tables.
const PROBE_BYTES: usize = 16 << 10;
/// The key of that test row; only the check reads it.
const PROBE: &str = "probe";
/// How long a caller is told to wait when the store is busy.
pub const RETRY_AFTER_SECONDS: u64 = 5;

/// What is said where a conversation has an open reply already.
const OPEN_ALREADY: &str = "A reply is being written here. Stop it, or wait for its end, then send again.";

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: Seats,
    reader: Seats,
    /// Reads what other processes have withdrawn and stopped, which must not wait for what users read.
    watcher: Seats,
    sqlite: Option<Arc<Sqlite>>,
    hand_overs: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    held: endings::HeldEndings,
    presence: Arc<dyn Presence>,
    log: Arc<deletion::OldLog>,
}

/// What is opened of a database, whichever it is.
struct Parts {
    writer: Seats,
    reader: Seats,
    watcher: Seats,
    /// None: it is PostgreSQL's.
    sqlite: Option<Arc<Sqlite>>,
    presence: Arc<dyn Presence>,
    hand_overs: Arc<AtomicU64>,
    /// Where it is, for people.
    shown: String,
}

impl Store {
    /// Opens the database, and brings its tables up to date.
    ///
    /// `url` is `sqlite:` and a path, or `postgres://` and where it is. A file of SQLite is made with its folder if it is
    /// not there; it can be read by its owner only.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        Self::open_with(url, None).await
    }

    /// [`Store::open`], with a folder for the copy that is made before tables are changed.
    pub async fn open_with(url: &str, copies: Option<&Path>) -> anyhow::Result<Self> {
        let parts = match postgres::is_meant(url) {
            true => on_postgres(url).await?,
            false => sqlite::open(url, copies).await?,
        };
        let Parts { writer, reader, watcher, sqlite, presence, hand_overs, shown } = parts;
        let (writes, held, log) = Default::default();
        let store = Self { writer, reader, watcher, sqlite, hand_overs, writes, held, presence, log };
        match store.first_writes().await {
            Err(error) if is_full(&error) => {
                tracing::error!(%error, "The disk is full: what is there can be read, and nothing is taken until there is room");
            }
            done => done.with_context(|| format!("DATABASE_URL: {shown} cannot be written"))?,
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
        self.write_telling(&[]).await
    }

    /// [`Store::write`], of which other nodes are told.
    pub(crate) async fn write_telling(&self, news: &[News]) -> sqlx::Result<Alone> {
        self.check_file()?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut write = Alone::begin(&self.writer, self.telling(news).as_deref()).await?;
        asking::ask_in(&mut write).await?;
        Ok(write)
    }

    /// Starts a write as [`Store::write_telling`] does, for which only those wait that are alone or have one of these keys.
    pub(crate) async fn write_beside(&self, keys: &[Key], news: &[News]) -> sqlx::Result<Write> {
        self.check_file()?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut write = Write::begin(&self.writer, sql::Lock::Beside(keys), self.telling(news).as_deref()).await?;
        asking::ask_in(&mut write).await?;
        Ok(write)
    }

    /// Whether processes on other machines may work on the database too.
    pub(crate) fn has_nodes(&self) -> bool {
        self.sqlite.is_none()
    }

    /// The connections that read: each query takes one of them.
    pub(crate) fn read(&self) -> &Seats {
        &self.reader
    }

    /// What reads what other processes ask of this one.
    fn watch(&self) -> &Seats {
        &self.watcher
    }

    /// Checks that SQLite's file is still the one that was opened.
    fn check_file(&self) -> sqlx::Result<()> {
        match &self.sqlite {
            Some(sqlite) => Ok(sqlite.file.check()?),
            None => Ok(()),
        }
    }

    /// How many write transactions were begun since the start.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How many commands were handed over to SQLite's threads, or sent to PostgreSQL, since the start.
    pub fn hand_overs(&self) -> u64 {
        self.hand_overs.load(Ordering::Relaxed)
    }

    /// Whether the store answers reads and writes, and whether there is free space.
    pub async fn ready(&self) -> sqlx::Result<()> {
        self.check_file()?;
        query("select 1 from account limit 1").execute(&self.reader).await?;
        let mut write = Write::begin(&self.writer, sql::Lock::Beside(&[]), None).await?;
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
    /// `PoolClosed` once the store is closed, and where there is no such log.
    pub async fn tend_log(&self) -> sqlx::Result<()> {
        match &self.sqlite {
            Some(sqlite) => sqlite.write_ahead.tend().await,
            // Another round never, as when it is closed: PostgreSQL tends its own.
            None => Err(sqlx::Error::PoolClosed),
        }
    }

    /// Closes every connection, after which the write-ahead log is folded into the file.
    pub async fn close(&self) {
        self.watcher.close().await;
        self.reader.close().await;
        self.writer.close().await;
        if let Some(sqlite) = &self.sqlite {
            sqlite.write_ahead.close().await;
        }
        if let Err(error) = self.presence.end().await {
            tracing::warn!(%error, "What says that this process lives could not be removed");
        }
    }
}

/// Opens a database of PostgreSQL, and makes this process known to the others on it.
async fn on_postgres(url: &str) -> anyhow::Result<Parts> {
    let options = postgres::options("DATABASE_URL", url)?;
    postgres::bring_up_to_date(&options).await?;
    let shown = postgres::shown(&options);
    if postgres::is_in_the_open(&options) {
        tracing::warn!(
            "What is sent to the database {shown} can be read and changed on the way there, the password with it: set \
             sslmode=verify-full in DATABASE_URL"
        );
    }
    let presence: Arc<dyn Presence> = Arc::new(Beats::begin(options.clone()).await?);
    let hand_overs = Arc::default();
    let server = || {
        let (options, named, is) = (options.clone(), Arc::clone(&presence), Arc::clone(&presence));
        Server {
            options: Box::new(move || options.clone().application_name(&session(named.process()))),
            is_ours: Box::new(move |name| is_session_of(name, is.process())),
        }
    };
    let watcher = Seats::postgres(1, server(), &hand_overs);
    let reader = Seats::postgres(SESSIONS, server(), &hand_overs);
    let writer = reader.at_most(WRITERS);
    Ok(Parts { writer, reader, watcher, sqlite: None, presence, hand_overs, shown })
}

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
                Unique::OpenReply => OPEN_ALREADY.into(),
                Unique::Other => "This id is taken. Use a new one.".into(),
            });
        }
        tracing::error!(%error, "The store failed");
        if let sqlx::Error::Database(cause) = &error {
            // The row that it refers to was deleted concurrently.
            if cause.is_foreign_key_violation() {
                return Self::NotFound;
            }
        }
        let Some(fault) = fault(&error) else { return Self::Internal };
        let message = match fault {
            Fault::Missing => "The server's database is not where it was. Nothing was saved; tell the administrator.",
            Fault::Busy => "The server's database is busy. Nothing was saved; try again in a moment.",
            Fault::Away => {
                "The server's database does not answer. Look whether it was saved, and try again in a moment."
            }
            Fault::Full => "The server's disk is full. Nothing was saved; tell the administrator.",
            Fault::Unwritable => "The server cannot write to its database. Nothing was saved; tell the administrator.",
            Fault::Damaged => "The server's database is damaged. Tell the administrator.",
        };
        Self::Unavailable { message: message.into(), retry_after_seconds: RETRY_AFTER_SECONDS }
    }
}

/// Whether something was not written because the disk is full.
pub(crate) fn is_full(error: &sqlx::Error) -> bool {
    fault(error) == Some(Fault::Full)
}
