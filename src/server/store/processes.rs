//! The processes that work on a database of SQLite, and which of them are alive.
//!
//! A process holds a lock on a file of its own beside the database. However it dies, the kernel releases the lock at
//! once: this needs no clock and no heartbeat.

use super::lock::Lock;
use super::owner;
use super::presence::{Presence, Sole};
use futures::future::{BoxFuture, ready};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Separates the database's name from the process id.
const MARK: &str = "-process-";

/// This process, as others on the same database see it.
pub(super) struct Processes {
    process: String,
    database: PathBuf,
    _lock: File,
    files: Lock,
}

impl Processes {
    /// From here on this process counts as alive for the others.
    pub(super) fn begin(database: &Path, files: Lock) -> io::Result<Self> {
        let process = uuid::Uuid::now_v7().to_string();
        let path = file(database, &process);
        let lock = loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
            file.lock()?;
            // Others than root have nothing to give away.
            owner::give(&file, database).ok();
            // Between the two lines another process that starts may have removed it as a dead process's file.
            if path.exists() {
                break file;
            }
        };
        let presence = Self { process, database: database.to_owned(), _lock: lock, files };
        presence.clear()?;
        Ok(presence)
    }

    /// Removes the files of dead processes.
    fn clear(&self) -> io::Result<()> {
        any_lives(&self.database).map(drop)
    }
}

impl Presence for Processes {
    fn process(&self) -> &str {
        &self.process
    }

    /// The file of a dead one is removed.
    fn lives(&self, process: &str) -> io::Result<bool> {
        lives(&self.database, process)
    }

    fn gone(&self) -> Vec<String> {
        Vec::new()
    }

    /// Two versions during an update are meant to differ.
    fn is_set_up_with(&self, _config: String) {}

    fn is_joined(&self, _is_joined: bool) {}

    fn is_apart(&self, _process: &str) -> bool {
        false
    }

    fn is_any_apart(&self) -> bool {
        false
    }

    /// Everybody has it: there is one process but for the moments of an update, and what is done twice does no harm.
    fn sole(&self) -> BoxFuture<'_, anyhow::Result<Option<Sole>>> {
        Box::pin(ready(Ok(Some(Sole::alone()))))
    }

    /// Releases the locks, so that the database may be replaced too.
    fn end(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        let ended = remove(&file(&self.database, &self.process)).and(self.files.release());
        Box::pin(ready(ended.map_err(anyhow::Error::new)))
    }
}

/// Whether any process works on this database. The files of dead ones are removed.
pub(super) fn any_lives(database: &Path) -> io::Result<bool> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let begin = file(database, "");
    let begin = begin.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let entries = match folder.unwrap_or(Path::new(".")).read_dir() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    let mut any = false;
    for entry in entries {
        if let Some(process) = entry?.file_name().to_str().and_then(|name| name.strip_prefix(&begin)) {
            any |= lives(database, process)?;
        }
    }
    Ok(any)
}

fn lives(database: &Path, process: &str) -> io::Result<bool> {
    let path = file(database, process);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => remove(&path).map(|()| false),
    }
}

fn file(database: &Path, process: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(MARK);
    path.push(process);
    path.into()
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
