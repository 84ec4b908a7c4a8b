//! Who may have the database's files: any number of servers and commands that work on them, or one restore that replaces
//! them.
//!
//! The lock is on a file beside the database, because a restore renames the database's own. That file stays there: one
//! that is removed and made again would be two locks. The kernel releases a lock however its process dies. What is left
//! then of a restore is its marker, which keeps everybody away until the restore is run again.

use super::owner;
use anyhow::{Context, bail, ensure};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the name of the file with the lock adds to the database's.
const LOCK: &str = "-lock";
/// What the name of the marker adds to the database's.
const MARKER: &str = "-restoring";

/// The right to use or to replace a database's files, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// For a server or a command, before it looks at the database. Others may have it at the same time.
    ///
    /// # Errors
    /// A sentence: a restore is replacing the database, or one was not finished.
    pub(super) fn shared(database: &Path) -> anyhow::Result<Self> {
        let file = open(database).with_context(|| format!("{} cannot be written", with(database, LOCK).display()))?;
        Self::share(file, database)
    }

    /// [`Lock::shared`] for a copy of the database. None where no lock can be made: who may only read can still copy.
    ///
    /// # Errors
    /// As [`Lock::shared`].
    pub(super) fn to_copy(database: &Path) -> anyhow::Result<Option<Self>> {
        match open(database) {
            Ok(file) => Self::share(file, database).map(Some),
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
                ensure_restored(database).map(|()| None)
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be written", with(database, LOCK).display())),
        }
    }

    fn share(file: File, database: &Path) -> anyhow::Result<Self> {
        let shown = database.display();
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("{shown} is being restored. Try again when that is done"),
            Err(TryLockError::Error(error)) => return Err(error).context(format!("{shown} cannot be locked")),
        }
        ensure_restored(database)?;
        Ok(Self(file))
    }

    /// For a restore. Nobody else has the lock then.
    ///
    /// # Errors
    /// A sentence: a server, a command or another restore has it.
    pub(super) fn alone(database: &Path) -> anyhow::Result<Self> {
        let file = open(database).with_context(|| format!("{} cannot be written", with(database, LOCK).display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => bail!(in_use(database)),
            Err(TryLockError::Error(error)) => {
                Err(error).context(format!("DATABASE_URL: {} cannot be locked", database.display()))
            }
        }
    }

    /// Gives the lock back before it is dropped.
    pub(super) fn release(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

/// Why a restore is refused while others work on the database.
pub(super) fn in_use(database: &Path) -> String {
    let shown = database.display();
    format!(
        "Rivulet is running on {shown} (a server or a command). Stop it first: what it writes meanwhile would be lost"
    )
}

fn open(database: &Path) -> io::Result<File> {
    let path = with(database, LOCK);
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
    // Others than root have nothing to give away.
    owner::give(&file, database).ok();
    Ok(file)
}

/// Refuses a database whose restore was not finished: its log may have been set aside already, and not the database.
fn ensure_restored(database: &Path) -> anyhow::Result<()> {
    let marker = with(database, MARKER);
    ensure!(
        !marker.exists(),
        "A restore was not finished: run it again (rivulet restore). {} says so",
        marker.display()
    );
    Ok(())
}

/// Says that the files of a database are being renamed, and what they are called then. It is on the disk before the first
/// of them is, so that a restore that was killed is gone on with under the same name.
#[derive(Debug)]
pub(super) struct Marker {
    path: PathBuf,
    /// The new path of the database that was there.
    pub(super) kept: PathBuf,
}

impl Marker {
    /// Goes on with the restore that was not finished, or begins a new one, which keeps the database as `kept`.
    pub(super) fn begin(database: &Path, kept: PathBuf) -> anyhow::Result<Self> {
        let path = with(database, MARKER);
        if let Some(kept) = unfinished(database, &path) {
            return Ok(Self { path, kept });
        }
        ensure!(!kept.exists(), "{} is there already. Try again in a second", kept.display());
        let written = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path)?;
            owner::give(&file, database).ok();
            let name = kept.file_name().unwrap_or_default().as_encoded_bytes();
            file.write_all(&[name, b"\n"].concat())?;
            file.sync_all()?;
            sync_folder(&path)
        };
        written().with_context(|| format!("{} could not be written", path.display()))?;
        Ok(Self { path, kept })
    }

    pub(super) fn end(self) -> anyhow::Result<()> {
        let removed = std::fs::remove_file(&self.path).and_then(|()| sync_folder(&self.path));
        removed.with_context(|| format!("{} could not be removed", self.path.display()))
    }
}

/// The path that a marker names. None where there is no marker, or one that is not whole: nothing was renamed then.
fn unfinished(database: &Path, marker: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(marker).ok()?;
    let name = text.strip_suffix('\n').filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some(database.with_file_name(name))
}

/// A new name is on the disk once its folder is.
pub(super) fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(owner::folder(of))?.sync_all()
}

/// A path whose name is followed by `ending`.
pub(super) fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
