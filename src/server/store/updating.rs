//! Brings the tables of a database up to date, and copies the database before.

use super::backup;
use super::lock::Lock;
use super::schema::{self, MIGRATOR, Schema};
use anyhow::Context;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

/// Brings the tables up to date. Where that changes tables that are there, a copy of the database is made first in the
/// folder `copies`.
///
/// # Errors
/// A sentence. Each change is one transaction, so the tables are then those of some earlier version.
pub(super) async fn bring_up_to_date(
    connection: &mut SqliteConnection,
    path: &Path,
    copies: Option<&Path>,
) -> anyhow::Result<()> {
    let schema = schema::of(connection, path).await.context("DATABASE_URL")?;
    if let (Schema::Older(from), Some(folder)) = (schema, copies) {
        let copied = backup::before_update(path, folder, from, schema::newest()).await;
        let copy = copied.with_context(|| {
            format!(
                "DATABASE_URL: this version changes the tables of {}, and the copy that is made before could not be. Make room \
                 for it, or set RIVULET_BACKUP_BEFORE_UPDATE=off",
                path.display()
            )
        })?;
        tracing::info!(copy = %copy.display(), "The database was copied before its tables are changed");
    }
    let done = MIGRATOR.run(connection).await;
    done.with_context(|| format!("DATABASE_URL: the tables of {} could not be brought up to date", path.display()))
}

/// What the tables of a database are. Nothing is changed.
///
/// # Errors
/// A sentence: there is no database, or not one that this program can use.
pub async fn look(database: &Path) -> anyhow::Result<Schema> {
    let _lock = Lock::to_copy(database).context("DATABASE_URL")?;
    let mut connection = backup::open(database).await?;
    let found = schema::of(&mut connection, database).await.context("DATABASE_URL");
    connection.close().await.ok();
    found
}
