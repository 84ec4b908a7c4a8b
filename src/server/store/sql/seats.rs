//! The store's connections, kept by ourselves.
//!
//! sqlx's pool sends each connection that is returned a command of its own, and spawns a task that waits for the
//! answer (sqlx-core 0.9, `pool/connection.rs`): for short statements that is as much work again as the statement. Here
//! a connection is put back at once; only one that was left half-way is looked after in a task.

mod source;

use super::Connection;
use super::connection::{Last, Link, Remote, is_silence};
use crate::server::store::file::Opened;
use crate::server::sync::lock;
pub(crate) use source::Server;
use source::Source;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long a caller waits for its turn and a connection that works.
const TAKING: Duration = Duration::from_secs(10);
/// A connection to PostgreSQL that was not used for longer is asked whether it still works: what is on the way forgets
/// connections that are silent.
const IDLE: Duration = Duration::from_secs(30);
/// A session of PostgreSQL keeps memory for all that it has read; and after a change of the server's name, new ones find
/// the new server.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A fixed number of connections, each taken by one caller at a time. Cheap to clone. A statement takes one for itself.
#[derive(Clone, Debug)]
pub(crate) struct Seats {
    inner: Arc<Inner>,
    /// One of these is needed too, where its callers may not have all connections at one time.
    share: Option<Arc<Semaphore>>,
}

/// Holds the place of one caller until its connection is free again.
#[derive(Debug)]
struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_share: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Inner {
    /// The one that was put back last is taken first: its pages and statements are the most likely to be in memory.
    free: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
    count: u32,
    is_closed: AtomicBool,
    source: Source,
    /// How many connections have broken. One that has not been used since then is likely to be broken too.
    generation: AtomicU64,
    /// How often tables were found to be changed. What was prepared before on a connection is of no use then.
    tables: AtomicU64,
    hand_overs: Arc<AtomicU64>,
}

impl Seats {
    /// Keeps these connections to SQLite. One that has to be closed is replaced by another, opened with `options`.
    pub(crate) fn new(
        connections: Vec<SqliteConnection>,
        options: SqliteConnectOptions,
        hand_overs: &Arc<AtomicU64>,
    ) -> Self {
        Self::with(connections, 0, Source::Sqlite { options: options.into(), file: None }, hand_overs)
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
        Self::with(vec![first], more, Source::Sqlite { options: options.into(), file: Some(file) }, hand_overs)
    }

    /// Up to `count` connections to PostgreSQL, each opened when all others are in use.
    pub(crate) fn postgres(count: usize, server: impl Into<Server>, hand_overs: &Arc<AtomicU64>) -> Self {
        Self::with(Vec::new(), count, Source::Postgres(server.into()), hand_overs)
    }

    fn with(connections: Vec<SqliteConnection>, more: usize, source: Source, hand_overs: &Arc<AtomicU64>) -> Self {
        let count = u32::try_from(connections.len() + more).expect("a handful of connections");
        let keep = |inner| Connection::new(Link::Sqlite(inner), Arc::clone(hand_overs));
        let inner = Inner {
            free: Mutex::new(connections.into_iter().map(keep).collect()),
            turns: Arc::new(Semaphore::new(count as usize)),
            count,
            is_closed: AtomicBool::new(false),
            source,
            generation: AtomicU64::new(0),
            tables: AtomicU64::new(0),
            hand_overs: Arc::clone(hand_overs),
        };
        Self { inner: Arc::new(inner), share: None }
    }

    /// These connections, of which no more than `most` are in use by those who take them here: the others are left to
    /// everybody else.
    pub(in crate::server::store) fn at_most(&self, most: usize) -> Self {
        Self { inner: Arc::clone(&self.inner), share: Some(Arc::new(Semaphore::new(most))) }
    }

    /// Waits for a connection: first come, first served.
    ///
    /// # Errors
    /// `PoolTimedOut`: all of them were in use for ten seconds. `PoolClosed`: the store was closed. `Io`: PostgreSQL takes no
    /// connection, or does not answer within the ten seconds.
    pub(crate) async fn take(&self) -> sqlx::Result<Taken> {
        let (inner, deadline) = (&self.inner, Instant::now() + TAKING);
        let turn = match self.free_turn() {
            Some(turn) => turn,
            None => timeout_at(deadline, self.turn()).await.map_err(|_| sqlx::Error::PoolTimedOut)??,
        };
        if inner.is_closed.load(Ordering::Acquire) {
            return Err(sqlx::Error::PoolClosed);
        }
        let connection = match inner.source {
            Source::Sqlite { .. } => inner.fit_or_new().await?,
            Source::Postgres(_) => {
                let found = timeout_at(deadline, inner.fit_or_new()).await;
                found.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))?
            }
        };
        Ok(Taken { kept: Some((connection, turn)), has_transaction: false, seats: Arc::clone(inner) })
    }

    /// Where nobody has to wait, which is nearly always.
    fn free_turn(&self) -> Option<Turn> {
        let of_share = match &self.share {
            Some(share) => Some(Arc::clone(share).try_acquire_owned().ok()?),
            None => None,
        };
        Some(Turn { _of_all: Arc::clone(&self.inner.turns).try_acquire_owned().ok()?, _of_share: of_share })
    }

    async fn turn(&self) -> sqlx::Result<Turn> {
        let of_share = match &self.share {
            Some(share) => Some(acquire(share).await?),
            None => None,
        };
        Ok(Turn { _of_all: acquire(&self.inner.turns).await?, _of_share: of_share })
    }

    /// Closes every connection once it is put back. Nothing can be taken any more.
    pub(crate) async fn close(&self) {
        let inner = &self.inner;
        inner.is_closed.store(true, Ordering::Release);
        let Ok(_all) = inner.turns.acquire_many(inner.count).await else { return };
        let free = std::mem::take(&mut *lock(&inner.free));
        for connection in free {
            close(connection).await;
        }
        inner.turns.close();
    }
}

async fn acquire(turns: &Arc<Semaphore>) -> sqlx::Result<OwnedSemaphorePermit> {
    Arc::clone(turns).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)
}

impl Inner {
    async fn fit_or_new(&self) -> sqlx::Result<Connection> {
        match self.fit().await {
            Some(connection) => Ok(connection),
            None => self.open().await,
        }
    }

    /// One that is free and works.
    async fn fit(&self) -> Option<Connection> {
        loop {
            let mut connection = lock(&self.free).pop()?;
            let Link::Postgres(remote) = &mut connection.link else { return Some(connection) };
            if !self.source.has_named(remote) {
                // It is ended, or about to be, as all others of that name: there is nobody to take leave of.
                lock(&self.free).retain(|other| match &other.link {
                    Link::Postgres(remote) => self.source.has_named(remote),
                    Link::Sqlite(_) => true,
                });
                continue;
            }
            let is_outdated = remote.tables != self.tables.load(Ordering::Acquire);
            if is_outdated || LIFETIME <= remote.opened.elapsed() {
                close(connection).await;
                continue;
            }
            let generation = self.generation.load(Ordering::Acquire);
            if remote.generation == generation && remote.idle_since.elapsed() < IDLE {
                return Some(connection);
            }
            remote.generation = generation;
            let asked_at = Instant::now();
            match connection.answers().await {
                Ok(()) => return Some(connection),
                Err(error) => self.broke(&error, asked_at),
            }
        }
    }

    /// One that was asked is broken. Where no answer came, those that nobody has used since are lost with it: what is on the
    /// way has forgotten them all, or is gone, and each would be waited for as long.
    fn broke(&self, error: &sqlx::Error, asked_at: Instant) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        if is_silence(error) {
            lock(&self.free).retain(|connection| connection.was_used_after(asked_at));
        }
    }

    /// Opens a connection, and checks afterwards which file it has opened.
    async fn open(&self) -> sqlx::Result<Connection> {
        let link = match &self.source {
            Source::Sqlite { options, file } => {
                let opened = options.connect().await?;
                if let Some(file) = file {
                    file.check()?;
                }
                Link::Sqlite(opened)
            }
            Source::Postgres(server) => {
                let generation = self.generation.load(Ordering::Acquire);
                let tables = self.tables.load(Ordering::Acquire);
                let options = (server.options)();
                let name = options.get_application_name().unwrap_or_default().into();
                let mut inner = options.connect().await.map_err(away)?;
                notice_absence(&mut inner).await?;
                let now = Instant::now();
                Link::Postgres(Remote { inner, name, opened: now, idle_since: now, generation, tables })
            }
        };
        Ok(Connection::new(link, Arc::clone(&self.hand_overs)))
    }

    fn put_back(&self, mut connection: Connection) {
        if let Link::Postgres(remote) = &mut connection.link {
            remote.idle_since = Instant::now();
        }
        lock(&self.free).push(connection);
    }
}

/// A socket that is not there: the server is not running. "Not found" is said of SQLite's file.
fn away(error: sqlx::Error) -> sqlx::Error {
    match error {
        sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::NotFound => {
            io::Error::new(io::ErrorKind::ConnectionRefused, cause).into()
        }
        error => error,
    }
}

async fn close(connection: Connection) {
    if let Err(error) = connection.close().await {
        tracing::error!(%error, "A connection to the database could not be closed in order");
    }
}

/// A connection that its holder has for itself. Dropped, it is put back: at once when no command is under way and no
/// transaction is open, else after a roll-back. One to PostgreSQL that is lost is dropped.
pub(crate) struct Taken {
    /// None only once it is dropped.
    kept: Option<(Connection, Turn)>,
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
        match connection.last {
            Last::Broken => _ = self.seats.generation.fetch_add(1, Ordering::AcqRel),
            Last::Outdated => _ = self.seats.tables.fetch_add(1, Ordering::AcqRel),
            Last::Succeeded | Last::UnderWay | Last::Failed => {}
        }
        // A read of somebody who went away.
        if connection.is_postgres() && connection.last == Last::UnderWay && !self.has_transaction {
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(catch_up(Arc::clone(&self.seats), connection, turn));
            }
            return;
        }
        // The server ends what was begun when it finds the connection gone.
        if connection.is_lost() {
            return drop(connection);
        }
        if !self.has_transaction && connection.last == Last::Succeeded {
            self.seats.put_back(connection);
            return drop(turn);
        }
        // Without a runtime it is closed, by being dropped.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(roll_back(Arc::clone(&self.seats), connection, turn));
        }
    }
}

/// Puts the connection back once PostgreSQL has answered what its caller has given up. Its turn is kept until then: those
/// who ask and go away do not make more sessions than there are turns, and the next caller need not open another.
///
/// What takes longer is left to the server, which looks each second whether anybody still waits for it.
async fn catch_up(seats: Arc<Inner>, mut connection: Connection, turn: Turn) {
    if connection.catches_up().await {
        seats.put_back(connection);
    }
    drop(turn);
}

/// Has the server look each second whether its client is still there while it works, and give up where it is not.
///
/// Not set with the others when the session begins: PostgreSQL on Windows cannot do it, and would refuse the session.
async fn notice_absence(session: &mut PgConnection) -> sqlx::Result<()> {
    match sqlx::raw_sql("set client_connection_check_interval = '1s'").execute(session).await {
        Err(sqlx::Error::Database(_)) => Ok(()),
        done => done.map(drop),
    }
}

/// Puts the connection back when no transaction is open in it, and else closes it: another is then opened when one is
/// needed.
///
/// Not left to sqlx: SQLite rolls some transactions back by itself (a full disk, a failed read), sqlx then counts one
/// that does not exist, and its connection never begins another. With a single writer that would be the end of all
/// writing.
async fn roll_back(seats: Arc<Inner>, mut connection: Connection, turn: Turn) {
    // Fails where there is none, or SQLite has rolled back already; then a new transaction can be begun.
    let is_clear = connection.succeeds("rollback").await
        || !connection.is_lost() && connection.succeeds("begin").await && connection.succeeds("rollback").await;
    if is_clear {
        seats.put_back(connection);
    } else if connection.is_postgres() {
        seats.generation.fetch_add(1, Ordering::AcqRel);
        tracing::warn!("A connection to the database is broken, and is opened anew");
    } else {
        tracing::error!("A transaction could not be rolled back, so its connection is closed");
        close(connection).await;
    }
    drop(turn);
}
