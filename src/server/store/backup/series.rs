//! Automatic copies: their names, and how many of them are kept.

use super::partial::remove_dead;
use super::{Contents, copy};
use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time in a name, in UTC: sorting by name is sorting by time.
const TIME: &str = "%Y%m%dT%H%M%SZ";
const ENDING: &str = ".db";
/// Copies from before an update that are kept.
const UPDATES: usize = 3;
/// A start that is tried again within this time uses the copy of the first: the database may be changed half-way by
/// then, and a few more tries would otherwise push out the one from before.
const AGAIN: Duration = Duration::from_secs(3_600);

/// Copies of one database in one folder: `rivulet-20261130T110000Z.db`.
#[derive(Clone, Debug)]
pub struct Series {
    folder: PathBuf,
    database: PathBuf,
    begin: String,
    /// Between the beginning and the time: the version that an update leads to.
    version: Option<i64>,
    keep: usize,
}

/// Copies the database before its tables become those of `version`. Returns the copy's path.
pub async fn before_update(database: &Path, folder: &Path, version: i64) -> anyhow::Result<PathBuf> {
    let mut series = Series::new(database, folder, UPDATES);
    series.begin += "before-update-to-";
    series.version = Some(version);
    let same = series.copies().into_iter().rfind(|path| series.version(path) == Some(version));
    match same.filter(|path| series.age_of(path).is_some_and(|age| age < AGAIN)) {
        Some(path) => Ok(path),
        None => Ok(series.add().await?.0),
    }
}

impl Series {
    /// The scheduled copies in this folder, of which the newest `keep` are kept.
    pub fn new(database: &Path, folder: &Path, keep: usize) -> Self {
        let stem = database.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { folder: folder.to_owned(), database: database.to_owned(), begin: stem + "-", version: None, keep }
    }

    /// Makes a copy now, and then removes the oldest ones.
    ///
    /// # Errors
    /// As [`copy`], or the folder cannot be made.
    pub async fn add(&self) -> anyhow::Result<(PathBuf, Contents)> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.with_context(|| format!("RIVULET_BACKUP_FOLDER: {} cannot be made", self.folder.display()))?;
        let now = Timestamp::now().to_zoned(TimeZone::UTC).strftime(TIME).to_string();
        let version = self.version.map(|version| format!("{version}-")).unwrap_or_default();
        let path = self.folder.join(format!("{}{version}{now}{ENDING}", self.begin));
        // Of all copies: the names differ by the time.
        remove_dead(&path, &self.begin);
        let contents = copy(&self.database, &path, false).await?;
        self.thin_out(&path);
        Ok((path, contents))
    }

    /// How long ago the newest copy was made; none where there is none. A time in the future (the clock was wrong)
    /// does not count.
    pub fn age(&self) -> Option<Duration> {
        self.copies().iter().rev().find_map(|path| self.age_of(path))
    }

    fn age_of(&self, path: &Path) -> Option<Duration> {
        Duration::try_from(Timestamp::now().duration_since(self.time(path)?)).ok()
    }

    /// The finished copies, the oldest first.
    pub fn copies(&self) -> Vec<PathBuf> {
        let Ok(entries) = self.folder.read_dir() else { return Vec::new() };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut copies: Vec<_> = paths.filter(|path| self.time(path).is_some()).collect();
        copies.sort_by_key(|path| self.time(path));
        copies
    }

    /// When the copy was made, by its name; none for any other file.
    fn time(&self, path: &Path) -> Option<Timestamp> {
        let (_, time) = self.parts(path)?;
        DateTime::strptime(TIME, time).ok()?.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
    }

    fn version(&self, path: &Path) -> Option<i64> {
        self.parts(path)?.0
    }

    /// The version and the time of a name in this series.
    fn parts<'a>(&self, path: &'a Path) -> Option<(Option<i64>, &'a str)> {
        let name = path.file_name()?.to_str()?.strip_prefix(&self.begin)?.strip_suffix(ENDING)?;
        if self.version.is_none() {
            return Some((None, name));
        }
        let (version, time) = name.split_once('-')?;
        Some((Some(version.parse().ok()?), time))
    }

    fn thin_out(&self, new: &Path) {
        let mut copies = self.copies();
        copies.retain(|path| path != new);
        let surplus = (copies.len() + 1).saturating_sub(self.keep.max(1));
        for path in &copies[..surplus.min(copies.len())] {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "An old backup could not be removed");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_whole_name() {
        let series = Series::new(Path::new("data/rivulet.db"), Path::new("backups"), 1);
        let time = |name: &str| series.time(Path::new(name)).map(|time| time.to_string());
        assert_eq!(time("backups/rivulet-20261130T110203Z.db").unwrap(), "2026-11-30T11:02:03Z");
        for other in [
            "rivulet.db",
            "rivulet-mine.db",
            "rivulet-20261130T110203Z.db.partial-1",
            "rivulet-before-update-to-23-20261130T110203Z.db",
            "other-20261130T110203Z.db",
        ] {
            assert_eq!(time(other), None, "{other}");
        }
    }
}
