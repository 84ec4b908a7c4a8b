//! The database's file: whether the open one is still the one at its path. A file that was deleted or replaced accepts
//! every write, and the data is lost.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The identity of a file when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Opened {
    /// The file at this path, which was just opened.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let file = std::fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), device: file.dev(), inode: file.ino() })
    }

    /// Checks that it is still there. The check takes a microsecond, so every write makes it.
    ///
    /// # Errors
    /// `NotFound`: there is another one at its path, or none.
    pub(super) fn check(&self) -> io::Result<()> {
        let is_there =
            std::fs::metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        if is_there {
            return Ok(());
        }
        let path = self.path.display();
        Err(io::Error::new(ErrorKind::NotFound, format!("{path} is not the database any more that was opened")))
    }
}
