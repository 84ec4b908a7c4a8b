//! The store's connections, kept by ourselves.
//!
//! sqlx's pool sends each connection that is returned a command of its own, and spawns a task that waits for the
//! answer (sqlx-core 0.9, `pool/connection.rs`): for short statements that is as much work again as the statement. Here
//! a connection is put back at once; only one that was left half-way is looked after in a task.

use super::Connection;
use super::connection::{Last, Link};
use crate::server::store::file::Opened;
use crate::server::sync::lock;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long a caller waits for its turn.
const QUEUE: Duration = Duration::from_secs(10);

/// A fixed number of connections, each taken by one caller at a time. Cheap to clone. As an executor it takes one for
/// a single command.
#[derive(Clone, Debug)]
pub(crate) struct Seats(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The one that was put back last is taken first: its pages and statements are the most likely to be in memory.
    free: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
    count: u32,
    is_closed: AtomicBool,
    /// How to open one that is not open yet, or that replaces one that had to be closed.
    options: SqliteConnectOptions,
    /// The file that such a connection must have opened. None: any.
    file: Option<Arc<Opened>>,
    hand_overs: Arc<AtomicU64>,
}

impl Seats {
    /// Keeps these connections. One that has to be closed is replaced by another, opened with `options`.
    pub(crate) fn new(
        connections: Vec<SqliteConnection>,
        options: SqliteConnectOptions,
        hand_overs: &Arc<AtomicU64>,
    ) -> Self {
        Self::with(connections, 0, options, None, hand_overs)
    }

    /// `more` connections besides this one, each opened when all others are in use: a connection takes a third of a
    /// megabyte. One that finds another file at the path than `file` is not used.
    pub(in crate::server::store) fn growing(
        first: SqliteConnection,
        more: usize,
        options: SqliteConnectOptions,
        file: Arc<Opened>,
        hand_overs: &Arc<AtomicU64>,
    ) -> Self {
        Self::with(vec![first], more, options, Some(file), hand_overs)
    }

    fn with(
        connections: Vec<SqliteConnection>,
        more: usize,
        options: SqliteConnectOptions,
        file: Option<Arc<Opened>>,
        hand_overs: &Arc<AtomicU64>,
    ) -> Self {
        let count = u32::try_from(connections.len() + more).expect("a handful of connections");
        let keep = |inner| Connection::new(Link::Sqlite(inner), Arc::clone(hand_overs));
        Self(Arc::new(Inner {
            free: Mutex::new(connections.into_iter().map(keep).collect()),
            turns: Arc::new(Semaphore::new(count as usize)),
            count,
            is_closed: AtomicBool::new(false),
            options,
            file,
            hand_overs: Arc::clone(hand_overs),
        }))
    }

    /// Waits for a connection: first come, first served.
    ///
    /// # Errors
    /// `PoolTimedOut`: all of them were in use for ten seconds. `PoolClosed`: the store was closed.
    pub(crate) async fn take(&self) -> sqlx::Result<Taken> {
        let Self(inner) = self;
        let turns = || Arc::clone(&inner.turns);
        let turn = match turns().try_acquire_owned() {
            Ok(turn) => turn,
            Err(_) => {
                let turn = timeout(QUEUE, turns().acquire_owned()).await;
                turn.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?
            }
        };
        if inner.is_closed.load(Ordering::Acquire) {
            return Err(sqlx::Error::PoolClosed);
        }
        let free = lock(&inner.free).pop();
        let connection = match free {
            Some(connection) => connection,
            None => inner.open().await?,
        };
        Ok(Taken { kept: Some((connection, turn)), has_transaction: false, seats: Arc::clone(inner) })
    }

    /// Closes every connection once it is put back. Nothing can be taken any more.
    pub(crate) async fn close(&self) {
        let Self(inner) = self;
        inner.is_closed.store(true, Ordering::Release);
        let Ok(_all) = inner.turns.acquire_many(inner.count).await else { return };
        let free = std::mem::take(&mut *lock(&inner.free));
        for connection in free {
            close(connection).await;
        }
        inner.turns.close();
    }
}

impl Inner {
    /// Opens a connection, and checks afterwards which file it has opened.
    async fn open(&self) -> sqlx::Result<Connection> {
        let opened = self.options.connect().await?;
        if let Some(file) = &self.file {
            file.check()?;
        }
        Ok(Connection::new(Link::Sqlite(opened), Arc::clone(&self.hand_overs)))
    }
}

async fn close(connection: Connection) {
    if let Err(error) = connection.close().await {
        tracing::error!(%error, "A connection to the database could not be closed in order");
    }
}

/// A connection that its holder has for itself. Dropped, it is put back: at once when no command is under way and no
/// transaction is open, else after a roll-back.
pub(crate) struct Taken {
    /// None only once it is dropped.
    kept: Option<(Connection, OwnedSemaphorePermit)>,
    /// Set by the holder before a transaction begins, and unset after its end.
    pub(crate) has_transaction: bool,
    seats: Arc<Inner>,
}

impl Deref for Taken {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.kept.as_ref().expect("only the drop takes it").0
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.kept.as_mut().expect("only the drop takes it").0
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some((connection, turn)) = self.kept.take() else { return };
        if !self.has_transaction && connection.last == Last::Succeeded {
            lock(&self.seats.free).push(connection);
            return drop(turn);
        }
        // Without a runtime it is closed, by being dropped.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(roll_back(Arc::clone(&self.seats), connection, turn));
        }
    }
}

/// Puts the connection back when no transaction is open in it, and else closes it: another is then opened when one is
/// needed.
///
/// Not left to sqlx: SQLite rolls some transactions back by itself (a full disk, a failed read), sqlx then counts one
/// that does not exist, and its connection never begins another. With a single writer that would be the end of all
/// writing.
async fn roll_back(seats: Arc<Inner>, mut connection: Connection, turn: OwnedSemaphorePermit) {
    // Fails where there is none, or SQLite has rolled back already; then a new transaction can be begun.
    let is_clear = connection.succeeds("rollback").await
        || (connection.succeeds("begin").await && connection.succeeds("rollback").await);
    if is_clear {
        lock(&seats.free).push(connection);
    } else {
        tracing::error!("A transaction could not be rolled back, so its connection is closed");
        close(connection).await;
    }
    drop(turn);
}
