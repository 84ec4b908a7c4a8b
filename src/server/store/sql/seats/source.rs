//! How a connection is opened that is not open yet, or that replaces one that had to be closed.

use super::Remote;
use crate::server::store::file::Opened;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::sync::Arc;

/// Where connections come from.
pub(super) enum Source {
    Sqlite {
        options: Box<SqliteConnectOptions>,
        /// The file that it must have opened. None: any.
        file: Option<Arc<Opened>>,
    },
    Postgres(Server),
}

/// How sessions of PostgreSQL are opened, and which of them are still good.
pub(crate) struct Server {
    /// Asked each time: a session has the name of the process, which may change.
    pub(crate) options: Box<dyn Fn() -> PgConnectOptions + Send + Sync>,
    /// Whether a session of this name is this process's. Those with the name of a process that was declared dead are ended
    /// by whichever node reads the verdict, at any time, and would not be found when this process dies.
    pub(crate) is_ours: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl<F: Fn() -> PgConnectOptions + Send + Sync + 'static> From<F> for Server {
    /// Of a process whose sessions have one name.
    fn from(options: F) -> Self {
        Self { options: Box::new(options), is_ours: Box::new(|_| true) }
    }
}

impl Source {
    /// Whether the session has the name of this process as it is now.
    pub(super) fn has_named(&self, remote: &Remote) -> bool {
        match self {
            Self::Sqlite { .. } => true,
            Self::Postgres(server) => (server.is_ours)(&remote.name),
        }
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        })
    }
}
