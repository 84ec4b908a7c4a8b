//! Puts a copy in the database's place. What was there is kept beside it.

use super::partial::{Partial, folder, sync_folder};
use super::whole::{Contents, contents, ensure_finished};
use super::{is_same, is_used};
use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

/// What the names of a database's files end with, the database's own last: until it is renamed, another try finds it. A
/// log that stays where it was would be read into the new file.
const ENDINGS: [&str; 4] = ["-wal", "-shm", "-journal", ""];

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    pub contents: Contents,
    /// The database that was there before.
    pub kept: Option<PathBuf>,
}

/// # Errors
/// A sentence: the file is no whole and sound backup that this program can use, or a process has the database open.
/// Nothing is changed then.
pub async fn restore(file: &Path, database: &Path) -> anyhow::Result<Restored> {
    ensure!(!is_same(file, database), "{} is the database itself. Name a backup", file.display());
    ensure_finished(file)?;
    let contents = contents(file).await?;
    ensure_unused(database)?;
    let made = std::fs::create_dir_all(folder(database));
    made.with_context(|| format!("DATABASE_URL: {} cannot be made", folder(database).display()))?;
    let partial = Partial::begin(database)?;
    let copied = fill(&partial, file, contents.bytes);
    copied.with_context(|| format!("{} could not be copied beside {}", file.display(), database.display()))?;
    given_to_its_owner(partial.as_file(), database).context("The database's owner could not be set")?;
    // Copying a large file takes minutes.
    ensure_unused(database)?;
    let kept = set_aside(database)?;
    partial.finish(database)?;
    Ok(Restored { contents, kept })
}

fn ensure_unused(database: &Path) -> anyhow::Result<()> {
    let shown = database.display();
    let is_used = is_used(database).with_context(|| format!("DATABASE_URL: {shown}"))?;
    if is_used {
        bail!("Rivulet is running on {shown}. Stop it first: what it writes meanwhile would be lost");
    }
    Ok(())
}

fn fill(partial: &Partial, from: &Path, bytes: u64) -> io::Result<()> {
    let copied = io::copy(&mut File::open(from)?, &mut partial.as_file())?;
    if copied != bytes {
        return Err(io::Error::other("it has changed meanwhile"));
    }
    Ok(())
}

/// Restored by root, the file is to belong to the user that runs Rivulet: that of the database before, or its folder.
fn given_to_its_owner(file: &File, database: &Path) -> io::Result<()> {
    let before = std::fs::metadata(database).or_else(|_| std::fs::metadata(folder(database)))?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    fchown(file, Some(before.uid()), Some(before.gid()))
}

/// Renames the database and what belongs to it, of which nothing is read: it may be damaged. Returns its new path; none
/// where there was none.
fn set_aside(database: &Path) -> anyhow::Result<Option<PathBuf>> {
    let is_there = database.exists();
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let kept = with(database, &format!("-before-restore-{now}"));
    ensure!(!kept.exists(), "{} is there already. Try again in a second", kept.display());
    let renamed = || -> io::Result<()> {
        for ending in ENDINGS {
            let (from, to) = (with(database, ending), with(&kept, ending));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        sync_folder(database)
    };
    renamed().with_context(|| format!("DATABASE_URL: {} cannot be renamed", database.display()))?;
    Ok(is_there.then_some(kept))
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
