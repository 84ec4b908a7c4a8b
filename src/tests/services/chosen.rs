//! Which database all tests run on: SQLite, or PostgreSQL with `RIVULET_TEST_STORE=postgres` in the environment.

use super::{Database, postgres};
use crate::server::sync::lock;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

const VARIABLE: &str = "RIVULET_TEST_STORE";

/// The databases of tests on PostgreSQL, by their folders: two processes of one test share both.
static DATABASES: LazyLock<Mutex<HashMap<PathBuf, Database>>> = LazyLock::new(Mutex::default);

/// The URL of the database of the test in this folder. None: it runs on SQLite.
///
/// # Panics
/// PostgreSQL is asked for, and not installed: no test may pass that did not run on it.
pub(crate) fn database_of(folder: &Path) -> Option<String> {
    match std::env::var(VARIABLE).as_deref() {
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

/// Deletes it, when the test's folder goes.
pub(crate) fn forget(folder: &Path) {
    drop(lock(&DATABASES).remove(folder));
}
