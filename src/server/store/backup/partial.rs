//! A file that is being written under another name than it will have.
//!
//! Its writer holds a lock on it, which the kernel releases however the writer dies. So the next one knows which of
//! these files were left behind, and removes them.

use crate::server::store::lock::sync_folder;
use crate::server::store::owner::folder;
use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Separates the name that the file will have from what makes this one its own. `rivulet restore` refuses such a name.
const MARK: &str = ".partial-";

/// Removed when it is dropped unfinished.
pub(super) struct Partial {
    path: PathBuf,
    target: PathBuf,
    file: File,
}

/// Whether this is the name of an unfinished file.
pub(super) fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(MARK))
}

impl Partial {
    /// Makes an empty file beside `target`, which its owner alone can read.
    pub(super) fn begin(target: &Path) -> anyhow::Result<Self> {
        let shown = target.display();
        let name = target.file_name().with_context(|| format!("{shown} names no file"))?;
        remove_dead(target, &name.to_string_lossy());
        loop {
            let mut own = name.to_owned();
            own.push(format!("{MARK}{}", uuid::Uuid::now_v7()));
            let path = target.with_file_name(own);
            let made = OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).open(&path);
            let file = made.with_context(|| format!("No file can be made beside {shown}"))?;
            let partial = Self { path, target: target.to_owned(), file };
            if partial.lock().with_context(|| format!("{} cannot be locked", partial.path.display()))? {
                return Ok(partial);
            }
        }
    }

    /// Locks it. `false`: before that, another writer took it to be left behind and removed it.
    fn lock(&self) -> io::Result<bool> {
        self.file.lock()?;
        self.is_there()
    }

    /// Whether its path still leads to it.
    fn is_there(&self) -> io::Result<bool> {
        let own = self.file.metadata()?;
        Ok(std::fs::symlink_metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())))
    }

    pub(super) fn file(&self) -> &Path {
        &self.path
    }

    /// The path as SQL takes it.
    pub(super) fn path(&self) -> anyhow::Result<&str> {
        self.path.to_str().with_context(|| format!("{} is not UTF-8", self.path.display()))
    }

    /// The name that it will have, for people.
    pub(super) fn target(&self) -> std::path::Display<'_> {
        self.target.display()
    }

    pub(super) fn as_file(&self) -> &File {
        &self.file
    }

    /// Writes all of it to the disk and gives it its name, at once and for good.
    pub(super) fn finish(self, target: &Path) -> anyhow::Result<()> {
        let named = || -> io::Result<()> {
            self.file.sync_all()?;
            if !self.is_there()? {
                return Err(io::Error::other(format!("{} was removed meanwhile", self.path.display())));
            }
            std::fs::rename(&self.path, target)?;
            sync_folder(target)
        };
        named().with_context(|| format!("{} could not be written", target.display()))
    }

    pub(super) fn write_to(&self, out: &mut (dyn Write + Send)) -> io::Result<()> {
        io::copy(&mut File::open(&self.path)?, out)?;
        out.flush()
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Not there once it is finished.
        std::fs::remove_file(&self.path).ok();
    }
}

/// Removes what writers that died left beside `target`, with names that begin with `begin`.
pub(super) fn remove_dead(target: &Path, begin: &str) {
    let Ok(entries) = folder(target).read_dir() else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin));
        if is_ours && is_partial(&path) && is_dead(&path) {
            std::fs::remove_file(&path).ok();
        }
    }
}

fn is_dead(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_removed_before_it_was_locked_is_not_written_to() {
        let folder = std::env::temp_dir().join(format!("rivulet-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let target = folder.join("copy.db");
        let partial = Partial::begin(&target).unwrap();
        assert!(partial.lock().unwrap());
        std::fs::remove_file(partial.file()).unwrap();
        assert!(!partial.lock().unwrap());
        // Another file under its name is not what was written and checked.
        std::fs::write(partial.file(), "of another").unwrap();
        assert!(!partial.lock().unwrap());
        let told = format!("{:#}", partial.finish(&target).unwrap_err());
        assert!(told.contains("was removed meanwhile"), "{told}");
        assert!(!target.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
