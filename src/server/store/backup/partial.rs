//! A file that is being written under another name than it will have.
//!
//! Its writer holds a lock on it, which the kernel releases however the writer dies. So the next one knows which of
//! these files were left behind, and removes them.

use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
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
        let mut own = name.to_owned();
        own.push(format!("{MARK}{}", uuid::Uuid::now_v7()));
        let path = target.with_file_name(own);
        remove_dead(target, &name.to_string_lossy());
        let made = OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).open(&path);
        let file = made.with_context(|| format!("No file can be made beside {shown}"))?;
        let partial = Self { path, target: target.to_owned(), file };
        partial.file.lock().with_context(|| format!("{} cannot be locked", partial.path.display()))?;
        Ok(partial)
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

/// A new name is on the disk once its folder is.
pub(super) fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(folder(of))?.sync_all()
}

pub(super) fn folder(of: &Path) -> &Path {
    of.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
