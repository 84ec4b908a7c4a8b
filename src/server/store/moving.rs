//! Takes a database of SQLite along to PostgreSQL.
//!
//! All of it is one transaction there, so what is broken off has done nothing, and is begun again. Before that transaction
//! is committed, it is read back and compared. The source is only read, and nobody else has it meanwhile.

mod table;

use super::backup::{self, is_used};
use super::lock::{Lock, in_use};
use super::postgres;
use super::schema::Schema;
use super::sql::fault::may_have_committed;
use super::updating;
use anyhow::{Context, bail, ensure};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::path::Path;
use table::Table;

/// Each table after those that it refers to.
const TABLES: [&str; 33] = [
    "account",
    "site",
    "site_agent",
    "visitor",
    "visitor_token",
    "site_usage",
    "session",
    "conversation",
    "message",
    "usage",
    "picture",
    "image",
    "message_image",
    "known_browser",
    "api_token",
    "invitation",
    "audit",
    "revocation",
    "setting",
    "identity",
    "oidc_used",
    "usage_of_deleted",
    "password_reset",
    "assignment",
    "assignment_change",
    "list_entry",
    "queued_message",
    "preferences",
    "share",
    "share_link",
    "public_link",
    "used_conversation",
    "write_rate",
];
/// What is in these is about the processes that run on one database, or is the search index, which is written anew there.
const LEFT: [&str; 6] = ["node", "news", "search_account", "search_place", "search_part", "search_block"];

/// What was taken along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    pub accounts: u64,
    pub conversations: u64,
    pub rows: u64,
}

/// All may be there, or nothing.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unanswered(sqlx::Error);

/// Copies everything. `to` is a database of PostgreSQL in which nothing is yet.
///
/// # Errors
/// A sentence. Nothing is changed then, but that the other database may have tables; or it says that the last answer was
/// lost.
pub async fn copy(database: &Path, to: &PgConnectOptions) -> anyhow::Result<Moved> {
    if updating::look(database).await? != Schema::Current {
        bail!(
            "DATABASE_URL: {} is of an earlier version of Rivulet. Start Rivulet once, which brings it up to date",
            database.display()
        );
    }
    // No server and no command begins on it from here to the end.
    let _lock = Lock::alone(database)?;
    ensure!(!is_used(database)?, in_use(database));
    postgres::bring_up_to_date(to).await.map_err(of_target)?;
    let mut source = backup::open(database).await?;
    let mut target = postgres::connect(to).await.map_err(of_target)?;
    let moved = all(&mut source, &mut target).await;
    let is_unanswered = moved.as_ref().is_err_and(|error| error.is::<Unanswered>());
    source.close().await.ok();
    // What is not committed is undone with the connection.
    target.close().await.ok();
    moved.with_context(|| match is_unanswered {
        true => format!("The last answer of {} was lost: look whether everything is there", postgres::shown(to)),
        false => format!("Nothing was moved to {}", postgres::shown(to)),
    })
}

/// Its sentences are about the database that a server is given.
fn of_target(error: anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!(format!("{error:#}").replace("DATABASE_URL", "--to"))
}

async fn all(source: &mut SqliteConnection, target: &mut PgConnection) -> anyhow::Result<Moved> {
    ensure_all_known(source).await?;
    let mut begun = target.begin().await?;
    // Tables of any size are read between two statements.
    let limits = ["statement_timeout", "idle_in_transaction_session_timeout"];
    for limit in limits {
        sqlx::query(AssertSqlSafe(format!("set local {limit} = 0"))).execute(&mut *begun).await?;
    }
    ensure_empty(&mut begun).await?;
    let mut moved = Moved { accounts: 0, conversations: 0, rows: 0 };
    for name in TABLES {
        let table = Table::of(source, name).await?;
        let copied = table.copy(source, &mut begun).await.with_context(|| format!("The table {name}"))?;
        let found = table.read_back(&mut begun).await.with_context(|| format!("The table {name}"))?;
        ensure!(copied == found, "The table {name} is not the same there: {copied} copied, {found} found");
        match name {
            "account" => moved.accounts = copied.rows,
            "conversation" => moved.conversations = copied.rows,
            _ => {}
        }
        moved.rows += copied.rows;
    }
    match begun.commit().await {
        Err(lost) if may_have_committed(&lost) => Err(Unanswered(lost).into()),
        done => Ok(done.map(|()| moved)?),
    }
}

/// A table that a later version has, and this list has not, would be left behind.
async fn ensure_all_known(source: &mut SqliteConnection) -> anyhow::Result<()> {
    let tables = "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(source).await?;
    let is_known = |name: &str| TABLES.contains(&name) || LEFT.contains(&name) || name == "_sqlx_migrations";
    let other = tables.iter().find(|name| !is_known(name));
    ensure!(other.is_none(), "There is a table that is not known: {}", other.map_or("", String::as_str));
    Ok(())
}

/// And keeps everybody away until the end: a server that starts meanwhile waits, and then gives up.
async fn ensure_empty(target: &mut PgConnection) -> anyhow::Result<()> {
    let lock = format!("lock table {}, {} in access exclusive mode", TABLES.join(", "), LEFT.join(", "));
    let locked = sqlx::query(AssertSqlSafe(lock)).execute(&mut *target).await;
    locked.context("Somebody else is using the database. Stop the servers that run on it")?;
    for name in TABLES {
        let any = format!("select exists (select 1 from {name})");
        let any: bool = sqlx::query_scalar(AssertSqlSafe(any)).fetch_one(&mut *target).await?;
        ensure!(!any, "There is something in its table {name} already. Make another database, or this one anew");
    }
    let served = "select exists (select 1 from node where dead_at is null)";
    let is_served: bool = sqlx::query_scalar(served).fetch_one(&mut *target).await?;
    ensure!(!is_served, "A server runs on it, or was killed there. Make another database, or this one anew");
    Ok(())
}
