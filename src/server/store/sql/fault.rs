//! What is wrong with the database, by what its driver says.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;
use std::io::ErrorKind;

/// What keeps a statement from being done, other than the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Others use it: it may work in a moment.
    Busy,
    /// It does not answer, or the way to it is broken.
    Away,
    /// Its disk is full.
    Full,
    /// It can be read, but not written.
    Unwritable,
    Damaged,
    /// Its file is not where it was.
    Missing,
}

/// SQLite's primary result codes (<https://sqlite.org/rescode.html>).
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;

/// What PostgreSQL says of a statement whose tables were changed after it was prepared.
const OUTDATED: &str = "0A000";

/// What is wrong, where it is not the statement.
pub(crate) fn fault(error: &sqlx::Error) -> Option<Fault> {
    match error {
        sqlx::Error::PoolTimedOut => Some(Fault::Busy),
        sqlx::Error::Io(cause) if cause.kind() == ErrorKind::NotFound => Some(Fault::Missing),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => Some(Fault::Away),
        sqlx::Error::Database(cause) => of_database(cause.as_ref()),
        _ => None,
    }
}

fn of_database(error: &dyn DatabaseError) -> Option<Fault> {
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return of_postgres(error.code());
    }
    match primary_code(error)? {
        SQLITE_BUSY | SQLITE_LOCKED => Some(Fault::Busy),
        SQLITE_FULL => Some(Fault::Full),
        SQLITE_READONLY | SQLITE_IOERR | SQLITE_CANTOPEN => Some(Fault::Unwritable),
        SQLITE_CORRUPT | SQLITE_NOTADB => Some(Fault::Damaged),
        _ => None,
    }
}

/// By the SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_postgres(code: &str) -> Option<Fault> {
    match code {
        "53100" => Some(Fault::Full),
        // Read-only, without the right to, recovering.
        "25006" | "42501" => Some(Fault::Unwritable),
        // Locks, statements and transactions that took too long, deadlocks, memory and connections that are used up.
        "55P03" | "57014" | "25P03" | "40P01" | "40001" | "53200" | "53300" | "53400" => Some(Fault::Busy),
        // The statement is prepared anew when it is tried again.
        OUTDATED => Some(Fault::Busy),
        // An input or output error, and damaged data.
        "58030" | "XX001" | "XX002" => Some(Fault::Damaged),
        // Stopping or starting, no connection, another password than ours, no database of this name: nothing that a
        // statement could be told by.
        _ if ["57P", "08", "28", "3D"].iter().any(|class| code.starts_with(class)) => Some(Fault::Away),
        _ => None,
    }
}

/// Two transactions waited for each other, and this one was given up.
pub(in crate::server::store) fn is_deadlock(error: &sqlx::Error) -> bool {
    sqlstate(error) == Some("40P01")
}

/// A table was changed beside this process, as another version does in an update: what was prepared before would find other
/// columns, and was not run (by `RevalidateCachedQuery` of `plancache.c`; texts may be in another language).
pub(super) fn is_outdated(error: &sqlx::Error) -> bool {
    let routine = |error: &PgDatabaseError| error.routine() == Some("RevalidateCachedQuery");
    sqlstate(error) == Some(OUTDATED)
        && error.as_database_error().and_then(|error| error.try_downcast_ref()).is_some_and(routine)
}

/// Whether what was to be committed may be so although `commit` has failed: the answer was lost.
pub(crate) fn may_have_committed(error: &sqlx::Error) -> bool {
    fault(error) == Some(Fault::Away) || matches!(error, sqlx::Error::Protocol(_))
}

fn sqlstate(error: &sqlx::Error) -> Option<&str> {
    Some(error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// Never of PostgreSQL: its codes look like numbers too.
fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    let code: i32 = error.try_downcast_ref::<SqliteError>()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
