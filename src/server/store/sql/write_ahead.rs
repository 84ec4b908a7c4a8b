//! The write-ahead log, folded into the database's file by a connection of its own.
//!
//! SQLite itself does it in whichever commit comes when the log has a thousand pages, with two fsyncs in it: a message
//! that happens to be that commit waits for several milliseconds. So all other connections leave it alone
//! (`wal_autocheckpoint` 0), commands that run beside the server included.
//!
//! One fsync remains in a commit: the first after the whole log was folded begins it anew, and syncs its header. So the
//! log is not folded at each look, but when it is worth that.

use super::{Seats, query};
use crate::server::sync::lock;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// How long readers and writers are waited for, with the writer's lock held: longer than our reads take.
const PATIENCE: Duration = Duration::from_millis(100);
/// The number of pages from which on the log is folded: 16 MiB are written in the background in a tenth of a second.
const WORTH_IT: i64 = 4_096;
/// Fewer are folded after this time: what is in the log alone may be lost when the machine loses power.
const AT_LATEST: Duration = Duration::from_secs(30);
/// How often the log is begun anew by force, where it is too long: it keeps the writer waiting for up to `PATIENCE`.
const FORCED_EVERY: Duration = Duration::from_secs(5);
/// The largest log, but for what readers still need. Its file is cut down to this when it begins anew.
pub(crate) const MAX_LOG_BYTES: i64 = 64 << 20;
/// A page of the database, as SQLite makes it where nothing else is asked for.
const PAGE_BYTES: i64 = 4_096;

/// How a checkpoint is made (<https://sqlite.org/pragma.html#pragma_wal_checkpoint>).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Only looks.
    Noop,
    /// Folds what no reader needs, beside the writer.
    Passive,
    /// Folds all of it and lets the next commit begin the log anew. The writer waits.
    Restart,
    /// Like restart, and then cuts the log's file to nothing.
    Truncate,
}

impl Mode {
    fn pragma(self) -> &'static str {
        match self {
            Self::Noop => "pragma wal_checkpoint(noop)",
            Self::Passive => "pragma wal_checkpoint(passive)",
            Self::Restart => "pragma wal_checkpoint(restart)",
            Self::Truncate => "pragma wal_checkpoint(truncate)",
        }
    }
}

/// The log after a checkpoint.
struct Log {
    /// Others needed it, so that it was not folded as was asked for.
    is_busy: bool,
    pages: i64,
    folded: i64,
}

/// Keeps the write-ahead log short.
#[derive(Debug)]
pub(crate) struct WriteAhead {
    seats: Seats,
    most_pages: i64,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    folded: Instant,
    forced: Option<Instant>,
}

/// What a connection that may write leaves to [`WriteAhead`].
pub(crate) fn left_alone(options: SqliteConnectOptions, max_bytes: i64) -> SqliteConnectOptions {
    options.pragma("wal_autocheckpoint", "0").pragma("journal_size_limit", max_bytes.to_string())
}

impl WriteAhead {
    /// Opens the connection. `options` are the writer's.
    pub(crate) async fn open(
        options: &SqliteConnectOptions,
        max_bytes: i64,
        hand_overs: &Arc<AtomicU64>,
    ) -> sqlx::Result<Self> {
        let options = options.clone().busy_timeout(PATIENCE);
        let seats = Seats::new(vec![options.connect().await?], options, hand_overs);
        let last = Mutex::new(Last { folded: Instant::now(), forced: None });
        Ok(Self { seats, most_pages: max_bytes / PAGE_BYTES, last })
    }

    /// Folds the log where it is worth it, and begins it anew where it is too long. To be called twice a second.
    pub(crate) async fn tend(&self) -> sqlx::Result<()> {
        let log = self.checkpoint(Mode::Noop).await?;
        let waiting = log.pages - log.folded;
        let is_late = AT_LATEST <= lock(&self.last).folded.elapsed();
        if waiting < WORTH_IT.min(self.most_pages) && (!is_late || waiting == 0) {
            return Ok(());
        }
        let log = self.checkpoint(Mode::Passive).await?;
        lock(&self.last).folded = Instant::now();
        if self.most_pages < log.pages && self.may_force() {
            // Right after the other, so that little is left to copy while the writer waits.
            self.checkpoint(Mode::Restart).await?;
        }
        Ok(())
    }

    /// Folds all of the log and empties its file. Whether that worked: it does not while others read what is in it.
    pub(crate) async fn empty(&self) -> sqlx::Result<bool> {
        self.checkpoint(Mode::Passive).await?;
        Ok(!self.checkpoint(Mode::Truncate).await?.is_busy)
    }

    /// Empties the log where nobody else needs it, and closes the connection.
    pub(crate) async fn close(&self) {
        match self.empty().await {
            Ok(_) | Err(sqlx::Error::PoolClosed) => {}
            Err(error) => tracing::warn!(%error, "The write-ahead log could not be emptied"),
        }
        self.seats.close().await;
    }

    fn may_force(&self) -> bool {
        let mut last = lock(&self.last);
        let may = last.forced.is_none_or(|forced| FORCED_EVERY <= forced.elapsed());
        if may {
            last.forced = Some(Instant::now());
        }
        may
    }

    async fn checkpoint(&self, mode: Mode) -> sqlx::Result<Log> {
        let row = query(mode.pragma()).fetch_one(&self.seats).await?;
        let is_busy = row.try_get::<i64>("busy")? != 0;
        Ok(Log { is_busy, pages: row.try_get("log")?, folded: row.try_get("checkpointed")? })
    }
}
