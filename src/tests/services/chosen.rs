//! Which database all tests run on: SQLite, or PostgreSQL with `RIVULET_TEST_STORE=postgres` in the environment.

use super::{Database, postgres};
use crate::server::sync::lock;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

const VARIABLE: &str = "RIVULET_TEST_STORE";

/// Tests that are about SQLite: they run on it, whichever database is asked for. Each by how its name begins, and why;
/// `scripts/test` reads them here, to leave out what it has run already.
const ABOUT_SQLITE: [(&str, &str); 24] = [
    ("server::engine::telling::", "how many connections read, each with a hand-over"),
    ("server::store::backup", "copies of its file"),
    ("tests::backup", "copies of its file"),
    ("tests::batches::", "hand-overs; `tests::seam` has both databases"),
    ("tests::cluster::", "on PostgreSQL, whichever is asked for: once is enough"),
    ("tests::commands", "commands beside a server on its file"),
    ("tests::crash::", "its file, and the files that say which processes live"),
    ("tests::deletion::", "its list of tables, and what is left in its file"),
    ("tests::hand_overs::", "hand-overs to its thread"),
    ("tests::indexes::", "its plans"),
    ("tests::kept::s14_a_session_that_a_new_one_replaces_", "a trigger as it writes them"),
    ("tests::log::", "its list of tables"),
    ("tests::matrix::nul::", "its list of tables"),
    ("tests::matrix::several::", "on PostgreSQL, whichever is asked for: once is enough"),
    ("tests::namespaces::", "its file in other namespaces"),
    ("tests::other_process::", "the files that say which processes live"),
    ("tests::postgres::moving_whole::", "from its file to PostgreSQL, whichever is asked for: once is enough"),
    ("tests::search::bytes::", "what is left in its file"),
    ("tests::seats::", "its file; `tests::seam` has both databases"),
    ("tests::small_disk::", "copies of its file on a full disk"),
    ("tests::storage::", "faults of its file and its disk"),
    ("tests::titles::what_a_title_has_cost_is_written_also_", "its file, locked by another connection"),
    ("tests::upgrades::", "files of earlier versions"),
    ("tests::write_ahead::", "its log"),
];

/// The databases of tests on PostgreSQL, by their folders: two processes of one test share both.
static DATABASES: LazyLock<Mutex<HashMap<PathBuf, Database>>> = LazyLock::new(Mutex::default);

/// The URL of the database of the test in this folder. None: it runs on SQLite.
///
/// # Panics
/// PostgreSQL is asked for, and not installed: no test may pass that did not run on it.
pub(crate) fn database_of(folder: &Path) -> Option<String> {
    match std::env::var(VARIABLE).as_deref() {
        Ok("postgres") if is_about_sqlite() => return None,
        Ok("postgres") => {}
        Ok("sqlite" | "") | Err(_) => return None,
        Ok(other) => panic!("{VARIABLE} is sqlite or postgres, and not {other}"),
    }
    if let Some(database) = lock(&DATABASES).get(folder) {
        return Some(database.url.clone());
    }
    let server = postgres().expect("PostgreSQL is installed");
    // On a thread of its own: the caller's runtime must not wait for another one.
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(server.database())
    });
    let database = made.join().unwrap();
    let url = database.url.clone();
    lock(&DATABASES).insert(folder.to_owned(), database);
    Some(url)
}

/// Whether this thread, which has the name of its test, runs one of those.
fn is_about_sqlite() -> bool {
    let thread = std::thread::current();
    ABOUT_SQLITE.iter().any(|(test, _)| thread.name().is_some_and(|name| name.starts_with(test)))
}

/// Deletes it, when the test's folder goes.
pub(crate) fn forget(folder: &Path) {
    drop(lock(&DATABASES).remove(folder));
}
