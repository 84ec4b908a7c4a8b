//! The version of the tables: what a file has, compared with what this program knows.

use anyhow::bail;
use sqlx::SqliteConnection;
use sqlx::migrate::Migrator;
use std::path::Path;

/// The tables, one file per change.
pub(super) static MIGRATOR: Migrator = sqlx::migrate!();

/// What the tables of a file are, where this program can use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There are none: a new file.
    Empty,
    /// Of an earlier version, which is this number.
    Older(i64),
    Current,
}

/// The version that this program makes of every database.
pub fn newest() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// # Errors
/// A sentence: the tables are of a newer version, have been changed by hand, or belong to another program.
pub(super) async fn of(connection: &mut SqliteConnection, path: &Path) -> anyhow::Result<Schema> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
    )
    .fetch_all(&mut *connection)
    .await?;
    if tables.is_empty() {
        return Ok(Schema::Empty);
    }
    let shown = path.display();
    if !tables.iter().any(|name| name == "_sqlx_migrations") {
        bail!("{shown} is the database of another program. Name a file of its own for Rivulet");
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("select version, checksum, success from _sqlx_migrations order by version")
            .fetch_all(&mut *connection)
            .await?;
    let Some((version, ..)) = applied.last() else { return Ok(Schema::Empty) };
    let known = newest();
    if known < *version {
        bail!(
            "{shown} was written by a newer version of Rivulet: its tables are of version {version}, and this program \
             knows them up to {known}. Start the newer version, or restore a backup that was made before the update"
        );
    }
    let is_ours = |(version, checksum, success): &(i64, Vec<u8>, bool)| {
        *success && MIGRATOR.iter().any(|known| known.version == *version && *known.checksum == checksum[..])
    };
    if let Some((version, ..)) = applied.iter().find(|row| !is_ours(row)) {
        bail!(
            "{shown} does not have the tables of any version of Rivulet (change {version} differs). Restore a backup, or \
             start the program that wrote it"
        );
    }
    Ok(if applied.len() < MIGRATOR.iter().count() { Schema::Older(*version) } else { Schema::Current })
}
