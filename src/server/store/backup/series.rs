//! Automatic copies: their names, and how many of them are kept.

use super::partial::remove_dead;
use super::room::{self, RESERVE};
use super::{Contents, contents, copy};
use crate::server::secret::hex;
use crate::server::store::owner;
use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time in a name, in UTC: sorting by name is sorting by time.
const TIME: &str = "%Y%m%dT%H%M%SZ";
const ENDING: &str = ".db";
/// Copies from before an update that are kept.
const UPDATES: usize = 3;
/// A start that is tried again within this time uses the copy of the first, where that one has changed the database
/// half-way: a few more tries would otherwise push out the one from before.
const AGAIN: Duration = Duration::from_secs(3_600);

/// The folder that a database has for itself, beside it.
const OWN_FOLDER: &str = "backups";
/// Bytes of a hash that tell apart the databases of one folder: a handful of them.
const HASH_BYTES: usize = 4;

/// Copies of one database in one folder: `rivulet-20261130T110000Z.db`. In a folder that other databases may use as well,
/// a hash of the database's path is in the name: `rivulet-5f1d3a90-20261130T110000Z.db`.
#[derive(Clone, Debug)]
pub struct Series {
    folder: PathBuf,
    database: PathBuf,
    begin: String,
    /// Between the beginning and the time: the version that an update leads to.
    version: Option<i64>,
    keep: usize,
    /// Bytes that stay free on the disk.
    reserve: u64,
}

/// Copies the database before its tables, which are those of the version `from`, become those of `version`. Returns the
/// copy's path.
pub async fn before_update(database: &Path, folder: &Path, from: i64, version: i64) -> anyhow::Result<PathBuf> {
    let mut series = Series::new(database, folder, UPDATES);
    series.begin += "before-update-to-";
    series.version = Some(version);
    // A start that has no room is reported to the person who waits for it.
    series.reserve = 0;
    match series.of_first_try(from, version).await {
        Some(path) => Ok(path),
        None => Ok(series.add().await?.0),
    }
}

/// The folder of a database's copies, unless a setting names another.
pub fn own_folder(database: &Path) -> PathBuf {
    owner::folder(database).join(OWN_FOLDER)
}

impl Series {
    /// The scheduled copies in this folder, of which the newest `keep` are kept.
    pub fn new(database: &Path, folder: &Path, keep: usize) -> Self {
        let begin = begin(database, folder);
        let (folder, database) = (folder.to_owned(), database.to_owned());
        Self { folder, database, begin, version: None, keep, reserve: RESERVE }
    }

    /// The copy of a start that has brought the tables up to `from` since, and no further. Where they are still those of
    /// the copy, people may have written for a while: it does not count.
    async fn of_first_try(&self, from: i64, version: i64) -> Option<PathBuf> {
        let path = self.copies().into_iter().rfind(|path| self.version(path) == Some(version))?;
        let is_recent = self.age_of(&path).is_some_and(|age| age < AGAIN);
        (is_recent && contents(&path).await.ok()?.version < from).then_some(path)
    }

    /// Makes a copy now, and then removes the oldest ones.
    ///
    /// # Errors
    /// As [`copy`], or the folder cannot be made.
    pub async fn add(&self) -> anyhow::Result<(PathBuf, Contents)> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.with_context(|| format!("RIVULET_BACKUP_FOLDER: {} cannot be made", self.folder.display()))?;
        let path = self.free_path();
        // Of all copies: the names differ by the time.
        remove_dead(&path, &self.begin);
        room::ensure(&self.database, &path, self.reserve)?;
        let contents = copy(&self.database, &path, false).await?;
        self.thin_out(&path);
        Ok((path, contents))
    }

    /// The path of a copy that is made now: of this second, or the next that is free, as after a start that has just failed.
    fn free_path(&self) -> PathBuf {
        let version = self.version.map(|version| format!("{version}-")).unwrap_or_default();
        let mut time = Timestamp::now();
        loop {
            let shown = time.to_zoned(TimeZone::UTC).strftime(TIME).to_string();
            let path = self.folder.join(format!("{}{version}{shown}{ENDING}", self.begin));
            if !path.exists() {
                return path;
            }
            time += Duration::from_secs(1);
        }
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

    /// Removes the oldest copies after `new` was made. One with a later time stays: another process has made it
    /// meanwhile. One in the future, when the clock was wrong, does not count either way.
    fn thin_out(&self, new: &Path) {
        let (made, now) = (self.time(new), Timestamp::now());
        let mut copies = self.copies();
        copies.retain(|path| self.time(path) <= Some(now).max(made));
        let surplus = copies.len().saturating_sub(self.keep.max(1));
        copies.retain(|path| self.time(path) < made);
        for path in copies.iter().take(surplus) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(%error, path = %path.display(), "An old backup could not be removed");
            }
        }
    }
}

/// What the names of a database's copies begin with.
fn begin(database: &Path, folder: &Path) -> String {
    let stem = database.file_stem().unwrap_or_default().to_string_lossy();
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_own = absolute(folder) == absolute(&own_folder(database)) && is_usual(database);
    if is_own {
        return format!("{stem}-");
    }
    let path = database.canonicalize().unwrap_or_else(|_| absolute(database));
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    format!("{stem}-{}-", hex(&hash[..HASH_BYTES]))
}

/// Whether no other database beside it can have its name but for the ending.
fn is_usual(database: &Path) -> bool {
    database.extension().is_some_and(|ending| ending == "db")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_by_its_whole_name() {
        let series = Series::new(Path::new("data/rivulet.db"), Path::new("data/backups"), 1);
        let time = |name: &str| series.time(Path::new(name)).map(|time| time.to_string());
        assert_eq!(time("backups/rivulet-20261130T110203Z.db").unwrap(), "2026-11-30T11:02:03Z");
        for other in [
            "rivulet.db",
            "rivulet-mine.db",
            "rivulet-20261130T110203Z.db.partial-1",
            "rivulet-before-update-to-23-20261130T110203Z.db",
            "rivulet-5f1d3a90-20261130T110203Z.db",
            "other-20261130T110203Z.db",
        ] {
            assert_eq!(time(other), None, "{other}");
        }
    }

    #[test]
    fn databases_that_share_a_folder_share_no_copies() {
        let series = |database: &str, folder: &str| Series::new(Path::new(database), Path::new(folder), 1).begin;
        let (one, other) = (series("/srv/one/rivulet.db", "/backups"), series("/srv/other/rivulet.db", "/backups"));
        assert_ne!(one, other);
        assert!(one.starts_with("rivulet-") && one.len() == "rivulet-01234567-".len(), "{one}");
        assert_eq!(one, series("/srv/one/rivulet.db", "/backups"), "and finds its own again");
        assert_eq!(series("/srv/one/rivulet.db", "/srv/one/backups"), "rivulet-");
        assert_ne!(series("/srv/one/rivulet.sqlite", "/srv/one/backups"), "rivulet-");
    }

    #[test]
    fn only_copies_from_before_the_new_one_are_removed() {
        let folder = std::env::temp_dir().join(format!("rivulet-test-{}", uuid::Uuid::new_v4()));
        let backups = folder.join("backups");
        std::fs::create_dir_all(&backups).unwrap();
        let series = Series::new(&folder.join("rivulet.db"), &backups, 2);
        let at = |time: &str| backups.join(format!("rivulet-{time}Z.db"));
        let (old, new, later) = (at("20200101T000000"), at("20200102T000000"), at("20200103T000000"));
        let (latest, wrong) = (at("20200104T000000"), at("29991231T000000"));
        for path in [&old, &new, &later, &latest, &wrong] {
            std::fs::write(path, "").unwrap();
        }
        series.thin_out(&new);
        assert_eq!(series.copies(), [new, later, latest.clone(), wrong.clone()]);
        series.thin_out(&latest);
        assert_eq!(series.copies(), [at("20200103T000000"), latest, wrong], "the clock was wrong: it does not count");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
