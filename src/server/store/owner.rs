//! Whom the files of a database belong to: a command that root runs beside the server of another user has to leave
//! files that the server can open.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// Gives a new file to the user that runs Rivulet: the owner of the database, or of its folder where there is no
/// database yet. Only root can do that for others, and fails nowhere else than where the owner differs.
pub(super) fn give(file: &File, database: &Path) -> io::Result<()> {
    give_as(file, std::fs::metadata(database).or_else(|_| std::fs::metadata(folder(database)))?)
}

/// Gives the new file of a database to the owner of its folder.
pub(super) fn give_as_folder(file: &File, database: &Path) -> io::Result<()> {
    give_as(file, std::fs::metadata(folder(database))?)
}

fn give_as(file: &File, before: std::fs::Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    fchown(file, Some(before.uid()), Some(before.gid()))
}

/// The folder that a file is in.
pub(super) fn folder(of: &Path) -> &Path {
    of.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
