//! Whether a copy is whole and sound, and what is in it.

use super::partial::is_partial;
use crate::server::store::schema::{self, Schema};
use anyhow::{Context, bail, ensure};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The first bytes of every SQLite database, and how many are read to know its length
/// (<https://sqlite.org/fileformat.html>, 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const HEAD_BYTES: usize = 100;

/// How much a copy holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    pub accounts: i64,
    pub conversations: i64,
    pub messages: i64,
    pub images: i64,
    /// The version of its tables.
    pub version: i64,
    pub bytes: u64,
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: i64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let Self { accounts, conversations, messages, images, .. } = *self;
        write!(f, "{}, {}, ", plural(accounts, "account"), plural(conversations, "conversation"))?;
        write!(f, "{}, {}, ", plural(messages, "message"), plural(images, "image"))?;
        write!(f, "{:.1} MiB", self.bytes as f64 / f64::from(1 << 20))
    }
}

/// What a file holds, where it is a whole and sound database of Rivulet that no program is writing to.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub async fn contents(path: &Path) -> anyhow::Result<Contents> {
    let bytes = bytes_if_whole(path)?;
    // Nothing is written beside it, not even a log.
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
    let shown = path.display();
    let mut connection = options.connect().await.with_context(|| format!("{shown} cannot be opened"))?;
    sound(&mut connection, path).await?;
    let version = match schema::of(&mut connection, path).await? {
        Schema::Empty => bail!("{shown} is empty: it is no backup of Rivulet"),
        Schema::Older(version) => version,
        Schema::Current => schema::newest(),
    };
    let accounts = count(&mut connection, "select count(*) from account").await?;
    let conversations = count(&mut connection, "select count(*) from conversation").await?;
    let messages = count(&mut connection, "select count(*) from message").await?;
    // The earliest versions have no images.
    let images = count(&mut connection, "select count(*) from image").await.unwrap_or_default();
    connection.close().await.ok();
    Ok(Contents { accounts, conversations, messages, images, version, bytes })
}

/// Refuses what `rivulet backup` has not finished, and raw copies of the files of a running server.
pub(super) fn ensure_finished(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    ensure!(!is_partial(path), "{shown} is a copy that was not finished. Take one that was");
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(&log).is_ok_and(|log| 0 < log.len());
    ensure!(
        !has_log,
        "{shown} has a log beside it, in which a part of the data is. Make one file of both first: \
         DATABASE_URL=sqlite:{shown} rivulet backup whole.db"
    );
    Ok(())
}

/// The file's length, where it is the one that its head names: what was cut off can look sound otherwise.
fn bytes_if_whole(path: &Path) -> anyhow::Result<u64> {
    let shown = path.display();
    let mut file = File::open(path).with_context(|| format!("{shown} cannot be read"))?;
    let bytes = file.metadata()?.len();
    let mut head = [0; HEAD_BYTES];
    let is_database = file.read_exact(&mut head).is_ok() && head.starts_with(MAGIC);
    ensure!(is_database, "{shown} is not a database");
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let page = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65_536,
        size => u64::from(size),
    };
    // The count holds where the two numbers of the last change are equal.
    let is_counted = number(24) == number(92);
    let whole = page * u64::from(number(28));
    ensure!(!is_counted || bytes == whole, "{shown} is not whole: it has {bytes} of {whole} bytes");
    Ok(bytes)
}

async fn sound(connection: &mut SqliteConnection, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let checked = sqlx::query_scalar("pragma integrity_check(1)").fetch_one(&mut *connection).await;
    let found: String = checked.unwrap_or_else(|error| error.to_string());
    let found = found.lines().last().unwrap_or_default();
    ensure!(found == "ok", "{shown} is damaged ({found}). Take another copy");
    let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut *connection).await?;
    ensure!(broken.is_empty(), "{shown} is not sound: {} rows refer to others that are not there", broken.len());
    Ok(())
}

async fn count(connection: &mut SqliteConnection, query: &'static str) -> sqlx::Result<i64> {
    sqlx::query_scalar(query).fetch_one(connection).await
}
