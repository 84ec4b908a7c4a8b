//! Where copies of the database go, and when they are made.

use super::{Settings, Switch};
use crate::server::store::backup::{self, Series};
use anyhow::{bail, ensure};
use std::path::PathBuf;
use std::time::Duration;

impl Settings {
    /// The database's file.
    ///
    /// # Errors
    /// `DATABASE_URL` names none, but a database of PostgreSQL.
    pub fn database(&self) -> anyhow::Result<PathBuf> {
        if self.database_url.is_postgres() {
            bail!(
                "DATABASE_URL names a database of PostgreSQL, which is no file: it is copied and restored with pg_dump and \
                 pg_restore (docs/cluster.md)"
            );
        }
        backup::file(&self.database_url)
    }

    /// The folder of automatic copies.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn backups(&self) -> anyhow::Result<PathBuf> {
        if let Some(folder) = &self.backup_folder {
            return Ok(folder.clone());
        }
        Ok(backup::own_folder(&self.database()?))
    }

    /// The folder for a copy before the tables change; none where that is switched off, and for PostgreSQL.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn backups_before_update(&self) -> anyhow::Result<Option<PathBuf>> {
        match self.backup_before_update {
            Switch::On if !self.database_url.is_postgres() => self.backups().map(Some),
            _ => Ok(None),
        }
    }

    /// The scheduled copies, and the time between two; none where there is no schedule.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn schedule(&self) -> anyhow::Result<Option<(Series, Duration)>> {
        let Some(hours) = self.backup_hours else { return Ok(None) };
        // Refused rather than ignored: an operator who sets it relies on it.
        ensure!(
            !self.database_url.is_postgres(),
            "RIVULET_BACKUP_HOURS is for SQLite: copy PostgreSQL with its own tools"
        );
        let series = Series::new(&self.database()?, &self.backups()?, self.backup_keep);
        Ok(Some((series, Duration::from_secs(3_600 * u64::from(hours)))))
    }
}
