//! A write transaction.
//!
//! Not sqlx's own: SQLite rolls some transactions back by itself (a full disk, a failed read), sqlx then counts one
//! that does not exist, and its connection never begins another. With a single writer that would be the end of all
//! writing.

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use std::ops::{Deref, DerefMut};

/// Rolled back when it is dropped without a commit.
pub(crate) struct Write {
    /// None after the commit.
    connection: Option<PoolConnection<Sqlite>>,
}

impl Write {
    /// Waits for its turn, and takes the database's one write lock.
    pub(super) async fn begin(pool: &SqlitePool) -> sqlx::Result<Self> {
        let mut write = Self { connection: Some(pool.acquire().await?) };
        sqlx::query("begin immediate").execute(&mut *write).await?;
        Ok(write)
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("commit").execute(&mut *self).await?;
        self.connection = None;
        Ok(())
    }
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("only a commit takes it, and the commit takes this as well")
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("only a commit takes it, and the commit takes this as well")
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        let (Some(connection), Ok(runtime)) = (self.connection.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(roll_back(connection));
    }
}

/// Returns the connection to the pool when no transaction is open in it, and else closes it: the pool then opens
/// another.
async fn roll_back(mut connection: PoolConnection<Sqlite>) {
    // Fails where SQLite has rolled back already; then a new transaction can be begun.
    if execute(&mut connection, "rollback").await || is_clear(&mut connection).await {
        return;
    }
    tracing::error!("A transaction could not be rolled back, so its connection is closed");
    if let Err(error) = connection.close().await {
        tracing::error!(%error, "The connection could not be closed in order");
    }
}

async fn is_clear(connection: &mut SqliteConnection) -> bool {
    execute(connection, "begin").await && execute(connection, "rollback").await
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> bool {
    sqlx::query(statement).execute(connection).await.is_ok()
}
