//! Puts a copy in the database's place. What was there is kept beside it.

use super::partial::Partial;
use super::whole::{Contents, contents, ensure_finished};
use super::{is_same, is_used};
use crate::server::store::lock::{Lock, Marker, in_use, sync_folder, with};
use crate::server::store::owner;
use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// What the names of a database's files end with, the database's own last: once that is set aside, all of them are. A
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
    let folder = owner::folder(database);
    let made = std::fs::create_dir_all(folder);
    made.with_context(|| format!("DATABASE_URL: {} cannot be made", folder.display()))?;
    // No server and no command begins from here to the end.
    let _lock = Lock::alone(database)?;
    ensure_unused(database)?;
    let partial = Partial::begin(database)?;
    let copied = fill(&partial, file, contents.bytes);
    copied.with_context(|| format!("{} could not be copied beside {}", file.display(), database.display()))?;
    owner::give(partial.as_file(), database).context("The database's owner could not be set")?;
    // A version that does not know the lock may have been started: copying a large file takes minutes.
    ensure_unused(database)?;
    let kept = replace(partial, database)?;
    Ok(Restored { contents, kept })
}

fn ensure_unused(database: &Path) -> anyhow::Result<()> {
    let is_used = is_used(database).with_context(|| format!("DATABASE_URL: {}", database.display()))?;
    if is_used {
        bail!(in_use(database));
    }
    Ok(())
}

/// Copies all of it to the disk: what is left to do then takes no time.
fn fill(partial: &Partial, from: &Path, bytes: u64) -> io::Result<()> {
    let copied = io::copy(&mut File::open(from)?, &mut partial.as_file())?;
    if copied != bytes {
        return Err(io::Error::other("it has changed meanwhile"));
    }
    partial.as_file().sync_all()
}

/// Sets the database aside and puts the new one in its place. Returns the new path of the one that was there; none where
/// there was none.
fn replace(partial: Partial, database: &Path) -> anyhow::Result<Option<PathBuf>> {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let marker = Marker::begin(database, with(database, &format!("-before-restore-{now}")))?;
    if let Err(error) = set_aside(database, &marker.kept) {
        return Err(put_back(database, marker, error));
    }
    // Of the database from before, which is kept whole under its new name until the restore is run again.
    ensure_no_log(database, &marker.kept)?;
    if let Err(error) = partial.finish(database) {
        return Err(put_back(database, marker, error));
    }
    let kept = marker.kept.exists().then(|| marker.kept.clone());
    marker.end().context("The backup is in place. Remove this file, or run the restore again")?;
    Ok(kept)
}

/// Renames the database and what belongs to it, of which nothing is read: it may be damaged.
fn set_aside(database: &Path, kept: &Path) -> anyhow::Result<()> {
    if kept.exists() {
        // By a restore that was killed later. What has the database's name now is what that one put in place.
        return Ok(());
    }
    let renamed = || -> io::Result<()> {
        for ending in ENDINGS {
            let (from, to) = (with(database, ending), with(kept, ending));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        sync_folder(database)
    };
    renamed().with_context(|| format!("DATABASE_URL: {} cannot be renamed", database.display()))
}

/// SQLite would read any log with this name into the new file.
fn ensure_no_log(database: &Path, kept: &Path) -> anyhow::Result<()> {
    let mut logs = ENDINGS.iter().filter(|ending| !ending.is_empty()).map(|ending| with(database, ending));
    if let Some(log) = logs.find(|log| log.exists()) {
        bail!(
            "Another program has opened {shown} meanwhile, and made {}. Stop it, remove {shown} and that file, and run the \
             restore again. The database that was there is kept as {}",
            log.display(),
            kept.display(),
            shown = database.display()
        );
    }
    Ok(())
}

/// Gives the files their names back, after a restore that failed. Returns the error with what became of them.
fn put_back(database: &Path, marker: Marker, error: anyhow::Error) -> anyhow::Error {
    let kept = marker.kept.clone();
    let renamed = || -> anyhow::Result<()> {
        // The database's own first: while it is set aside, another try takes all of them to be.
        for ending in ENDINGS.iter().rev() {
            let (from, to) = (with(&kept, ending), with(database, ending));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        sync_folder(database)?;
        marker.end()
    };
    match renamed() {
        Ok(()) => error.context(format!("Nothing was restored, and {} is as it was", database.display())),
        Err(other) => error.context(format!(
            "Nothing was restored. The database that was there is kept as {}: run the restore again ({other:#})",
            kept.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_that_fails_at_the_last_step_puts_everything_back() {
        let folder = std::env::temp_dir().join(format!("rivulet-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let database = folder.join("rivulet.db");
        for ending in ENDINGS {
            std::fs::write(with(&database, ending), format!("before{ending}")).unwrap();
        }
        let partial = Partial::begin(&database).unwrap();
        // The rename has nothing to rename.
        std::fs::remove_file(partial.file()).unwrap();
        let told = format!("{:#}", replace(partial, &database).unwrap_err());
        assert!(told.contains("rivulet.db is as it was") && told.contains("could not be written"), "{told}");
        for ending in ENDINGS {
            assert_eq!(std::fs::read_to_string(with(&database, ending)).unwrap(), format!("before{ending}"));
        }
        assert_eq!(folder.read_dir().unwrap().count(), ENDINGS.len(), "neither a marker nor a second name stays");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_log_that_appears_meanwhile_is_not_left_beside_the_new_file() {
        let folder = std::env::temp_dir().join(format!("rivulet-test-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let database = folder.join("rivulet.db");
        std::fs::write(&database, "before").unwrap();
        // As after a restore that was killed once all was set aside, and a server of an earlier version.
        let marker = Marker::begin(&database, with(&database, "-before-restore-1")).unwrap();
        set_aside(&database, &marker.kept).unwrap();
        std::fs::write(with(&database, "-wal"), "of another").unwrap();
        let told = format!("{:#}", replace(Partial::begin(&database).unwrap(), &database).unwrap_err());
        assert!(told.contains("rivulet.db-wal") && told.contains("is kept as"), "{told}");
        assert!(!database.exists());
        std::fs::remove_file(with(&database, "-wal")).unwrap();
        let kept = replace(Partial::begin(&database).unwrap(), &database).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "before");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
