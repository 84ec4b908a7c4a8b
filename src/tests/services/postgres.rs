//! PostgreSQL for tests: a database for each, made from one with all tables.

use super::{Server, folders_of, is_root, say_missing};
use crate::server::store::postgres::{OLDEST, bring_up_to_date, options};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

/// The user inside PostgreSQL. Its folder is for this user of the machine alone, so nobody needs a password.
const USER: &str = "rivulet";
/// PostgreSQL refuses to run as root; Debian's package has made this user.
const SYSTEM_USER: &str = "postgres";
const TEMPLATE: &str = "rivulet_template";

/// Nothing of it has to survive. The locale is one of a language, so that a text compared by it is found: tables that
/// compare byte by byte say so themselves.
pub(super) const SCRIPT: &str = r#"
"$programs/initdb" -D data -U rivulet --auth=trust --no-sync --encoding=UTF8 \
  --locale=C.UTF-8 --locale-provider=icu --icu-locale=en >log 2>&1 || failed
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
  -c full_page_writes=off -c max_connections=500 >>log 2>&1 &
server=$! ending=QUIT
until grep -qs '^ready' data/postmaster.pid; do
  kill -0 "$server" 2>/dev/null || failed
  sleep 0.1
done
"#;

/// A server of PostgreSQL.
pub(crate) struct Postgres {
    server: Server,
    template: OnceCell<()>,
}

/// A database of its own for one test, with all tables and nothing in them. Dropped, it is deleted.
pub(crate) struct Database {
    pub(crate) url: String,
    name: String,
    server: &'static Postgres,
}

/// The server. None where it is not installed, which is said.
pub(crate) fn postgres() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    SERVER.get_or_init(|| start("postgres", SCRIPT)).as_ref()
}

/// One for a test alone, which breaks it: what is committed survives that. It runs until the tests' process ends.
pub(crate) fn postgres_of_its_own(name: &str) -> Option<&'static Postgres> {
    let script = SCRIPT.replace("synchronous_commit=off", "synchronous_commit=on");
    start(&format!("postgres-{name}"), &script).map(|server| &*Box::leak(Box::new(server)))
}

fn start(name: &str, script: &str) -> Option<Postgres> {
    let Some(programs) = programs() else {
        say_missing(&format!("PostgreSQL {OLDEST} or newer"), "postgresql");
        return None;
    };
    Some(Postgres { server: Server::start(name, script, &programs, user()), template: OnceCell::new() })
}

/// The folder of the newest programs, which Debian has in a folder for each version; none if they are too old.
pub(super) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = folders_of("initdb", versions.map(|version| version.path().join("bin")).collect());
    let found = folders.filter_map(|folder| {
        let said = Command::new(folder.join("initdb")).arg("--version").output().ok()?;
        Some((version(&String::from_utf8_lossy(&said.stdout))?, folder))
    });
    found.filter(|(version, _)| OLDEST <= *version).max_by_key(|(version, _)| *version).map(|(_, folder)| folder)
}

/// The first number in what a program says of its version.
fn version(said: &str) -> Option<i64> {
    said.split(|letter: char| !letter.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()
}

/// The user of the machine that it runs as, where that is not this process's.
pub(super) fn user() -> Option<&'static str> {
    is_root().then_some(SYSTEM_USER)
}

#[test]
fn of_a_version_the_first_number_counts() {
    assert_eq!(version("initdb (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
    assert_eq!(version("initdb (PostgreSQL) 9.6.24"), Some(9));
    assert_eq!(version("initdb (PostgreSQL) 18beta1"), Some(18));
    assert_eq!(version(""), None);
}

impl Postgres {
    /// The folder with the socket and the log.
    pub(crate) fn folder(&self) -> &PathBuf {
        &self.server.folder
    }

    /// A database with all tables.
    pub(crate) async fn database(&'static self) -> Database {
        self.template
            .get_or_init(async || {
                self.command(format!("create database {TEMPLATE}")).await;
                bring_up_to_date(&options("DATABASE_URL", &self.url(TEMPLATE)).unwrap()).await.unwrap();
            })
            .await;
        // Copied as files, in a quarter of the time that PostgreSQL takes by way of its log.
        self.database_by(&format!("template {TEMPLATE} strategy file_copy")).await
    }

    /// A database without tables, made with these words of `create database`.
    pub(crate) async fn database_by(&'static self, how: &str) -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.command(format!("create database {name} {how}")).await;
        Database { url: self.url(&name), name, server: self }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user={USER}", self.folder().display())
    }

    async fn command(&self, sql: String) {
        let mut connection = connect(&self.url("postgres")).await;
        // A database is copied, which on a machine with much to do takes longer than a statement may.
        sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = 0").execute(&mut connection).await.unwrap();
        sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// A connection to a database, as the store's are set.
async fn connect(url: &str) -> PgConnection {
    options("DATABASE_URL", url).unwrap().connect().await.unwrap()
}

impl Database {
    /// Where its server has its socket.
    pub(super) fn folder(&self) -> &PathBuf {
        self.server.folder()
    }

    /// Its name, which no other test's has.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A connection besides those of the store.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.url).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server, std::mem::take(&mut self.name));
        // A test's own runtime may be ending. What is not done when all tests are goes with the folder.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server.command(format!("drop database {name} with (force)")));
        });
    }
}
