//! PostgreSQL as the store: where it is, how its sessions are set, and whether it can be used.
//!
//! The URL has a password in it, so no error and no line of the log has any part of it but host, port and names.

use anyhow::{Context, bail, ensure};
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::io;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;

/// The tables, one file per change; those of `schema` are SQLite's.
static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");
/// The oldest version that its makers maintain, and that the tests run on (<https://www.postgresql.org/support/versioning>).
pub const OLDEST: i64 = 15;
/// How long a connection may take; where nothing answers, the system's own limit is minutes.
const PATIENCE: Duration = Duration::from_secs(10);
/// A change waits for a table that is in use, and others who ask for that table then wait for the change: not for as long
/// as a copy of the database takes.
const TABLE_IN_USE: &str = "set lock_timeout = '1min'";
/// How many statements each connection keeps prepared: more than the store has.
const STATEMENTS: usize = 512;
/// What a URL can ask for; sqlx would write others into the log, and a password that is cut by a `?` is one of these.
const KNOWN: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
    "statement-cache-capacity",
];
/// What each session is set to.
const SESSION: [(&str, &str); 8] = [
    // Every rule of the store that waits for a lock and then reads is made for this.
    ("default_transaction_isolation", "read committed"),
    // Longer than any statement of ours takes.
    ("statement_timeout", "15s"),
    ("lock_timeout", "5s"),
    // No transaction of ours waits for anything but the database: one that takes so long was paused, with its locks.
    ("idle_in_transaction_session_timeout", "3s"),
    // A machine that is gone without a word is noticed, and its locks are free. Nothing of it is for sockets of this machine.
    ("tcp_user_timeout", "5s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "1"),
    ("tcp_keepalives_count", "5"),
];

/// Whether a `DATABASE_URL` names a database of PostgreSQL.
pub fn is_meant(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// How to connect to the database at this URL, which `name` (a setting) gives.
///
/// # Errors
/// A sentence without any part of the URL: it may be the password that makes it wrong.
pub fn options(name: &str, url: &str) -> anyhow::Result<PgConnectOptions> {
    let form =
        "postgres://USER:PASSWORD@HOST:PORT/DATABASE, where signs in the password are written as %23 for # and so on";
    let parsed = reqwest::Url::parse(url).ok().filter(|url| is_meant(url.as_str()));
    let parsed = parsed.with_context(|| format!("{name} expects {form}"))?;
    // What follows a `/`, `?` or `#` in the password is taken for a path, a question and a fragment.
    let is_cut = parsed.fragment().is_some() || parsed.path().trim_start_matches('/').contains(['/', '@', ':']);
    ensure!(!is_cut, "{name} expects {form}");
    let is_known = |key: &str| KNOWN.contains(&key) || key.starts_with("options[");
    let mut keys = parsed.query_pairs().map(|(key, _)| key);
    ensure!(
        keys.all(|key| is_known(&key)),
        "{name} has a parameter after the ? that is not known. Known are sslmode, sslrootcert, sslcert, sslkey, host, port, \
         dbname, user, password and options"
    );
    let options = PgConnectOptions::from_str(url).ok().with_context(|| {
        format!("{name} has a wrong value after the ?: sslmode is disable, prefer, require, verify-ca or verify-full")
    })?;
    ensure!(options.get_database().is_some(), "{name} names no database: {form}");
    Ok(options.options(SESSION).statement_cache_capacity(STATEMENTS))
}

/// Where the database is, for people: without user and password.
pub fn shown(options: &PgConnectOptions) -> String {
    let place = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    format!("{} at {place}", options.get_database().unwrap_or_default())
}

/// Whether what is sent to the database can be read or changed on the way there.
pub fn is_in_the_open(options: &PgConnectOptions) -> bool {
    // An address of IPv6 is in brackets.
    let host = options.get_host().trim_matches(['[', ']']);
    let is_near = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    !is_near && !matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull)
}

/// Opens a connection.
///
/// # Errors
/// A sentence that says what PostgreSQL, or the way there, has against it.
pub async fn connect(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    let opened = timeout(PATIENCE, options.connect()).await;
    let opened = opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
    opened.with_context(|| format!("DATABASE_URL: the database {} cannot be connected to", shown(options)))
}

/// Checks that the database can be used, and brings its tables up to date. Several nodes may do it at once.
///
/// # Errors
/// A sentence. Each change of the tables is one transaction, so they are then those of some earlier version.
pub async fn bring_up_to_date(options: &PgConnectOptions) -> anyhow::Result<()> {
    let mut connection = connect(options).await?;
    let done = usable(&mut connection, options).await;
    connection.close().await.ok();
    done
}

async fn usable(connection: &mut PgConnection, options: &PgConnectOptions) -> anyhow::Result<()> {
    let shown = shown(options);
    let found = look(connection).await.with_context(|| format!("DATABASE_URL: {shown} could not be looked at"))?;
    if let Some(fault) = found.faults().into_iter().next() {
        bail!("DATABASE_URL: {shown}: {fault}");
    }
    match migrate(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => bail!(
            "DATABASE_URL: {shown} was written by a newer version of Rivulet: its tables are of version {version}. Start \
             the newer version, or restore a backup that was made before the update"
        ),
        Err(error) => {
            let advice = if is_forbidden(&error) { ". The user has to be the owner of the database" } else { "" };
            Err(error).context(format!("DATABASE_URL: the tables of {shown} could not be brought up to date{advice}"))
        }
    }
}

/// Waits for another node that is at it, and changes what is still to be changed.
async fn migrate(connection: &mut PgConnection) -> Result<(), MigrateError> {
    // A change of a large table takes longer than a statement of ours may, and so does waiting for it.
    for unlimited in ["set statement_timeout = 0", "set lock_timeout = 0"] {
        sqlx::query(unlimited).execute(&mut *connection).await?;
    }
    connection.lock().await?;
    sqlx::query(TABLE_IN_USE).execute(&mut *connection).await?;
    // It takes the same lock again, as a session may. Both are free with the end of this one.
    MIGRATOR.run(&mut *connection).await
}

/// Whether the user lacks a right.
fn is_forbidden(error: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else { return false };
    cause.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "42501")
}

/// What a server says of itself and of the database.
#[derive(Clone, Debug)]
pub struct Found {
    pub version: i64,
    pub encoding: String,
    pub is_replica: bool,
    /// How many tables there are of another program.
    pub foreign_tables: i64,
    /// How many connections the server takes, of all its users.
    pub connections: i64,
    /// Whether what was acknowledged survives a loss of power.
    pub is_durable: bool,
}

impl Found {
    /// Why it cannot be used, each with what to do.
    pub fn faults(&self) -> Vec<String> {
        let Self { version, encoding, is_replica, foreign_tables, .. } = self;
        let mut faults = Vec::new();
        if *version < OLDEST {
            faults.push(format!(
                "PostgreSQL {version} is too old: Rivulet is tested from {OLDEST} on. Update the server"
            ));
        }
        if encoding != "UTF8" {
            faults.push(format!(
                "its encoding is {encoding}, which does not have every letter. Make another one: create database rivulet \
                 encoding 'UTF8' template template0"
            ));
        }
        if *is_replica {
            faults.push("this is a replica, which takes no writes. Name the primary".into());
        }
        if 0 < *foreign_tables {
            faults.push("it is the database of another program. Make one for Rivulet alone".into());
        }
        faults
    }
}

/// Looks at the server and the database. Nothing is changed.
///
/// # Errors
/// The connection broke.
pub async fn look(connection: &mut PgConnection) -> sqlx::Result<Found> {
    let (version, encoding, is_replica, foreign_tables, connections, is_durable) = sqlx::query_as(
        "select current_setting('server_version_num')::bigint / 10000, current_setting('server_encoding'),
                pg_is_in_recovery(),
                (select count(*) from pg_tables where schemaname = current_schema()
                    and not exists (select 1 from pg_tables
                                    where schemaname = current_schema() and tablename = '_sqlx_migrations')),
                current_setting('max_connections')::bigint,
                'off' not in (current_setting('fsync'), current_setting('full_page_writes'),
                              current_setting('synchronous_commit'))",
    )
    .fetch_one(connection)
    .await?;
    Ok(Found { version, encoding, is_replica, foreign_tables, connections, is_durable })
}

/// Whether a server runs on this database, for a command that opens it beside one. `may_make`: also where there are no
/// tables yet.
///
/// # Errors
/// A sentence: it has no tables, or those of an earlier version, which are left to the server.
pub async fn is_served(url: &str, may_make: bool) -> anyhow::Result<bool> {
    let options = options("DATABASE_URL", url)?;
    let mut connection = connect(&options).await?;
    let made: bool =
        sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(&mut connection).await?;
    if !made {
        ensure!(
            may_make,
            "DATABASE_URL: the database {} has no tables yet. Start Rivulet once, which makes them",
            shown(&options)
        );
        return Ok(false);
    }
    let changes: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(&mut connection).await?;
    ensure!(
        usize::try_from(changes).is_ok_and(|changes| MIGRATOR.iter().count() <= changes),
        "DATABASE_URL: {} is of an earlier version of Rivulet. Start Rivulet once, which brings it up to date",
        shown(&options)
    );
    let served = "select exists (select 1 from node where dead_at is null)";
    let is_served = sqlx::query_scalar(served).fetch_one(&mut connection).await?;
    connection.close().await.ok();
    Ok(is_served)
}
